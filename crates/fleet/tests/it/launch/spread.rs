//! A fleet with a spread: three slots in three fault domains, or a refusal; and no existing instance moves.

use super::crash::crash_and_resume_plan;
use super::fleets::kill;
use super::world::{World, count};
use fleet::action::{Options, Verb};
use fleet::fleets::{
    Census, FleetKey, KeepOptions, Keeper, LeavingOrder, ReplaceOptions, SizeChange, Told, change, replace,
    spread_beside, take_census, uneven_after,
};
use fleet::plan::{Across, Reserve, Spread, WhenImpossible};
use fleet::{Environment, FleetSpec, LaunchOptions, Plan};
use ledger::{Amount, ErrorClass, Event, Outcome, PlacementSize};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The first availability domain has one host of the family in each fault domain, and two large machines fill it.
const TWO_IN_EACH: &str = "world: {hosts: {by_availability_domain: [{availability_domain: 1, family: standard-e5, per_fault_domain: 1}]}}";

fn spread_fleet(world: &World, count: u32, when_impossible: WhenImpossible) -> FleetSpec {
    let spread = Spread { across: Across::FaultDomain, max_skew: 1, when_impossible };
    FleetSpec { spread: Some(spread), ..world.fleet(count, &[1]) }
}

async fn plan_for(env: &Environment, fleet: FleetSpec) -> Plan {
    fleet::plan(&env.client, fleet).await.unwrap()
}

async fn census(env: &Environment, fleet: &FleetSpec) -> Census {
    take_census(env, fleet, &FleetKey::new(fleet, None)).await.unwrap()
}

/// The number of live instances of a fleet per fault domain.
fn by_fault_domain(world: &World, prefix: &str) -> BTreeMap<u8, u32> {
    let mut counts = BTreeMap::new();
    for entry in world.region.world().live_instances().filter(|entry| entry.name.starts_with(prefix)) {
        *counts.entry(entry.fault_domain).or_default() += 1;
    }
    counts
}

fn even(each: u32) -> BTreeMap<u8, u32> {
    (1..=3).map(|fault| (fault, each)).collect()
}

/// Grows the fleet to a size, beside its members. `None` if it already has the size.
async fn grow(world: &World, fleet: &FleetSpec, size: u32) -> Option<fleet::RunSummary> {
    let env = world.environment();
    let census = census(&env, fleet).await;
    match change(fleet, &census, size, &LeavingOrder::Newest, &[]) {
        SizeChange::Nothing => None,
        SizeChange::Grow(grown) => {
            let mut plan = plan_for(&env, *grown).await;
            spread_beside(&mut plan.fleet, &census.members).unwrap();
            Some(world.launch(&plan).await.0)
        }
        SizeChange::Shrink(_) => unreachable!("nothing is too many"),
    }
}

#[tokio::test(start_paused = true)]
async fn three_slots_get_three_fault_domains() {
    for seed in 1..=5 {
        let world = World::seeded("roomy", seed);
        let fleet = spread_fleet(&world, 3, WhenImpossible::Refuse);
        let summary = grow(&world, &fleet, 3).await.unwrap();
        assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), 3));
        assert_eq!(by_fault_domain(&world, "web"), even(1), "seed {seed}");
        assert_eq!(summary.warnings, Vec::<String>::new());
        world.check_books(&summary);
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_run_moves_nothing_and_fills_the_gap() {
    let world = World::of("roomy");
    let fleet = spread_fleet(&world, 6, WhenImpossible::Refuse);
    grow(&world, &fleet, 6).await.unwrap();
    let before: Vec<_> = world.region.world().live_instances().map(|entry| entry.id).collect();
    assert_eq!(grow(&world, &fleet, 6).await, None, "it has its size, so no request is sent");
    assert_eq!(world.region.world().live_instances().map(|entry| entry.id).collect::<Vec<_>>(), before);
    // Without the ledger, only the cloud shows where members are.
    let lost = world.region.world().live_instances().find(|entry| entry.fault_domain == 2).unwrap();
    kill(&world, &lost.id);
    tokio::time::sleep(Duration::from_mins(20)).await;
    let summary = grow(&world, &fleet, 6).await.unwrap();
    assert_eq!(summary.instances[0].fault_domain.as_deref(), Some("FAULT-DOMAIN-2"));
    assert_eq!(summary.instances[0].name, lost.name);
    assert_eq!(by_fault_domain(&world, "web"), even(2));
}

