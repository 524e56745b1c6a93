//! The metrics, their documentation and the dashboard agree.

use super::names::RUN_METRICS;
use super::watched::Watched;
use fleet::fleets::Told;
use fleet::plan::HuntTerms;
use fleet::price::Prices;
use fleet::{FleetSpec, Plan};
use jiff::Timestamp;
use ledger::{Action, ErrorClass, ErrorRecord, Event, Outcome, Placement, Record, RequestCount, RunKind};
use oci_api::Operation;
use oci_client::{Observer as _, RequestCounts, Tried};
use oci_simulator::exposition::{Metric, MetricKind};
use oci_simulator::server::SIM_METRICS;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

fn document(name: &str) -> String {
    let path = format!("{}/../../docs/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn records(events: Vec<Event>) -> Vec<Record> {
    (1..).zip(events).map(|(seq, event)| Record { seq, at: at(seq.cast_signed()), event }).collect()
}

fn fleet() -> FleetSpec {
    FleetSpec { name: "web \"1\"".to_owned(), region: "eu-frankfurt-1".to_owned(), ..FleetSpec::default() }
}

/// A hunt that met everything, and what follows it in `maintain`.
fn events() -> Vec<Event> {
    let hunt = Some(HuntTerms::new(at(1000), Duration::from_mins(1)));
    let plan = Plan { fleet: fleet(), hunt, ..Plan::default() };
    let placement = Placement { shape: "VM.Standard2.1".to_owned(), ..Placement::default() };
    let ocid = "ocid1.instance.oc1..a".to_owned();
    let error = ErrorRecord { class: ErrorClass::Capacity, ..ErrorRecord::default() };
    let requests = [("LaunchInstance".to_owned(), RequestCount { ok: 1, throttled: 2, failed: 3 })];
    vec![
        Event::RunStarted { kind: RunKind::Launch, requested: 2, plan: serde_json::to_value(&plan).unwrap() },
        Event::PaceChanged { class: "launch".to_owned(), rate: 2.5, reason: "probe".to_owned() },
        Event::LaunchIntended { slot: 1, attempt: 1, token: "t".to_owned(), placement: placement.clone() },
        Event::TryFailed { slot: 1, attempt: 1, error, action: Action::Wait, settled: true },
        Event::Launched {
            slot: 1,
            attempt: 1,
            ocid: ocid.clone(),
            name: "web-1".to_owned(),
            state: "PROVISIONING".to_owned(),
            placement,
            work_request: None,
            adopted: false,
            differs: None,
        },
        Event::Running { slot: 1, ocid },
        Event::Warning { message: "w".to_owned() },
        Event::RequestsCounted { requests: requests.into() },
        Event::RunFinished { outcome: Outcome::CutShort },
    ]
}

fn text_of(watched: &Watched) -> String {
    watched.text(at(60))
}

#[test]
fn the_documented_metrics_are_those_that_exist() {
    let documented = document("metrics.md");
    let rows: Vec<Vec<&str>> = documented
        .lines()
        .filter(|line| line.starts_with("| `oci_insta_scale_"))
        .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect();
    let exist: Vec<&Metric> = RUN_METRICS.iter().chain(SIM_METRICS).collect();
    assert_eq!(rows.len(), exist.len());
    for (row, metric) in rows.iter().zip(exist) {
        let kind = format!("{:?}", metric.kind).to_lowercase();
        assert_eq!((row[0].trim_matches('`'), row[1], row[3]), (metric.name, &*kind, metric.help));
    }
}

#[test]
fn the_dashboard_uses_only_metrics_that_exist() {
    let dashboard = document("grafana-dashboard.json");
    let parsed: serde_json::Value = serde_json::from_str(&dashboard).unwrap();
    assert!(parsed["panels"].as_array().unwrap().len() > 10);
    let names: BTreeSet<&str> = RUN_METRICS.iter().map(|metric| metric.name).collect();
    let histogram = |name: &str| {
        let base = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
        RUN_METRICS.iter().any(|metric| metric.kind == MetricKind::Histogram && Some(metric.name) == base)
    };
    let mut used = BTreeSet::new();
    for (start, _) in dashboard.match_indices("oci_insta_scale_") {
        let name: &str =
            dashboard[start..].split(|c: char| c != '_' && !c.is_ascii_alphanumeric()).next().unwrap();
        assert!(names.contains(name) || histogram(name), "{name}");
        used.insert(name);
    }
    assert!(used.len() > 15, "{used:?}");
}

#[test]
fn every_metric_is_written_when_it_applies() {
    let requests = Arc::new(RequestCounts::default());
    let mut watched = Watched::new(fleet(), Prices::default(), Arc::clone(&requests), &[]);
    requests.tried(&Tried {
        operation: Operation::LaunchInstance,
        outcome: oci_client::Outcome::Throttled,
        status: Some(429),
        attempt: 1,
        host: "",
        path: "",
        retry_token: None,
        request_id: None,
        began: at(0),
        ended: at(0),
    });
    for record in records(events()) {
        watched.apply(&record);
    }
    watched.tell(&Told::Looked { members: 1, wanted: 2 });
    watched.tell(&Told::Busy);
    let mut text = text_of(&watched);
    let waits = Event::Waiting { slot: 2, next_try: at(99), gives_up: None };
    watched.apply(&Record { seq: 10, at: at(10), event: waits });
    text += &text_of(&watched);
    let stopped = [
        Event::RunStarted { kind: RunKind::Terminate, requested: 1, plan: serde_json::Value::Null },
        Event::ActionAccepted { slot: 1, ocid: "o".to_owned(), state: String::new(), work_request: None },
    ];
    for record in records(stopped.into()) {
        watched.apply(&record);
    }
    text += &text_of(&watched);
    let written: BTreeSet<&str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let exist: BTreeSet<&str> = RUN_METRICS.iter().map(|metric| metric.name).collect();
    assert_eq!(written, exist);
}

#[test]
fn samples_have_the_values_of_the_run() {
    let requests = Arc::new(RequestCounts::default());
    let watched = Watched::new(fleet(), Prices::default(), requests, &records(events()));
    let text = text_of(&watched);
    let common = r#"fleet="web \"1\"",region="eu-frankfurt-1""#;
    for (name, labels, value) in [
        ("heartbeat_timestamp_seconds", "", "1800000060"),
        ("run_info", r#",kind="launch",hunt="true",simulated="false""#, "1"),
        ("instances_wanted", "", "2"),
        ("instances_running", "", "1"),
        ("launches_total", r#",outcome="capacity""#, "1"),
        ("requests_total", r#",operation="LaunchInstance",outcome="throttled""#, "2"),
        ("hunt_floor_seconds", "", "60"),
        ("hunt_end_timestamp_seconds", "", "1800001000"),
        ("time_to_running_seconds_bucket", r#",le="15""#, "1"),
        ("pace_requests_per_second", r#",class="launch""#, "2.5"),
    ] {
        let line = format!("oci_insta_scale_{name}{{{common}{labels}}} {value}\n");
        assert!(text.contains(&line), "{line}{text}");
    }
    assert!(!text.contains("oci_insta_scale_runs_total"), "an earlier process ended it: {text}");
    assert!(!text.contains("ocid1."), "{text}");
}
