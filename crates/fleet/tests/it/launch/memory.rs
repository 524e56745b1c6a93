//! The responses of targets are remembered from run to run: the next launch tries others first, and loses nothing by it.

use super::world::{SHAPE, World, count, within_a_day};
use fleet::launch::memory::{scope_of, target_of};
use fleet::{LaunchOptions, Plan, RunSummary};
use jiff::Timestamp;
use ledger::capacity::{
    CapacityMemory, Claim, MemoryError, Observation, Remembered, Scope, Subject, VolatileMemory,
};
use ledger::{Amount, CapacityType, ErrorClass, Event, Outcome, Placement, PlacementSize, Record};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The first domain has no capacity; the others have plenty.
const DEAD_FIRST: &str =
    "world: {hosts: {by_availability_domain: [{availability_domain: 1, per_fault_domain: 0}]}}";

fn refusals(records: &[Record], class: &ErrorClass) -> usize {
    count(records, |event| matches!(event, Event::TryFailed { error, .. } if error.class == *class))
}

fn remembered(world: &World, plan: &Plan, number: usize) -> Option<Remembered> {
    let target = target_of(&plan.fleet, &plan.fleet.placements[number]);
    world.memory.recall(&scope_of(plan)).unwrap().remove(&target)
}

fn check_all_run(world: &World, summary: &RunSummary, wanted: u32) {
    assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), wanted));
    world.check_books(summary);
}

/// Scenario 1 of the acceptance scenarios for scarce capacity.
#[tokio::test(start_paused = true)]
async fn a_dead_domain_costs_ten_refused_calls_at_most() {
    let world = World::of(DEAD_FIRST);
    let plan = world.plan(100, &[1, 2, 3]);
    let began = tokio::time::Instant::now();
    let (summary, records) = world.launch(&plan).await;
    let took = began.elapsed();
    check_all_run(&world, &summary, 100);
    let refused = refusals(&records, &ErrorClass::Capacity);
    assert!((1..=10).contains(&refused), "{refused} refused calls");
    assert_eq!(refusals(&records, &ErrorClass::Throttled), 0);
    let ideal = World::of("roomy");
    let began = tokio::time::Instant::now();
    let (summary, _) = ideal.launch(&ideal.plan(100, &[1, 2, 3])).await;
    check_all_run(&ideal, &summary, 100);
    let most = began.elapsed().mul_f64(1.1);
    assert!(took <= most, "{took:?}, and {most:?} at most");
}

#[tokio::test(start_paused = true)]
async fn the_next_run_asks_no_dead_domain_within_its_wait() {
    let world = World::of(DEAD_FIRST);
    let plan = world.plan(20, &[1, 2, 3]);
    let options = LaunchOptions { wait: false, ..LaunchOptions::default() };
    let (first, _) = world.launch_with(&plan, &options, CancellationToken::new()).await;
    assert_eq!((first.outcome, first.launched), (Some(Outcome::Complete), 20));
    let known = remembered(&world, &plan, 0).unwrap();
    assert!(known.streak >= 1 && known.budget == Some(1));
    assert_eq!(known.refusal.unwrap().class, ErrorClass::Capacity);
    assert_eq!(
        remembered(&world, &plan, 1).unwrap().budget,
        None,
        "a target that never refused has no budget"
    );
    let more = Plan { fleet: fleet::FleetSpec { first_number: 21, ..plan.fleet.clone() }, ..plan.clone() };
    let env = world.environment();
    let (sink, seen) = super::world::recorder();
    // Another id than that of the first run, although no time may have passed.
    let env = fleet::Environment { seed: 99, ..env };
    let options = LaunchOptions::default();
    let running = fleet::launch(&env, env.new_run_id(), &more, &options, sink, CancellationToken::new());
    let second = within_a_day(running).await.unwrap();
    assert_eq!((second.outcome, second.running), (Some(Outcome::Complete), 20));
    assert_eq!(refusals(&seen.lock().unwrap(), &ErrorClass::Capacity), 0);
}