/// A fleet of large instances after two instances of another fleet have filled the first fault domain.
async fn beside_a_full_domain(when_impossible: WhenImpossible) -> (World, fleet::RunSummary, usize) {
    let world = World::of(TWO_IN_EACH);
    let large = PlacementSize {
        ocpus: Some(Amount(94.0)),
        memory_gb: Some(Amount(500.0)),
        ..PlacementSize::default()
    };
    let mut other = world.plan(2, &[1]);
    "other".clone_into(&mut other.fleet.name_prefix);
    "other".clone_into(&mut other.fleet.name);
    other.fleet.placements[0].fault_domain = Some("FAULT-DOMAIN-1".to_owned());
    other.fleet.placements[0].size = Some(large.clone());
    assert_eq!(world.launch(&other).await.0.running, 2);
    let mut fleet = spread_fleet(&world, 3, when_impossible);
    fleet.placements[0].size = Some(large);
    let env = Environment { seed: 7, ..world.environment() };
    let plan = plan_for(&env, fleet).await;
    let (sink, seen) = super::world::recorder();
    let options = LaunchOptions::default();
    let run = fleet::launch(&env, env.new_run_id(), &plan, &options, sink, CancellationToken::new());
    let summary = super::world::within_a_day(run).await.unwrap();
    let elsewhere = count(&seen.lock().unwrap(), |event| {
        matches!(event, Event::LaunchIntended { slot: 1, placement, .. }
            if placement.fault_domain.as_deref() != Some("FAULT-DOMAIN-1"))
    });
    (world, summary, elsewhere)
}

#[tokio::test(start_paused = true)]
async fn a_full_fault_domain_fails_its_slot_with_the_reason() {
    let (world, summary, elsewhere) = Box::pin(beside_a_full_domain(WhenImpossible::Refuse)).await;
    assert_eq!((summary.running, elsewhere), (2, 0));
    assert_eq!(by_fault_domain(&world, "web"), [(2, 1), (3, 1)].into());
    let error = summary.instances[0].error.clone().unwrap();
    assert_eq!(error.class, ErrorClass::Capacity);
    assert!(error.message.contains("allows this instance in FAULT-DOMAIN-1 of "), "{}", error.message);
    assert!(error.message.contains("`when_impossible: best_effort` allows it"), "{}", error.message);
}

#[tokio::test(start_paused = true)]
async fn best_effort_goes_elsewhere_when_a_domain_is_full() {
    let (world, summary, elsewhere) = Box::pin(beside_a_full_domain(WhenImpossible::BestEffort)).await;
    assert_eq!(summary.outcome, Some(Outcome::Complete));
    assert!(elsewhere > 0);
    let counts = by_fault_domain(&world, "web");
    assert_eq!((counts.get(&1), counts.values().sum()), (None, 3_u32));
    let told = "1 instance is not in the domain that the spread over fault domains chose";
    assert_eq!(summary.warnings.iter().filter(|warning| warning.starts_with(told)).count(), 1, "{summary:?}");
}

#[tokio::test(start_paused = true)]
async fn a_resumed_run_keeps_the_domains() {
    for seed in 1..=8 {
        let world = World::seeded("roomy", seed);
        let plan = plan_for(&world.environment(), spread_fleet(&world, 9, WhenImpossible::Refuse)).await;
        let summary = crash_and_resume_plan(&world, &plan).await;
        assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), 9), "seed {seed}");
        assert_eq!(by_fault_domain(&world, "web"), even(3), "seed {seed}");
        world.check_books(&summary);
    }
}

#[tokio::test(start_paused = true)]
async fn an_uneven_fleet_is_refused_before_anything_is_sent() {
    let world = World::of("roomy");
    let mut uneven = world.plan(4, &[1]);
    uneven.fleet.placements[0].fault_domain = Some("FAULT-DOMAIN-3".to_owned());
    world.launch(&uneven).await;
    let fleet = spread_fleet(&world, 6, WhenImpossible::Refuse);
    let env = world.environment();
    let members = census(&env, &fleet).await.members;
    let mut plan = plan_for(&env, FleetSpec { count: 2, ..fleet.clone() }).await;
    let told = spread_beside(&mut plan.fleet, &members).unwrap_err();
    assert!(
        told.message.contains("a skew of 3, above max_skew 1; use `scale N` with N at least 10"),
        "{told}"
    );
    let summary = grow(&world, &fleet, 10).await.unwrap();
    assert_eq!(summary.running, 6);
    assert_eq!(by_fault_domain(&world, "web"), [(1, 3), (2, 3), (3, 4)].into());
}

#[tokio::test(start_paused = true)]
async fn a_spread_over_availability_domains_leaves_fault_domains_open() {
    let world = World::of("roomy");
    let spread =
        Spread { across: Across::AvailabilityDomain, max_skew: 1, when_impossible: WhenImpossible::Refuse };
    let fleet = FleetSpec { spread: Some(spread), ..world.fleet(6, &[]) };
    let summary = grow(&world, &fleet, 6).await.unwrap();
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for row in &summary.instances {
        *counts.entry(row.availability_domain.as_deref().unwrap().to_owned()).or_default() += 1;
    }
    assert_eq!(counts.into_values().collect::<Vec<_>>(), [2, 2, 2]);
    let env = world.environment();
    let census = census(&env, &fleet).await;
    let SizeChange::Shrink(picked) =
        change(&fleet, &census, 3, &LeavingOrder::Spread(Across::AvailabilityDomain), &[])
    else {
        unreachable!("three are too many");
    };
    assert_eq!((picked.leaving.len(), uneven_after(&fleet, &census.members, &picked)), (3, None));
}

