//! Runs over several regions of one tenancy: exactly N over all of them, and each region with limits of its own.

use super::crash::crash_and_resume_plan;
use super::world::{SHAPE, World, count};
use fleet::plan::{Plan, SLOT_TAG};
use fleet::{RunError, RunSummary};
use ledger::{ErrorClass, Event, Outcome, Placement, Record};
use std::collections::BTreeMap;

const ROOMY: &str = "regions: [{world: {region: us-ashburn-1}}]";
/// Phoenix has no hosts.
const DRY: &str = "{world: {hosts: {by_availability_domain: [
    {availability_domain: 1, family: standard-e5, per_fault_domain: 0},
    {availability_domain: 2, family: standard-e5, per_fault_domain: 0},
    {availability_domain: 3, family: standard-e5, per_fault_domain: 0}]}},
  regions: [{world: {region: us-ashburn-1}}]}";
const LIMITED: &str = "{world: {limits: {cores: 2000, memory_in_gbs: 40000, named: [
    {name: standard-e5-core-count, value: 0}]}},
  regions: [{world: {region: us-ashburn-1}}]}";

fn plan(world: &World, slots: u32) -> Plan {
    Plan::offline(world.fleet_everywhere(SHAPE, slots)).unwrap()
}

/// The slots of the live instances, by region.
fn live(world: &World) -> BTreeMap<String, Vec<u32>> {
    let regions = std::iter::once(&world.region).chain(world.further.iter().map(|(region, _)| region));
    let of = |region: &oci_simulator::server::Region| {
        let entries: Vec<_> = region.world().live_instances().collect();
        entries.into_iter().map(|entry| entry.tags[SLOT_TAG].parse().unwrap()).collect()
    };
    let row = |region| {
        let slots = of(region);
        (region.world().settings().region.clone(), slots)
    };
    regions.map(row).collect()
}

/// Each slot of the run has one instance over all regions.
fn check(world: &World, summary: &RunSummary, slots: u32) -> BTreeMap<String, usize> {
    assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), slots));
    let live = live(world);
    let mut all: Vec<u32> = live.values().flatten().copied().collect();
    all.sort_unstable();
    assert_eq!(all, (1..=slots).collect::<Vec<_>>());
    world.region.world().check_invariants().unwrap();
    live.into_iter().map(|(region, slots)| (region, slots.len())).collect()
}

fn in_ashburn(placement: &Placement) -> bool {
    placement.region.as_deref() == Some("us-ashburn-1")
}

fn refusals(records: &[Record], class: &ErrorClass) -> usize {
    count(records, |event| matches!(event, Event::TryFailed { error, .. } if error.class == *class))
}

#[tokio::test(start_paused = true)]
async fn the_first_region_is_filled_before_the_next() {
    let world = World::of(ROOMY);
    let (summary, records) = world.launch(&plan(&world, 20)).await;
    let counts = check(&world, &summary, 20);
    assert_eq!(counts["us-phoenix-1"], 20);
    assert_eq!(
        count(
            &records,
            |event| matches!(event, Event::LaunchIntended { placement, .. } if in_ashburn(placement))
        ),
        0
    );
}

#[tokio::test(start_paused = true)]
async fn a_dry_region_is_made_up_for_by_the_next() {
    let world = World::of(DRY);
    let (summary, records) = world.launch(&plan(&world, 50)).await;
    let counts = check(&world, &summary, 50);
    assert_eq!(counts["us-ashburn-1"], 50);
    let told = summary.instances.iter().all(|row| row.placement.as_deref().is_some_and(in_ashburn));
    assert!(told, "the records name the region of each instance");
    let refused = refusals(&records, &ErrorClass::Capacity);
    assert!((3..=30).contains(&refused), "{refused} refused calls");
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_one_region_does_not_hold_back_another() {
    let world = World::of(LIMITED);
    let began = tokio::time::Instant::now();
    let (summary, records) = world.launch(&plan(&world, 40)).await;
    let took = began.elapsed();
    let counts = check(&world, &summary, 40);
    assert_eq!(counts["us-ashburn-1"], 40);
    assert!(took < std::time::Duration::from_mins(5), "{took:?}: nobody waits for the limit");
    assert!(refusals(&records, &ErrorClass::Limit) <= 12);

    // What is remembered of the limit holds in its region only.
    let mut next = plan(&world, 3);
    next.fleet.first_number = 41;
    let (second, records) = world.launch(&next).await;
    assert_eq!(second.outcome, Some(Outcome::Complete));
    let elsewhere =
        |event: &Event| matches!(event, Event::LaunchIntended { placement, .. } if !in_ashburn(placement));
    assert_eq!(count(&records, elsewhere), 0);
}

#[tokio::test(start_paused = true)]
async fn a_run_in_two_regions_survives_kills_exactly() {
    for (seed, scenario) in (1..=12).zip([DRY, LIMITED, ROOMY].into_iter().cycle()) {
        let world = World::seeded(scenario, seed);
        let summary = crash_and_resume_plan(&world, &plan(&world, 14)).await;
        check(&world, &summary, 14);
    }
}

#[tokio::test(start_paused = true)]
async fn a_rollback_deletes_in_every_region() {
    let few = "{world: {limits: {named: [{name: standard-e5-core-count, value: 1}]}},
      regions: [{world: {region: us-ashburn-1, limits: {named: [{name: standard-e5-core-count, value: 1}]}}}]}";
    let world = World::of(few);
    let all = Plan { min: Some(30), ..plan(&world, 30) };
    let (summary, records) = world.launch(&all).await;
    assert_eq!(summary.outcome, Some(Outcome::GivenBack));
    let launched = |wanted: bool| {
        count(
            &records,
            |event| matches!(event, Event::Launched { placement, .. } if in_ashburn(placement) == wanted),
        )
    };
    assert!(launched(true) > 0 && launched(false) > 0, "both regions had instances");
    assert!(live(&world).values().all(Vec::is_empty), "{:?}", live(&world));
}

#[tokio::test(start_paused = true)]
async fn a_run_is_not_resumed_without_its_regions() {
    let mut world = World::of(ROOMY);
    let (summary, _) = world.launch(&plan(&world, 2)).await;
    world.further.clear();
    let env = world.environment();
    let stop = tokio_util::sync::CancellationToken::new();
    let (sink, _) = super::world::recorder();
    let refused = fleet::resume(&env, summary.run_id, &fleet::LaunchOptions::default(), sink, stop).await;
    let Err(RunError::NotResumable { reason, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!(reason, "it launches in us-ashburn-1 too, which the config does not list");
}

#[test]
fn a_plan_from_before_regions_still_opens() {
    let world = World::of("roomy");
    let plan = world.plan(2, &[1]);
    let text = serde_json::to_string(&plan).unwrap();
    assert!(!text.contains("\"regions\"") && !text.contains("\"region\":null"), "{text}");
    let opened: Plan = serde_json::from_str(&text).unwrap();
    assert_eq!(opened, plan);
    assert_eq!(opened.fleet.region_at(&opened.placement(1, 1)), "us-phoenix-1");
}
