//! What becomes a span, and of which it is a part.

use super::fold::Fold;
use super::settings::Export;
use jiff::Timestamp;
use ledger::{Action, ErrorClass, ErrorRecord, Event, Outcome, Placement, Record, RunId, RunKind};
use oci_api::Operation;
use oci_client::Tried;
use opentelemetry::trace::{SpanId, Status, TraceId};
use opentelemetry_sdk::trace::SpanData;
use serde_json::json;
use std::collections::{BTreeSet, HashMap};

const OCID: &str = "ocid1.instance.oc1.phx.a";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn run() -> RunId {
    RunId::new(at(0), [7; 10])
}

fn intended(slot: u32, attempt: u32) -> Event {
    let placement = Placement {
        availability_domain: "Uocm:PHX-AD-1".to_owned(),
        shape: "VM.Standard2.1".to_owned(),
        ..Placement::default()
    };
    Event::LaunchIntended { slot, attempt, token: format!("{slot}/{attempt}"), placement }
}

fn refused(slot: u32, attempt: u32, action: Action) -> Event {
    let (code, message) = ("InternalError".to_owned(), "Out of host capacity.".to_owned());
    let error = ErrorRecord { class: ErrorClass::Capacity, code, message, ..ErrorRecord::default() };
    Event::TryFailed { slot, attempt, error, action, settled: true }
}

fn launched(slot: u32, attempt: u32) -> Event {
    Event::Launched {
        slot,
        attempt,
        ocid: OCID.to_owned(),
        name: "web-1".to_owned(),
        state: "PROVISIONING".to_owned(),
        placement: Placement::default(),
        work_request: None,
        adopted: false,
        differs: None,
    }
}

fn started() -> Event {
    let plan = json!({"fleet": {"name": "web", "region": "us-phoenix-1"}});
    Event::RunStarted { kind: RunKind::Launch, requested: 1, plan }
}

/// The records after `seq`, one a second.
fn played(fold: &mut Fold, seq: u64, events: Vec<Event>) -> Vec<SpanData> {
    let mut out = Vec::new();
    for (seq, event) in (seq + 1..).zip(events) {
        let at = at(seq.cast_signed());
        fold.record(run(), &Record { seq, at, event }, &mut out);
    }
    out
}

fn asked(fold: &mut Fold, operation: Operation, path: &str, retry_token: Option<&str>) -> SpanData {
    let mut out = Vec::new();
    let tried = Tried {
        operation,
        host: "iaas.us-phoenix-1.oraclecloud.com:443",
        path,
        retry_token,
        request_id: Some("A/B/C"),
        outcome: oci_client::Outcome::Throttled,
        status: Some(429),
        attempt: 2,
        began: at(1),
        ended: at(2),
    };
    fold.request(&tried, &mut out);
    out.pop().unwrap()
}

fn ended(mut fold: Fold) -> Vec<SpanData> {
    let mut out = Vec::new();
    fold.finish(&mut out);
    out
}

fn named<'s>(spans: &'s [SpanData], name: &str) -> Vec<&'s SpanData> {
    spans.iter().filter(|span| span.name == name).collect()
}

fn attributes(span: &SpanData) -> HashMap<&str, String> {
    span.attributes.iter().map(|one| (one.key.as_str(), one.value.to_string())).collect()
}

