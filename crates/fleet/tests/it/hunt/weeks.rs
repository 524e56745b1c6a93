//! Weeks of a hunt: their cost, and what survives them.

use super::world::{DAY, Ground, first_seed, limit, play};
use fleet::launch::Hunting;
use fleet::{Plan, RunSummary};
use ledger::{ErrorClass, Event, Outcome, Placement, Record};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const FLOOR: Duration = Duration::from_mins(1);
/// The overhead of SQLite per record, with a margin.
const ROW: usize = 64;

fn bytes_of(records: &[Record]) -> usize {
    records.iter().map(|record| serde_json::to_string(record).unwrap().len() + ROW).sum()
}

/// Three weeks of refusals by twelve targets, recorded in the short form.
#[tokio::test(start_paused = true)]
async fn the_ledger_of_three_weeks_stays_below_twenty_megabytes() {
    let days = u32::try_from(limit("HUNT_DAYS", 21)).unwrap();
    let ground = Ground::of("world: {hosts: {per_fault_domain: 0}}");
    let plan = ground.plan(4, 12, FLOOR, days * DAY);
    let (summary, _) = ground.hunt(&plan).await;
    assert_eq!(summary.outcome, Some(Outcome::Nothing));
    let records = ground.world.store.snapshot(summary.run_id);
    let bytes = bytes_of(&records);
    println!("{days} days: {} probes, {} records, {bytes} bytes", ground.sent().len(), records.len());
    assert!(bytes <= 20_000_000 / 21 * days as usize, "{bytes}");
    let error = summary.instances[0].error.clone().unwrap();
    assert!(error.message.contains("capacity"), "the words are not lost: {error:?}");
}

/// Kills at any moment, before and after capacity appears: nothing is duplicated, and each process continues by itself.
#[test]
fn kills_neither_double_nor_end_a_hunt() {
    let (first, wanted, kills) = (first_seed(), limit("HUNT_KILLS", 100), AtomicU64::new(0));
    let seeds = (first..).take_while(|_| kills.load(Relaxed) < wanted);
    let last = play(seeds, async |seed| {
        kills.fetch_add(killed(seed).await, Relaxed);
    });
    println!("{} kills, seeds {first} to {last}", kills.into_inner());
}

/// A hunt that is killed repeatedly; returns the number of kills.
async fn killed(seed: u64) -> u64 {
    let ground = Ground::seeded(
        "world: {hosts: {per_fault_domain: 0}, list_lag_seconds: 20, late_failure: {probability: 0.1}, crumbs: \
         [{availability_domain: 1, every_seconds: 600, hosts: 20, ocpus_per_host: 1, times: 1}]}\n\
         faults: [{operations: [launch], probability: 0.1, fault: reset_after}]",
        seed,
    );
    let mut chance = StdRng::seed_from_u64(seed);
    let plan = ground.plan(10, 2, Duration::from_secs(10), DAY);
    let run = ground.env.new_run_id();
    let mut kills = 0;
    let summary = loop {
        let life = Duration::from_millis(chance.random_range(100..120_000));
        let process = ground.begin_or_take_up(run, &plan, kills == 0);
        if let Ok(summary) = tokio::time::timeout(life, Box::pin(process)).await {
            break summary;
        }
        kills += 1;
        // The lease of a killed process ends, and everything written is on disk.
        ground.world.store.crash(0);
        // Twenty kills, and then it may end.
        if kills == 20 {
            break ground.take_up(run, Hunting::default(), CancellationToken::new()).await;
        }
    };
    assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), 10), "seed {seed}");
    ground.world.check_books(&summary);
    assert_eq!(ground.world.live().len(), 10, "seed {seed}");
    kills
}

