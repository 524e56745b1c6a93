//! Why a launch has only the instances it has: how each target responded, and when and why it was given up.

use super::world::{World, count};
use fleet::{LaunchOptions, Plan, RunSummary};
use ledger::{Event, Outcome, RunState};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The first domain has no capacity, the second has capacity for 38, and three terminations fail once.
const SHORT: &str = "
world:
  hosts: {per_fault_domain: 0}
  crumbs: [{availability_domain: 2, every_seconds: 1, hosts: 1, ocpus_per_host: 38, times: 1}]
faults: [{operations: [TerminateInstance], nth: [1, 2, 3], fault: {answer: {status: 500}}}]";

#[tokio::test(start_paused = true)]
async fn a_rollback_tells_what_each_target_answered() {
    let world = World::of(SHORT);
    let plan = Plan { min: Some(40), ..world.plan(40, &[1, 2]) };
    tokio::time::sleep(Duration::from_secs(5)).await;
    let (summary, records) = world.launch(&plan).await;
    assert_eq!((summary.outcome, summary.launched), (Some(Outcome::GivenBack), 0));
    assert_eq!((world.live().len(), summary.returned.as_ref().unwrap().instances.len()), (0, 38));
    // Checked against the records themselves, not the fold.
    let mut attempts: BTreeMap<String, u32> = BTreeMap::new();
    let mut last: BTreeMap<String, String> = BTreeMap::new();
    let mut tried: BTreeMap<u32, String> = BTreeMap::new();
    for record in &records {
        match &record.event {
            Event::LaunchIntended { slot, placement, .. } => {
                *attempts.entry(placement.availability_domain.clone()).or_default() += 1;
                tried.insert(*slot, placement.availability_domain.clone());
            }
            Event::TryFailed { slot, error, .. } => {
                last.insert(tried[slot].clone(), error.opc_request_id.clone().unwrap());
            }
            _ => {}
        }
    }
    assert_eq!(summary.targets.len(), 2);
    for target in &summary.targets {
        let error = target.error.as_ref().unwrap();
        assert_eq!((error.status, error.code.as_str()), (Some(500), "InternalError"));
        assert_eq!(error.message, "Out of host capacity.");
        assert_eq!(error.opc_request_id.as_ref(), last.get(&target.availability_domain), "the last request");
        assert_eq!(target.attempts, attempts[&target.availability_domain]);
        let obtained = if target.availability_domain == world.domain(2) { 38 } else { 0 };
        assert_eq!(target.obtained, obtained);
        assert_eq!(u64::from(target.attempts - obtained), target.refused);
        assert!(target.given_up.is_some() && target.waited_s.is_some(), "{target:?}");
    }
    let why: Vec<&str> =
        summary.instances.iter().map(|row| row.given_up.as_ref().unwrap().why.as_str()).collect();
    let rolled_back = "rolled back: 38 running is below the minimum of 40";
    assert_eq!(why.iter().filter(|why| **why == rolled_back).count(), 38);
    assert_eq!(count(&records, |event| matches!(event, Event::SlotFailed { .. })), 2);
    assert_eq!(
        RunSummary::from_state(&RunState::fold(summary.run_id, &records)).unwrap().targets,
        summary.targets
    );
}

#[tokio::test(start_paused = true)]
async fn a_launch_that_fails_late_counts_as_a_refusal() {
    let world = World::of("world: {late_failure: {probability: 1, limit_share: 0}}");
    let (summary, _) = world.launch(&world.plan(2, &[1])).await;
    let target = &summary.targets[0];
    assert_eq!((summary.launched, target.obtained), (0, 0));
    assert_eq!(u64::from(target.attempts), target.refused);
    assert!(target.error.as_ref().unwrap().message.contains("capacity"), "{target:?}");
}

#[tokio::test(start_paused = true)]
async fn a_launch_out_of_time_says_so_by_slot_and_target() {
    let world = World::of("world: {hosts: {per_fault_domain: 0}}");
    let retry_for = Some(Duration::from_hours(9));
    let deadline = Some(Duration::from_mins(30));
    let options = LaunchOptions { retry_for, deadline, ..LaunchOptions::default() };
    let (summary, _) = world.launch_with(&world.plan(2, &[1]), &options, CancellationToken::new()).await;
    let row = &summary.instances[0];
    assert!(row.waited_s.unwrap() > 600.0, "{row:?}");
    assert!(row.given_up.is_some() && summary.targets[0].given_up.is_some(), "{summary:?}");
}

#[tokio::test(start_paused = true)]
async fn a_launch_that_has_everything_gave_nothing_up() {
    let world = World::of("stockout");
    let (summary, _) = world.launch(&world.plan(5, &[1, 2])).await;
    assert_eq!(summary.outcome, Some(Outcome::Complete));
    assert!(summary.instances.iter().all(|row| row.given_up.is_none()), "{summary:?}");
    assert!(summary.targets.iter().all(|target| target.given_up.is_none()), "{summary:?}");
    assert_eq!(summary.targets.iter().map(|target| target.obtained).sum::<u32>(), 5);
}