#[test]
fn slots_attempts_and_requests_are_parts_of_the_run() {
    let mut fold = Fold::new(5);
    let launches = "/20160918/instances/";
    let before = asked(&mut fold, Operation::ListShapes, "/20160918/shapes", None);
    let mut spans = played(&mut fold, 0, vec![started(), intended(1, 1)]);
    let first = asked(&mut fold, Operation::LaunchInstance, launches, Some("1/1"));
    spans.extend(played(&mut fold, 2, vec![refused(1, 1, Action::NextPlacement), intended(1, 2)]));
    let second = asked(&mut fold, Operation::LaunchInstance, launches, Some("1/2"));
    spans.extend(played(&mut fold, 4, vec![launched(1, 2)]));
    let look = asked(&mut fold, Operation::GetInstance, &format!("{launches}{OCID}"), None);
    let list = asked(&mut fold, Operation::ListInstances, launches, None);
    let last = vec![
        Event::Running { slot: 1, ocid: OCID.to_owned() },
        Event::RunFinished { outcome: Outcome::Complete },
    ];
    spans.extend(played(&mut fold, 5, last));
    let after = asked(&mut fold, Operation::ListVnicAttachments, "/20160918/vnicAttachments/", None);
    let (run_span, slot) = (named(&spans, "launch")[0], named(&spans, "slot")[0]);
    let attempts = named(&spans, "attempt");
    let id = |span: &SpanData| span.span_context.span_id();

    assert_eq!(spans.len(), 4);
    assert!(spans.iter().all(|span| span.span_context.trace_id() == TraceId::from(run().0.as_u128())));
    assert_eq!((run_span.parent_span_id, slot.parent_span_id), (SpanId::INVALID, id(run_span)));
    assert!(attempts.iter().all(|attempt| attempt.parent_span_id == id(slot)));
    assert_eq!((first.parent_span_id, second.parent_span_id), (id(attempts[0]), id(attempts[1])));
    assert_eq!((look.parent_span_id, list.parent_span_id), (id(slot), id(run_span)));
    let command = ended(fold);
    assert_eq!(command.len(), 1);
    assert_eq!((before.parent_span_id, after.parent_span_id), (id(&command[0]), id(&command[0])));
    assert_ne!(command[0].span_context.trace_id(), run_span.span_context.trace_id());

    assert_eq!(
        (&run_span.status, &slot.status, &attempts[1].status),
        (&Status::Ok, &Status::Ok, &Status::Ok)
    );
    assert_eq!(attempts[0].status, Status::error("capacity InternalError: Out of host capacity."));
    assert_eq!((slot.start_time, slot.end_time), (at(2).into(), at(6).into()));
    assert_eq!(attributes(slot)["host.id"], OCID);
    assert_eq!(attributes(run_span)["oci_insta_scale.run.id"], run().to_string());
    assert_eq!(attributes(attempts[0])["cloud.availability_zone"], "Uocm:PHX-AD-1");
    let request = attributes(&first);
    assert_eq!(request["http.response.status_code"], "429");
    assert_eq!(
        (&*request["server.address"], &*request["server.port"]),
        ("iaas.us-phoenix-1.oraclecloud.com", "443")
    );
    assert_eq!((&*request["error.type"], &*request["http.request.resend_count"]), ("throttled", "1"));
}

#[test]
fn a_process_that_goes_on_repeats_no_id() {
    let mut first = Fold::new(1);
    let mut spans = played(&mut first, 0, vec![started(), intended(1, 1)]);
    spans.push(asked(&mut first, Operation::LaunchInstance, "/", Some("1/1")));
    spans.extend(ended(first));
    let mut second = Fold::new(2);
    spans.extend(played(&mut second, 2, vec![Event::RunResumed, launched(1, 1)]));
    spans.push(asked(&mut second, Operation::GetInstance, OCID, None));
    spans.extend(ended(second));
    let ids: BTreeSet<_> = spans.iter().map(|span| span.span_context.span_id().to_bytes()).collect();
    assert_eq!((spans.len(), ids.len()), (7, 7));
    let known: BTreeSet<_> = ids.iter().copied().chain([SpanId::INVALID.to_bytes()]).collect();
    assert!(spans.iter().all(|span| known.contains(&span.parent_span_id.to_bytes())), "{spans:#?}");
    for slot in named(&spans, "slot") {
        assert_eq!(attributes(slot)["oci_insta_scale.unfinished"], "true");
    }
    assert_eq!(named(&spans, "resume").len(), 1);
}