/// Scenario 2: a limit applies to its region and name, not to one domain.
#[tokio::test(start_paused = true)]
async fn a_limit_is_remembered_for_its_whole_region() {
    let world = World::of("limits");
    let mut plan = world.plan(4, &[1, 2, 3]);
    let refused = |name: &str, at: i64| ledger::capacity::Observation {
        subject: Subject::Limit { name: name.to_owned(), shape: SHAPE.to_owned() },
        at: world.environment().clock.now() + jiff::SignedDuration::from_mins(at),
        answer: ledger::capacity::Answer::Refused(ledger::ErrorRecord {
            class: ErrorClass::Limit,
            ..ledger::ErrorRecord::default()
        }),
        chance: 0.0,
    };
    world.memory.observe(&scope_of(&plan), &[refused("standard-e5-core-count", -30)]).unwrap();
    let arm = Placement {
        shape: "VM.Standard.A1.Flex".to_owned(),
        image: Some(world.defaults.arm_image.clone()),
        ..plan.fleet.placements[2].clone()
    };
    plan.fleet.placements.push(arm.clone());
    let (summary, records) = world.launch(&plan).await;
    let first = records.iter().find_map(|record| match &record.event {
        Event::LaunchIntended { placement, .. } => Some(placement.clone()),
        _ => None,
    });
    assert_eq!(first.unwrap().shape, arm.shape, "no domain of the limited shape is asked first");
    world.check_books(&summary);
}

/// Scenario 4: a refusal of one type or size says nothing about another.
#[test]
fn a_refusal_blocks_no_other_size_or_capacity_type() {
    let world = World::of("roomy");
    let plan = world.plan(1, &[1]);
    let base = plan.fleet.placements[0].clone();
    let size = |ocpus: f64| {
        Some(PlacementSize { ocpus: Some(Amount(ocpus)), memory_gb: Some(Amount(8.0)), baseline: None })
    };
    let kinds = [
        base.clone(),
        Placement { size: size(8.0), ..base.clone() },
        Placement { size: size(2.0), ..base.clone() },
        Placement { capacity_type: Some(CapacityType::Preemptible), ..base.clone() },
        Placement { fault_domain: Some("FAULT-DOMAIN-1".to_owned()), ..base.clone() },
        Placement { capacity_reservation: Some("ocid1.capacityreservation.a".to_owned()), ..base.clone() },
        Placement { capacity_reservation: Some(String::new()), ..base.clone() },
    ];
    let targets: std::collections::BTreeSet<Subject> =
        kinds.iter().map(|placement| target_of(&plan.fleet, placement)).collect();
    assert_eq!(targets.len(), kinds.len());
    // The size of the template, spelled out, is the same target.
    let spelled = Placement {
        size: Some(PlacementSize { ocpus: Some(Amount(1.0)), memory_gb: Some(Amount(6.0)), baseline: None }),
        ..base.clone()
    };
    assert_eq!(target_of(&plan.fleet, &spelled), target_of(&plan.fleet, &base));
}

/// A wrong memory only affects the order.
#[tokio::test(start_paused = true)]
async fn a_wrong_memory_never_loses_a_launch() {
    let world = World::of(DEAD_FIRST);
    let plan = world.plan(30, &[1, 2, 3]);
    let now = world.environment().clock.now();
    let refused = |number: usize| ledger::capacity::Observation {
        subject: target_of(&plan.fleet, &plan.fleet.placements[number]),
        at: now,
        answer: ledger::capacity::Answer::Refused(ledger::ErrorRecord {
            class: ErrorClass::Capacity,
            ..ledger::ErrorRecord::default()
        }),
        chance: 1.0,
    };
    // The memory claims that both domains with capacity have none, and that the dead one has some.
    for _ in 0..9 {
        world.memory.observe(&scope_of(&plan), &[refused(1), refused(2)]).unwrap();
    }
    let (summary, _) = world.launch(&plan).await;
    check_all_run(&world, &summary, 30);
    assert_eq!(remembered(&world, &plan, 1).unwrap().streak, 0, "what yields is forgiven");
}

