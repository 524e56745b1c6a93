//! A stopped instance that finds no capacity is retried slowly, and nothing else happens to it.

use super::world::World;
use fleet::action::{ActionSummary, Options, RowResult, Verb};
use ledger::{Event, Outcome};
use oci_simulator::scenario::{FaultRule, Scenario};
use oci_simulator::world::settings::LateFailure;
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// A region whose first availability domain has capacity for six large instances: `web-1` to `web-6` are stopped, and `db-1`
/// and `db-2` use the capacity of two of them.
fn crowded() -> (World, Vec<String>) {
    let mut scenario = Scenario::named("roomy").unwrap();
    scenario.world.hosts.by_family.insert("standard-e4".into(), 1);
    let world = World::of(scenario);
    let large = |name: &str| {
        world.launch(name, |body| body["shapeConfig"] = json!({"ocpus": 64.0, "memoryInGBs": 64.0}))
    };
    let web: Vec<String> = (1..=6).map(|number| large(&format!("web-{number}"))).collect();
    world.settle();
    for ocid in &web {
        world.act(ocid, "STOP");
    }
    world.settle();
    let others = vec![large("db-1"), large("db-2")];
    world.settle();
    (world, others)
}

/// The names and locations of the instances, by OCID.
fn places(world: &World) -> BTreeMap<String, (String, String)> {
    let entries = world.region.world().instances().collect::<Vec<_>>();
    entries.into_iter().map(|entry| (entry.id, (entry.name, entry.availability_domain))).collect()
}

/// When starts were sent, in seconds since the start of the run.
fn starts(world: &World) -> Vec<f64> {
    let records = world.records.lock().unwrap();
    let begin = records.first().unwrap().at;
    let sent = records.iter().filter(|record| matches!(record.event, Event::ActionIntended { .. }));
    sent.map(|record| record.at.duration_since(begin).as_secs_f64()).collect()
}

fn patient(patience: Duration) -> Options {
    Options { retry_for: Some(patience), ..Options::new(Verb::Start) }
}

async fn start_and(world: &World, options: &Options, meanwhile: impl Future<Output = ()>) -> ActionSummary {
    let selection = world.prefixed("web-").await;
    tokio::join!(world.run(&selection, options), meanwhile).0
}

#[tokio::test(start_paused = true)]
async fn a_start_without_capacity_waits_for_some() {
    let (world, others) = crowded();
    let before = places(&world);
    let room = async {
        tokio::time::sleep(Duration::from_hours(1)).await;
        for ocid in &others {
            world.terminate(ocid);
        }
    };
    let summary = start_and(&world, &patient(Duration::from_hours(2)), room).await;
    assert_eq!((summary.outcome, summary.done, summary.failed), (Some(Outcome::Complete), 6, 0));
    assert_eq!(places(&world), before, "an instance was moved or made anew");
    for operation in ["TerminateInstance", "LaunchInstance", "UpdateInstance"] {
        assert_eq!(world.sent(operation), 0, "{operation}");
    }
    let starts = starts(&world);
    let (at_once, later): (Vec<f64>, Vec<f64>) = starts.iter().partition(|at| **at < 60.0);
    assert_eq!(at_once.len(), 6, "each is asked for at once");
    let probes: Vec<f64> = later.iter().copied().filter(|at| *at < 3600.0).collect();
    assert!(probes.windows(2).all(|two| two[1] - two[0] >= 60.0), "more than one a minute: {probes:?}");
    assert!(probes.len() >= 3600 / 75 - 1, "less than one in 75 seconds: {probes:?}");
    // Capacity is released when the termination ends, which takes at most a minute.
    let last: Vec<f64> = later.iter().copied().filter(|at| *at >= 3660.0).collect();
    assert!(last.iter().all(|at| *at <= 3660.0 + 75.0 + 5.0), "{last:?}");
}