#[test]
fn what_fails_says_why_and_what_is_selected_is_a_slot() {
    let error =
        ErrorRecord { class: ErrorClass::Limit, code: "LimitExceeded".to_owned(), ..ErrorRecord::default() };
    let events = vec![
        Event::RunStarted { kind: RunKind::Terminate, requested: 2, plan: json!({}) },
        Event::ActionIntended { slot: 1, ocid: OCID.to_owned(), action: "TERMINATE".to_owned() },
        Event::ActionDone { slot: 1, ocid: OCID.to_owned(), state: "TERMINATED".to_owned(), skipped: false },
        Event::SlotFailed { slot: 2, error },
        Event::Warning { message: "no".to_owned() },
        Event::RunFinished { outcome: Outcome::Partial },
    ];
    let spans = played(&mut Fold::new(1), 0, events);
    let [done, failed, run] = &spans[..] else { panic!("{spans:#?}") };
    assert_eq!((&done.status, &failed.status), (&Status::Ok, &Status::error("limit LimitExceeded: ")));
    assert_eq!((&*run.name, &run.status), ("terminate", &Status::error("partial")));
    let told: Vec<_> = run.events.iter().map(|event| &*event.name).collect();
    assert_eq!(told, ["run_started", "warning", "run_finished"]);
    assert!(
        run.events.iter().all(|event| event.attributes.iter().all(|one| !one.key.as_str().contains("plan")))
    );
}

#[test]
fn a_clock_set_back_and_endless_waits_do_no_harm() {
    let mut fold = Fold::new(1);
    played(&mut fold, 50, vec![started(), intended(1, 1)]);
    for _ in 0..1000 {
        played(&mut fold, 0, vec![Event::Waiting { slot: 1, next_try: at(9), gives_up: None }]);
    }
    let spans = played(&mut fold, 0, vec![refused(1, 1, Action::GiveUpSlot)]);
    assert_eq!(spans[0].events.len(), 128);
    assert_eq!(spans[0].events.dropped_count, 873);
    assert_eq!(spans[0].start_time, spans[0].end_time);
}

#[test]
fn the_variables_say_whether_there_are_traces() {
    let read = |set: &[(&str, &str)]| {
        let set: HashMap<String, String> =
            set.iter().map(|(name, value)| (format!("OTEL_{name}"), (*value).to_owned())).collect();
        Export::read(&|name| set.get(name).cloned())
    };
    let there = ("EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");
    assert_eq!(read(&[]), None);
    assert_eq!(read(&[there]), Some(Export::On));
    assert_eq!(read(&[("EXPORTER_OTLP_TRACES_ENDPOINT", "http://x/")]), Some(Export::On));
    assert_eq!(read(&[there, ("SDK_DISABLED", "TRUE")]), None);
    assert_eq!(read(&[there, ("SDK_DISABLED", "no")]), Some(Export::On));
    assert_eq!(read(&[there, ("TRACES_EXPORTER", "none")]), None);
    assert_eq!(read(&[there, ("EXPORTER_OTLP_PROTOCOL", "http/protobuf")]), Some(Export::On));
    let own = [there, ("EXPORTER_OTLP_PROTOCOL", "grpc"), ("EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf")];
    assert_eq!(read(&own), Some(Export::On), "the variable of traces counts");
    for wrong in ["localhost:4318", "no URL", "ftp://x/", "/v1", "http://"] {
        let Some(Export::Unusable(why)) = read(&[("EXPORTER_OTLP_ENDPOINT", wrong)]) else {
            panic!("{wrong:?}")
        };
        assert!(why.starts_with("OTEL_EXPORTER_OTLP_ENDPOINT is no URL"), "{why}");
    }
    for wrong in [("TRACES_EXPORTER", "zipkin"), ("EXPORTER_OTLP_PROTOCOL", "grpc")] {
        let Some(Export::Unusable(why)) = read(&[there, wrong]) else { panic!("{wrong:?}") };
        assert!(why.contains(wrong.0) && why.contains(wrong.1), "{why}");
    }
}