/// The budget of a target that has refused doubles with each success, so that 30 slots do not launch one after another.
#[tokio::test(start_paused = true)]
async fn capacity_that_came_back_is_used_in_few_rounds() {
    let world = World::of("roomy");
    let plan = world.plan(100, &[1]);
    let refused = ledger::capacity::Observation {
        subject: target_of(&plan.fleet, &plan.fleet.placements[0]),
        at: world.environment().clock.now() - jiff::SignedDuration::from_hours(1),
        answer: ledger::capacity::Answer::Refused(ledger::ErrorRecord::default()),
        chance: 0.0,
    };
    world.memory.observe(&scope_of(&plan), &[refused]).unwrap();
    let options = LaunchOptions { rate: None, ..LaunchOptions::default() };
    let began = tokio::time::Instant::now();
    let (summary, records) = world.launch_with(&plan, &options, CancellationToken::new()).await;
    check_all_run(&world, &summary, 100);
    assert!(began.elapsed() < Duration::from_mins(10), "{:?}", began.elapsed());
    let first = records.iter().find(|record| matches!(record.event, Event::Launched { .. })).unwrap();
    let intended = records.iter().filter(|record| matches!(record.event, Event::LaunchIntended { .. }));
    let before = intended.filter(|record| record.seq < first.seq).count();
    assert_eq!(before, 1, "one launch is under way until it is known to have worked");
}

/// A memory that counts how often it is written.
#[derive(Default)]
struct Counted {
    memory: VolatileMemory,
    writes: AtomicUsize,
}

impl CapacityMemory for Counted {
    fn observe(&self, scope: &Scope, observations: &[Observation]) -> Result<(), MemoryError> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        self.memory.observe(scope, observations)
    }

    fn recall(&self, scope: &Scope) -> Result<BTreeMap<Subject, Remembered>, MemoryError> {
        self.memory.recall(scope)
    }

    fn recall_for(
        &self,
        scope: &Scope,
        targets: &BTreeSet<Subject>,
    ) -> Result<BTreeMap<Subject, Remembered>, MemoryError> {
        self.memory.recall_for(scope, targets)
    }

    fn scopes(&self) -> Result<Vec<Scope>, MemoryError> {
        self.memory.scopes()
    }

    fn forget(&self, scope: &Scope) -> Result<usize, MemoryError> {
        self.memory.forget(scope)
    }

    fn claim_probe(&self, scope: &Scope, now: Timestamp, gap: Duration) -> Result<Claim, MemoryError> {
        self.memory.claim_probe(scope, now, gap)
    }
}

/// Launches that are accepted and run are written together, and none is missing at the end of the run.
#[tokio::test(start_paused = true)]
async fn many_launches_are_remembered_in_few_writes() {
    let world = World::of("roomy");
    let plan = world.plan(300, &[1]);
    let counted = Arc::new(Counted::default());
    let env = fleet::Environment { memory: Some(counted.clone()), ..world.environment() };
    let (options, stop) = (LaunchOptions::default(), CancellationToken::new());
    let run = env.new_run_id();
    let summary = fleet::launch(&env, run, &plan, &options, fleet::no_sink(), stop).await.unwrap();
    check_all_run(&world, &summary, 300);
    let writes = counted.writes.load(Ordering::Relaxed);
    assert!((1..=7).contains(&writes), "{writes} writes of 600 answers");
    let target = target_of(&plan.fleet, &plan.fleet.placements[0]);
    let known = counted.recall(&scope_of(&plan)).unwrap().remove(&target).unwrap();
    let had: u64 = known.tallies.by_hour().map(|(_, tally)| u64::from(tally.yielded)).sum();
    assert_eq!(had, 300, "{known:?}");
}
