//! In a faulty region every selected instance reaches the wanted state or is reported by name, and no other is touched.

use super::world::World;
use fleet::action::{Options, RowResult, Verb};
use oci_simulator::scenario::Scenario;
use std::{collections::BTreeMap, time::Duration};
use tokio_util::sync::CancellationToken;

/// Acts on `web-*` among `db-*`, and compares the report with the region's records.
async fn survives(scenario: &str, verb: Verb, state: &str) {
    let world = World::new(scenario);
    world.fleet("web-", 40);
    world.fleet("db-", 20);
    if verb == Verb::Start {
        let entries: Vec<_> = world.region.world().instances().collect();
        for entry in entries {
            world.act(&entry.id, "STOP");
        }
        world.settle();
    }
    let others = |world: &World| -> BTreeMap<String, String> {
        world.states().into_iter().filter(|(name, _)| name.starts_with("db-")).collect()
    };
    let before = others(&world);
    let selection = world.prefixed("web-").await;
    assert_eq!(selection.len(), 40);
    let summary = world.run(&selection, &Options::new(verb)).await;
    assert_eq!(others(&world), before, "an instance that was not selected was touched");
    let books = world.states();
    for row in &summary.instances {
        let there = books[&row.name] == state;
        assert!(there || row.error.is_some(), "{} is {} and nothing was said", row.name, books[&row.name]);
    }
    assert_eq!(summary.done + summary.failed, 40);
    assert_eq!(
        summary.done,
        40,
        "{scenario} {verb:?}: {:?}",
        summary.instances.iter().find(|row| row.error.is_some())
    );
}

#[tokio::test(start_paused = true)]
async fn a_flaky_region_loses_no_stop() {
    survives("flaky", Verb::Stop, "STOPPED").await;
}

#[tokio::test(start_paused = true)]
async fn a_flaky_region_loses_no_start() {
    survives("flaky", Verb::Start, "RUNNING").await;
}

#[tokio::test(start_paused = true)]
async fn a_flaky_region_loses_no_reboot() {
    survives("flaky", Verb::Reboot, "RUNNING").await;
}

#[tokio::test(start_paused = true)]
async fn a_flaky_region_loses_no_termination() {
    survives("flaky", Verb::Terminate, "TERMINATED").await;
}

#[tokio::test(start_paused = true)]
async fn a_throttled_region_slows_down_and_loses_nothing() {
    survives("throttled", Verb::Stop, "STOPPED").await;
    survives("throttled", Verb::Start, "RUNNING").await;
    survives("throttled", Verb::Terminate, "TERMINATED").await;
}

#[tokio::test(start_paused = true)]
async fn a_termination_that_was_lost_is_sent_again() {
    // A region that returns 204 but does nothing, the first time.
    let world = World::new("roomy");
    world.fleet("web-", 2);
    let rule = serde_json::from_value(serde_json::json!({
        "operations": ["TerminateInstance"], "every": 1, "times": 2,
        "fault": {"answer": {"status": 204, "body": "empty"}}
    }))
    .unwrap();
    world.region.add_faults(&[rule]);
    let summary = world.run(&world.prefixed("web-").await, &Options::new(Verb::Terminate)).await;
    assert_eq!(summary.done, 2);
    assert_eq!(world.counts(), [("TERMINATED".to_owned(), 2)].into());
}

#[tokio::test(start_paused = true)]
async fn terminating_again_counts_as_success_even_as_a_conflict() {
    let mut scenario = oci_simulator::scenario::Scenario::named("roomy").unwrap();
    scenario.world.terminate_again = oci_simulator::world::settings::TerminateAgain::Conflict;
    let world = World::of(scenario);
    let made = world.fleet("web-", 2);
    let selection = world.prefixed("web-").await;
    // Somebody else was faster.
    world.terminate(&made[0]);
    let summary = world.run(&selection, &Options::new(Verb::Terminate)).await;
    assert_eq!((summary.done, summary.failed), (2, 0));
}

/// An action that was refused every time certainly had no effect, whenever the run is stopped; one whose response was lost may
/// have had one.
#[tokio::test(start_paused = true)]
async fn a_refused_action_is_not_in_doubt() {
    for (fault, result) in [
        ("{answer: {status: 429}}", RowResult::Left),
        ("{answer: {status: 409, code: IncorrectState}}", RowResult::Left),
        ("reset_before", RowResult::Unknown),
    ] {
        let faults = format!("faults: [{{operations: [InstanceAction], fault: {fault}}}]");
        let world = World::new("roomy");
        world.region.replace_faults(&Scenario::from_yaml(&faults, "test").unwrap().faults);
        world.fleet("web-", 3);
        let selection = world.prefixed("web-").await;
        let stop = CancellationToken::new();
        let options = Options::new(Verb::Stop);
        let stopping = async {
            tokio::time::sleep(Duration::from_secs(20)).await;
            stop.cancel();
        };
        let (summary, ()) = tokio::join!(world.run_until(&selection, &options, stop.clone()), stopping);
        let first = summary.instances[0].result;
        assert_eq!(first, result, "{fault}: {:?}", summary.instances[0]);
    }
}
