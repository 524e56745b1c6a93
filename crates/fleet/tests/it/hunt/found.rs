//! Returned capacity is found in time and used within a few rounds; until then the floor holds.

use super::world::{DAY, FAMILIES, Ground, first_launched, least_gap};
use crate::launch::world::count;
use ledger::{Event, Outcome, Record};
use std::collections::BTreeMap;
use std::time::Duration;

/// No capacity anywhere, and at this time capacity for 100 in one target, the last of `targets`.
pub fn appears(at: Duration, targets: usize) -> String {
    let (domain, family) = ((targets - 1) / 4 + 1, FAMILIES[(targets - 1) % 4]);
    format!(
        "world: {{hosts: {{per_fault_domain: 0}}, crumbs: [{{availability_domain: {domain}, family: {family}, \
         every_seconds: {}, hosts: 100, ocpus_per_host: 1, times: 1}}]}}",
        at.as_secs()
    )
}

/// The rounds in which instances were launched: the first round is the launch that found capacity, and a launch belongs to the round
/// after the latest one whose instance ran when it was sent.
fn rounds(records: &[Record]) -> usize {
    let mut round_of = BTreeMap::new();
    let mut running = 0;
    for record in records {
        match &record.event {
            Event::LaunchIntended { slot, .. } => {
                round_of.insert(*slot, running + 1);
            }
            Event::Running { slot, .. } => {
                running = running.max(round_of.get(slot).copied().unwrap_or_default());
            }
            _ => {}
        }
    }
    running
}

/// Scenario 5 of the acceptance scenarios for scarce capacity.
async fn find(targets: usize, floor: Duration, at: Duration) {
    let ground = Ground::of(&appears(at, targets));
    let plan = ground.plan(100, targets, floor, 10 * DAY);
    let began = ground.env.clock.now();
    let (summary, records) = ground.hunt(&plan).await;
    assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), 100));
    ground.world.check_books(&summary);
    let found = first_launched(&records, began);
    let most = at + floor * u32::try_from(targets).unwrap() + Duration::from_secs(15);
    assert!((at..=most).contains(&found), "found at {found:?}, not by {most:?}");
    let sent = ground.sent();
    let before: Vec<Duration> = sent.iter().copied().filter(|sent| *sent <= at).collect();
    assert!(least_gap(&before) >= floor, "{:?}", least_gap(&before));
    let probes = at.as_secs() / floor.as_secs();
    assert!(before.len() as u64 >= probes * 8 / 10, "{} of {probes} probes", before.len());
    let rounds = rounds(&records);
    assert!(rounds <= 8, "{rounds} rounds");
    // A launch takes less than a minute to run.
    let last = records.last().unwrap().at.duration_since(began);
    let took = Duration::try_from(last).unwrap().saturating_sub(found);
    println!(
        "{targets} targets, floor {floor:?}: found after {:?}, all running {rounds} rounds and {took:?} later",
        found.saturating_sub(at)
    );
    assert!(took <= 8 * Duration::from_mins(1), "{took:?}");
    assert_eq!(count(&records, |event| matches!(event, Event::SlotFailed { .. })), 0);
}

#[tokio::test(start_paused = true)]
async fn freed_capacity_is_found_within_one_floor() {
    for second in [0, 59] {
        find(1, Duration::from_mins(1), DAY * 3 + Duration::from_secs(second)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn one_of_twelve_targets_is_found_in_two_minutes() {
    for second in [0, 101] {
        find(12, Duration::from_secs(10), DAY + Duration::from_secs(second)).await;
    }
}

/// Rider b: no target starves.
#[tokio::test(start_paused = true)]
async fn each_of_twelve_targets_is_probed_once_a_cycle() {
    let ground = Ground::of("world: {hosts: {per_fault_domain: 0}}");
    let plan = ground.plan(3, 12, Duration::from_mins(1), DAY);
    let (summary, records) = ground.hunt(&plan).await;
    assert_eq!(summary.outcome, Some(Outcome::Nothing));
    let mut last: BTreeMap<_, usize> = BTreeMap::new();
    let intended = records.iter().filter_map(|record| match &record.event {
        Event::LaunchIntended { placement, .. } => Some(placement.clone()),
        _ => None,
    });
    for (nth, placement) in intended.enumerate() {
        if let Some(before) = last.insert(placement, nth) {
            assert_eq!(nth - before, 12);
        }
    }
    assert_eq!(last.len(), 12);
    assert!(least_gap(&ground.sent()) >= Duration::from_mins(1));
}
