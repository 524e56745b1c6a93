//! Responses that settle a launch and responses that do not: refusals, requested waits, redirects, the instance of another
//! slot; and the expiry of a fleet.

use super::world::{World, count, recorder, within_a_day};
use bytes::Bytes;
use fleet::{LaunchOptions, Plan, RunSummary, cleanup::EXPIRY_TAG};
use futures_util::future::BoxFuture;
use ledger::{Event, Outcome, Record, RunState, Store as _};
use oci_client::transport::{Transport, TransportError};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio_util::sync::CancellationToken;

pub type Answer = http::Response<Bytes>;

/// Changes the responses to launches on their way back.
pub struct Between<F> {
    pub inner: Arc<dyn Transport>,
    pub change: F,
}

impl<F: Fn(Answer) -> Answer + Send + Sync> Transport for Between<F> {
    fn send(&self, request: http::Request<Bytes>) -> BoxFuture<'_, Result<Answer, TransportError>> {
        Box::pin(async move {
            let launch =
                request.method() == http::Method::POST && request.uri().path().ends_with("/instances");
            let answer = self.inner.send(request).await?;
            Ok(if launch { (self.change)(answer) } else { answer })
        })
    }
}

async fn launch_through(
    world: &World,
    plan: &Plan,
    options: &LaunchOptions,
    change: impl Fn(Answer) -> Answer + Send + Sync + 'static,
) -> (RunSummary, Vec<Record>) {
    let env = world.environment_through(Arc::new(Between { inner: world.wire(), change }));
    let (sink, seen) = recorder();
    let running = fleet::launch(&env, env.new_run_id(), plan, options, sink, CancellationToken::new());
    let summary = within_a_day(running).await.unwrap();
    let records = seen.lock().unwrap().clone();
    (summary, records)
}

fn refusing(status: u16, code: &str, message: &str) -> String {
    format!(
        "{{operations: [launch], fault: {{answer: {{status: {status}, code: {code}, message: \"{message}\"}}}}}}"
    )
}

fn faults(rules: &[&str]) -> World {
    World::of(&format!("faults: [{}]", rules.join(", ")))
}

fn within(seconds: u64) -> LaunchOptions {
    LaunchOptions { deadline: Some(Duration::from_secs(seconds)), ..LaunchOptions::default() }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_not_in_doubt_at_the_deadline() {
    for (status, code, class) in [
        (400, "LimitExceeded", "limit"),
        (400, "QuotaExceeded", "limit"),
        (429, "TooManyRequests", "throttled"),
        (409, "IncorrectState", "busy"),
        (409, "Conflict", "busy"),
        (409, "Whatever", "conflict"),
    ] {
        for min in [None, Some(2)] {
            let world = faults(&[&refusing(status, code, "no")]);
            let plan = Plan { min, ..world.plan(3, &[1]) };
            let (summary, _) = world.launch_with(&plan, &within(12), CancellationToken::new()).await;
            let expected = if min.is_some() { Outcome::GivenBack } else { Outcome::Nothing };
            assert_eq!((summary.outcome, summary.launched), (Some(expected), 0), "{code}");
            assert!(summary.elapsed_s < 13.0, "{code}, at least {min:?}: {} s", summary.elapsed_s);
            let error = summary.instances[0].error.as_ref().unwrap();
            assert_eq!((error.class.as_str(), error.code.as_str()), (class, code), "{error:?}");
            assert!(!world.store.runs().await.unwrap()[0].unfinished(), "{code}");
            let state = RunState::fold(summary.run_id, &world.store.snapshot(summary.run_id));
            assert_eq!(state.counts.unsettled, 0, "{code}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_deadline_with_work_left_is_not_a_refusal() {
    // One runs, the others are refused or not reached, so a `resume` is worthwhile.
    let world = faults(&["{operations: [launch], after_seconds: 1, fault: {answer: {status: 429}}}"]);
    let options = LaunchOptions { rate: Some(0.5), max_concurrency: 1, ..within(60) };
    let (summary, _) = world.launch_with(&world.plan(5, &[1]), &options, CancellationToken::new()).await;
    assert_eq!(summary.outcome, Some(Outcome::CutShort), "{:?}", summary.instances);
    assert!(summary.launched > 0);
}

#[tokio::test(start_paused = true)]
async fn the_limits_that_a_refusal_names_are_asked_for() {
    let named =
        |names: &str| format!("The following service limits were exceeded: {names}. Request an increase.");
    // Limits of volumes: whatever the shape's own limits say, repeating the launch does not help.
    let world = faults(&[&refusing(400, "LimitExceeded", &named("total-storage-gb, volume-count"))]);
    let (summary, _) = world.launch(&world.plan(2, &[1])).await;
    assert_eq!((summary.outcome, summary.failed), (Some(Outcome::Nothing), 2));
    assert!(summary.elapsed_s < 600.0, "{} s", summary.elapsed_s);
    let error = summary.instances[0].error.as_ref().unwrap();
    assert!(error.class == "limit" && error.message.contains("total-storage-gb"), "{error:?}");
    assert!(summary.warnings.iter().any(|text| text.contains("total-storage-gb")), "{:?}", summary.warnings);
    assert!(!summary.requests.contains_key("GetResourceAvailability"));
    // A limit of the shape with room: a false refusal, whatever the shape's other limits say.
    let rule = refusing(400, "LimitExceeded", &named("standard-e5-core-count"));
    let world = faults(&[&rule.replacen("operations", "for_seconds: 600, operations", 1)]);
    let (summary, _) = world.launch(&world.plan(2, &[1])).await;
    assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), 2), "{:?}", summary.warnings);
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_the_service_asks_for_is_bounded_and_told() {
    let busy = |header: &'static str| {
        move |mut answer: Answer| {
            *answer.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE;
            *answer.body_mut() = Bytes::new();
            answer.headers_mut().insert("retry-after", http::HeaderValue::from_static(header));
            answer
        }
    };
    let asked = |summary: &RunSummary, text: &str| {
        assert!(summary.warnings.iter().any(|warning| warning.contains(text)), "{:?}", summary.warnings);
    };
    let refused = [&refusing(400, "LimitExceeded", "no")[..]];
    let world = faults(&refused);
    let (summary, _) = launch_through(&world, &world.plan(1, &[1]), &within(60), busy("1000000000")).await;
    asked(&summary, "asks to wait 3600 s or more");
    assert!(summary.elapsed_s < 61.0, "never past the deadline: {} s", summary.elapsed_s);
    let world = faults(&refused);
    let patient = LaunchOptions { retry_for: Some(Duration::from_mins(5)), ..LaunchOptions::default() };
    let (summary, _) = launch_through(&world, &world.plan(1, &[1]), &patient, busy("400")).await;
    asked(&summary, "asks to wait 400 s before the next launch");
    // Eight pauses of at most half a minute follow, and the lookups by tag.
    assert!(summary.elapsed_s < 300.0 + 240.0 + 180.0, "not past --retry-for: {} s", summary.elapsed_s);
}

#[tokio::test(start_paused = true)]
async fn a_redirected_launch_is_looked_up_by_its_tags() {
    for status in [101_u16, 302, 307] {
        let world = World::of("roomy");
        let redirect = move |mut answer: Answer| {
            *answer.status_mut() = http::StatusCode::from_u16(status).unwrap();
            answer
        };
        let plan = world.plan(2, &[]);
        let (summary, _) = launch_through(&world, &plan, &LaunchOptions::default(), redirect).await;
        assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), 2), "{status}");
        let state = RunState::fold(summary.run_id, &world.store.snapshot(summary.run_id));
        assert!(state.slots.values().all(|slot| slot.adopted), "{status}");
        world.check_books(&summary);
    }
}