#[tokio::test(start_paused = true)]
async fn a_start_is_given_up_when_patience_ends() {
    let (world, _) = crowded();
    let summary = start_and(&world, &patient(Duration::from_mins(10)), async {}).await;
    assert_eq!((summary.outcome, summary.done, summary.failed), (Some(Outcome::Partial), 4, 2));
    assert!((600.0..605.0).contains(&summary.elapsed_s), "{}", summary.elapsed_s);
    let failed: Vec<_> = summary.instances.iter().filter_map(|row| row.error.as_ref()).collect();
    let told: Vec<String> = failed
        .iter()
        .map(|error| format!("{} {} {}: {}", error.class, error.status.unwrap(), error.code, error.message))
        .collect();
    assert_eq!(told, ["capacity 500 InternalError: Out of host capacity."; 2]);
    assert_eq!(world.sent("TerminateInstance"), 0);
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_start_says_what_it_waited_for() {
    let (world, _) = crowded();
    let stop = CancellationToken::new();
    let interrupting = async {
        tokio::time::sleep(Duration::from_mins(20)).await;
        stop.cancel();
    };
    let selection = world.prefixed("web-").await;
    let options = patient(Duration::from_hours(2));
    let (summary, ()) = tokio::join!(world.run_until(&selection, &options, stop.clone()), interrupting);
    assert_eq!((summary.outcome, summary.done, summary.left), (Some(Outcome::Interrupted), 4, 2));
    assert!((1200.0..1205.0).contains(&summary.elapsed_s), "{}", summary.elapsed_s);
    // Refused every time, so nothing about them is unknown.
    let left: Vec<_> = summary.instances.iter().filter(|row| row.result == RowResult::Left).collect();
    assert_eq!(left.len(), 2);
    for row in left {
        assert_eq!((row.state.as_str(), row.error.as_ref().unwrap().class.as_str()), ("STOPPED", "capacity"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_start_that_fails_later_is_sent_again() {
    let mut scenario = Scenario::named("roomy").unwrap();
    scenario.world.late_failure = LateFailure { start_probability: 0.5, ..LateFailure::default() };
    let world = World::of(scenario);
    let made = world.fleet("web-", 20);
    for ocid in &made {
        world.act(ocid, "STOP");
    }
    world.settle();
    let summary = start_and(&world, &patient(Duration::from_hours(6)), async {}).await;
    assert_eq!((summary.outcome, summary.done), (Some(Outcome::Complete), 20));
    let refused =
        world.said(|event| matches!(event, Event::TryFailed { error, .. } if error.class == "capacity"));
    assert!(refused, "every start succeeded at once");
}

#[tokio::test(start_paused = true)]
async fn a_late_lack_of_capacity_names_the_reason() {
    let mut scenario = Scenario::named("roomy").unwrap();
    scenario.world.late_failure = LateFailure { start_probability: 1.0, ..LateFailure::default() };
    let world = World::of(scenario);
    let made = world.fleet("web-", 1);
    world.act(&made[0], "STOP");
    world.settle();
    let summary = start_and(&world, &Options::new(Verb::Start), async {}).await;
    let error = summary.instances[0].error.clone().unwrap();
    insta::assert_snapshot!(format!("{} {}: {}", error.class, error.code, error.message), @"capacity InternalError: it did not start: Out of host capacity.");
}

/// With any status of the response. Kinds of instances take turns, and so do the instances of a kind.
#[tokio::test(start_paused = true)]
async fn no_instance_waits_longer_than_its_turn() {
    let world = World::new("roomy");
    let made = world.fleet("web-", 6);
    for ocid in &made {
        world.act(ocid, "STOP");
    }
    world.settle();
    let rule: FaultRule = serde_json::from_value(json!({
        "operations": ["InstanceAction"], "every": 1,
        "fault": {"answer": {"status": 409, "code": "IncorrectState", "message": "Out of host capacity."}}
    }))
    .unwrap();
    world.region.add_faults(&[rule]);
    let summary = start_and(&world, &patient(Duration::from_hours(2)), async {}).await;
    assert_eq!((summary.outcome, summary.failed), (Some(Outcome::Nothing), 6));
    let attempts: Vec<u32> = summary.instances.iter().map(|row| row.attempts).collect();
    let (least, most) = (attempts.iter().min().unwrap(), attempts.iter().max().unwrap());
    assert!(most - least <= 1 && *least > 10, "{attempts:?}");
}