/// All faults of `hostile`, for days. Use `HUNT_SEEDS=1000 HUNT_DAYS=21 HUNT_THREADS=2` for more.
#[test]
fn hostile_weeks_double_nothing_and_keep_the_floor() {
    let (first, seeds) = (first_seed(), limit("HUNT_SEEDS", 2));
    let days = u32::try_from(limit("HUNT_DAYS", 2)).unwrap();
    let last = play(first..first + seeds, async |seed| {
        let ground = Ground::seeded("hostile", seed);
        // More than its limits allow, so that it hunts to the end.
        let plan = ground.plan(120, 6, FLOOR, days * DAY);
        let summary = ground.begin_or_take_up(ground.env.new_run_id(), &plan, true).await;
        check(&ground, &plan, &summary, seed);
        if summary.outcome == Some(Outcome::InDoubt) {
            settled_afterwards(&ground, &summary, seed).await;
        }
    });
    println!("{days} days, seeds {first} to {last}");
}

/// What was in doubt at the end of the time is known after a few more processes, which launch nothing.
async fn settled_afterwards(ground: &Ground, summary: &RunSummary, seed: u64) {
    let sent = ground.sent().len();
    let mut settled = summary.clone();
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_mins(20)).await;
        settled = ground.take_up(summary.run_id, Hunting::default(), CancellationToken::new()).await;
        if settled.outcome != Some(Outcome::InDoubt) {
            break;
        }
    }
    assert_eq!(settled.outcome, Some(Outcome::Partial), "seed {seed}");
    assert_eq!(ground.sent().len(), sent, "seed {seed}: nothing is launched");
    ground.world.check_books(&settled);
}

fn check(ground: &Ground, plan: &Plan, summary: &RunSummary, seed: u64) {
    let records = ground.world.store.snapshot(summary.run_id);
    println!(
        "seed {seed}: {:?}, {} running, {} launches sent, {} bytes",
        summary.outcome,
        summary.running,
        ground.sent().len(),
        bytes_of(&records)
    );
    assert!(
        matches!(summary.outcome, Some(Outcome::Partial | Outcome::CutShort | Outcome::InDoubt)),
        "seed {seed}: {:?}",
        summary.outcome
    );
    ground.world.check_books(summary);
    let close = probes_too_close(&records, plan.hunt.unwrap().floor());
    assert_eq!(close, Vec::<&[Record]>::new(), "seed {seed}: probes under the floor");
}

/// The launches that began at targets without recent instances sooner after the previous one than the floor allows, according
/// to the records, each with what was recorded since the previous one. A target provides instances from an accepted launch (or
/// from a running instance after late failures) until a refusal.
fn probes_too_close(records: &[Record], floor: Duration) -> Vec<&[Record]> {
    let (mut yielding, mut doubtful) = (BTreeSet::<Placement>::new(), BTreeSet::<Placement>::new());
    let mut tried: std::collections::BTreeMap<u32, Placement> = std::collections::BTreeMap::new();
    let mut refusals = BTreeSet::new();
    let (mut last, mut close) = (None::<(usize, jiff::Timestamp)>, Vec::new());
    for (at, record) in records.iter().enumerate() {
        let place = |slot: &u32| tried.get(slot).cloned().unwrap_or_default();
        match &record.event {
            Event::LaunchIntended { slot, placement, .. } => {
                if !yielding.contains(placement) {
                    if let Some((before, last)) = last
                        && record.at.duration_since(last) < floor.try_into().unwrap()
                    {
                        close.push(&records[before..=at]);
                    }
                    last = Some((at, record.at));
                }
                tried.insert(*slot, placement.clone());
            }
            Event::Launched { slot, adopted: false, .. } if !doubtful.contains(&place(slot)) => {
                yielding.insert(place(slot));
            }
            // A refusal that is recorded again, once it is known that no instance exists, is not a newer one.
            Event::TryFailed { slot, error, .. }
                if matches!(error.class, ErrorClass::Capacity | ErrorClass::Limit)
                    && refusals.insert(error.opc_request_id.clone()) =>
            {
                yielding.remove(&place(slot));
            }
            Event::InstanceDied { slot, error, .. }
                if matches!(error.class, ErrorClass::Capacity | ErrorClass::Limit) =>
            {
                yielding.remove(&place(slot));
                doubtful.insert(place(slot));
            }
            Event::Running { slot, .. } => {
                doubtful.remove(&place(slot));
                yielding.insert(place(slot));
            }
            _ => {}
        }
    }
    close
}