#[tokio::test(start_paused = true)]
async fn one_instance_for_two_slots_is_a_fault_of_the_service() {
    for with_tags in [true, false] {
        let first: Mutex<Option<Bytes>> = Mutex::default();
        let same = move |answer: Answer| {
            let mut body: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
            if !with_tags {
                body.as_object_mut().unwrap().remove("freeformTags");
            }
            let body = Bytes::from(body.to_string());
            answer.map(|_| first.lock().unwrap().get_or_insert(body).clone())
        };
        let world = World::of("roomy");
        let plan = world.plan(2, &[]);
        let (summary, records) = launch_through(&world, &plan, &LaunchOptions::default(), same).await;
        assert_eq!(
            (summary.outcome, summary.running),
            (Some(Outcome::Complete), 2),
            "{:?}",
            summary.instances
        );
        let named =
            |event: &Event| matches!(event, Event::TryFailed { error, .. } if error.code == "WrongInstance");
        assert_eq!(count(&records, named), 1);
        world.check_books(&summary);
    }
}

fn until(mut plan: Plan, time: jiff::Timestamp) -> Plan {
    let tags = plan.fleet.template.freeform_tags.get_or_insert_default();
    tags.insert(EXPIRY_TAG.to_owned(), fleet::cleanup::expiry_value(time));
    plan
}

fn classes(summary: &RunSummary) -> Vec<&str> {
    summary.instances.iter().filter_map(|row| Some(row.error.as_ref()?.class.as_str())).collect()
}

#[tokio::test(start_paused = true)]
async fn nothing_is_launched_once_the_time_is_over() {
    let world = World::of("roomy");
    let begin = world.environment().clock.now();
    let plan = until(world.plan(4, &[]), begin + Duration::from_hours(1));
    let options = LaunchOptions { rate: Some(0.1), ..within(15) };
    let (first, _) = world.launch_with(&plan, &options, CancellationToken::new()).await;
    let launched = world.live().len();
    assert!((1..4).contains(&launched), "{launched}");
    tokio::time::sleep(Duration::from_hours(2)).await;
    let (summary, records) = world.resume(first.run_id).await;
    assert_eq!(count(&records, |event| matches!(event, Event::LaunchIntended { .. })), 0);
    assert_eq!((world.live().len(), summary.outcome), (launched, Some(Outcome::Partial)));
    assert_eq!(classes(&summary), vec!["expired"; 4 - launched]);
}

#[tokio::test(start_paused = true)]
async fn a_launch_that_tries_on_ends_with_its_time() {
    let world = faults(&[&refusing(500, "InternalError", "Out of host capacity.")]);
    let begin = world.environment().clock.now();
    let plan = until(world.plan(2, &[1]), begin + Duration::from_mins(30));
    let options = LaunchOptions { retry_for: Some(Duration::from_hours(10)), ..LaunchOptions::default() };
    let (summary, _) = world.launch_with(&plan, &options, CancellationToken::new()).await;
    assert_eq!((summary.outcome, classes(&summary)), (Some(Outcome::Nothing), vec!["expired"; 2]));
    assert!((1790.0..1900.0).contains(&summary.elapsed_s), "{} s", summary.elapsed_s);
}