#[tokio::test(start_paused = true)]
async fn a_run_rebuilt_from_the_cloud_keeps_the_domains() {
    let mut world = World::of("roomy");
    let fleet = spread_fleet(&world, 5, WhenImpossible::Refuse);
    let mut part = plan_for(&world.environment(), FleetSpec { count: 3, ..fleet.clone() }).await;
    // As if the run had begun beside members that no longer exist: its first slot is in the last domain.
    part.fleet.homes = vec![2, 1, 0];
    let (summary, _) = world.launch(&part).await;
    let run = summary.run_id;
    world.store = ledger::MemoryStore::new();
    let env = world.environment();
    let plan = plan_for(&env, fleet).await;
    let state = fleet::rebuild_from_cloud(&env, run, &plan, Duration::from_secs(90)).await.unwrap();
    let kept: Plan = serde_json::from_value(state.plan).unwrap();
    assert_eq!(kept.fleet.homes, [2, 1, 0, 0, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_maintained_fleet_stays_spread() {
    let world = World::of("world: {boot_seconds: {min: 45, max: 45}}\n");
    let fleet = spread_fleet(&world, 3, WhenImpossible::Refuse);
    grow(&world, &fleet, 3).await.unwrap();
    let (env, stop) = (world.environment(), CancellationToken::new());
    let plan = plan_for(&env, fleet.clone()).await;
    let tell = |_: Told| ();
    let options = KeepOptions {
        every: Duration::from_secs(30),
        once: false,
        restart_stopped: false,
        launch: LaunchOptions::default(),
    };
    let key = FleetKey::new(&fleet, None);
    let mut keeper = Keeper::new(&env, &plan, key, &options, &tell, stop).await.unwrap();
    let losses = async {
        for fault in [3, 1, 2] {
            let lost = world.region.world().live_instances().find(|entry| entry.fault_domain == fault);
            kill(&world, &lost.unwrap().id);
            tokio::time::sleep(Duration::from_mins(20)).await;
            assert_eq!(by_fault_domain(&world, "web"), even(1), "after a loss in {fault}");
        }
    };
    tokio::select! {
        ended = keeper.keep() => unreachable!("{ended:?}"),
        () = losses => {}
    }
}

#[tokio::test(start_paused = true)]
async fn a_replaced_member_gets_its_domain_again() {
    let world = World::of("roomy");
    let fleet = spread_fleet(&world, 3, WhenImpossible::Refuse);
    grow(&world, &fleet, 3).await.unwrap();
    tokio::time::sleep(Duration::from_mins(2)).await;
    let places = |world: &World| -> BTreeMap<String, u8> {
        world.region.world().live_instances().map(|entry| (entry.name, entry.fault_domain)).collect()
    };
    let before = places(&world);
    let mut changed = fleet.clone();
    changed.template.freeform_tags = Some([("team".to_owned(), "blue".to_owned())].into());
    let env = world.environment();
    let plan = plan_for(&env, changed).await;
    for max_unavailable in [0, 2] {
        let options = ReplaceOptions {
            max_unavailable,
            size: 3,
            launch: LaunchOptions::default(),
            terminate: Options::new(Verb::Terminate),
            protect: Vec::new(),
        };
        let key = FleetKey::new(&fleet, None);
        let mut plan = plan.clone();
        let tag = ("step".to_owned(), max_unavailable.to_string());
        plan.fleet.template.freeform_tags.as_mut().unwrap().extend([tag]);
        let stop = CancellationToken::new();
        let replaced = replace(&env, &plan, &key, &options, &|_| (), &stop).await.unwrap();
        assert_eq!((replaced.ended, replaced.left), (3, 0));
        assert_eq!(places(&world), before, "{max_unavailable}");
    }
}

#[tokio::test(start_paused = true)]
async fn reserved_capacity_follows_the_spread() {
    let world = World::of("roomy");
    let env = world.environment();
    let mut plan = plan_for(&env, spread_fleet(&world, 4, WhenImpossible::Refuse)).await;
    // Beside a member in the first domain and one in the third.
    plan.fleet.homes = vec![1, 0, 1, 2];
    let shares = fleet::reservation::shares(&plan);
    let wants: Vec<_> =
        shares[0].wants.iter().map(|want| (want.fault_domain.clone().unwrap(), want.count)).collect();
    let expected = [("FAULT-DOMAIN-1", 1), ("FAULT-DOMAIN-2", 2), ("FAULT-DOMAIN-3", 1)];
    assert_eq!(wants, expected.map(|(name, count)| (name.to_owned(), count)));
    plan.reserve = Some(Reserve::prepare(&env.client, &plan, 0, false).await.unwrap());
    let (summary, _) = world.launch(&plan).await;
    assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), 4));
    assert_eq!(by_fault_domain(&world, "web"), [(1, 1), (2, 2), (3, 1)].into());
    assert_eq!(world.region.world().reservations().map(|row| row.used).sum::<u32>(), 4);
}
