//! Wanted totals of OCPUs and memory: how many instances a run launches for them, and that no kill makes it exceed them.

use super::crash::crash_and_resume_plan;
use super::world::{SHAPE, World, count};
use crate::hunt::world::{DAY, Ground};
use fleet::launch::WantSummary;
use fleet::plan::{Totals, WantedTotals};
use fleet::{FleetSpec, LaunchOptions, Plan, RunSummary, Strategy};
use ledger::{Amount, Event, Outcome, Placement, PlacementSize};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const OTHER: &str = "VM.Standard.E4.Flex";
const DRY_E5: &str = "world: {hosts: {by_family: {standard-e5: 0}}}";
/// The limit counts for each of three domains.
const ONE_EACH: &str =
    "world: {limits: {cores: 2000, memory_in_gbs: 40000, named: [{name: standard-e5-core-count, value: 4}]}}";
const DRY: &str = "world: {hosts: {per_fault_domain: 0}}";

fn ocpus(total: f64, max_instances: u32) -> WantedTotals {
    WantedTotals { ocpus: Some(total), memory_gb: None, max_instances }
}

/// A plan for totals, with a choice for each of these shapes and sizes, in all domains.
fn plan(world: &World, want: WantedTotals, choices: &[(&str, f64)]) -> Plan {
    let plan = world.plan(1, &[1, 2, 3]);
    let at = |placement: &Placement, (shape, ocpus): (&str, f64)| Placement {
        shape: shape.to_owned(),
        size: Some(PlacementSize {
            ocpus: Some(Amount(ocpus)),
            memory_gb: Some(Amount(ocpus * 6.0)),
            baseline: None,
        }),
        ..placement.clone()
    };
    let everywhere = |choice: &(&str, f64)| {
        let of = *choice;
        plan.fleet.placements.iter().map(move |placement| at(placement, of)).collect::<Vec<_>>()
    };
    let placements = choices.iter().flat_map(everywhere).collect();
    let mut fleet = FleetSpec { placements, want: Some(want), ..plan.fleet.clone() };
    fleet.count_by_want();
    Plan { fleet, ..plan }
}

/// The totals of a run, and those without its largest instance.
fn amounts(summary: &RunSummary, plan: &Plan) -> (Totals, Totals) {
    let rows = summary.instances.iter().filter(|row| row.ocid.is_some());
    let each: Vec<Totals> =
        rows.filter_map(|row| Some(plan.fleet.totals_at(row.placement.as_ref()?))).collect();
    let sum = each.iter().copied().fold(Totals::default(), Totals::plus);
    let largest = each.iter().copied().max_by(|one, other| one.ocpus().total_cmp(&other.ocpus()));
    (sum, sum.minus(largest.unwrap_or_default()))
}

/// Checks that a run has reached its totals, and that it would be below them without one of its instances.
fn check_exact(world: &World, summary: &RunSummary, plan: &Plan, why: &str) {
    let want = plan.fleet.want.unwrap();
    let (all, without) = amounts(summary, plan);
    assert!(want.is_reached(all) && !want.is_reached(without), "{why}: {all:?}, {without:?}");
    assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), summary.launched), "{why}");
    assert_eq!((summary.requested, summary.failed), (summary.launched, 0), "{why}");
    assert_eq!(world.live().len(), summary.launched as usize, "{why}");
    world.check_books(summary);
}

#[tokio::test(start_paused = true)]
async fn totals_take_as_few_instances_as_reach_them() {
    let both = |memory_gb| WantedTotals { memory_gb: Some(memory_gb), ..ocpus(18.0, 32) };
    for (want, instances) in [(ocpus(18.0, 32), 5), (ocpus(20.0, 5), 5), (both(108.0), 5), (both(150.0), 7)] {
        let world = World::of("roomy");
        let plan = plan(&world, want, &[(SHAPE, 4.0), (OTHER, 4.0)]);
        let (summary, records) = world.launch(&plan).await;
        check_exact(&world, &summary, &plan, &format!("{want:?}"));
        assert_eq!(summary.launched, instances, "{want:?}");
        world.check_ledger(&summary, &records);
        let intents = count(&records, |event| matches!(event, Event::LaunchIntended { .. }));
        assert_eq!(intents, instances as usize, "{want:?}: nothing more was asked for");
        let names: Vec<&str> = summary.instances.iter().map(|row| row.name.as_str()).collect();
        let all: Vec<String> = (1..=instances).map(|number| format!("web-{number}")).collect();
        assert_eq!(names, all);
    }
}

#[tokio::test(start_paused = true)]
async fn smaller_alternatives_take_further_slots() {
    let world = World::of(DRY_E5);
    let plan = plan(&world, ocpus(16.0, 20), &[(SHAPE, 8.0), (OTHER, 2.0)]);
    assert_eq!(plan.fleet.count, 2);
    let (summary, records) = world.launch(&plan).await;
    check_exact(&world, &summary, &plan, "small ones");
    assert_eq!(summary.launched, 8);
    world.check_ledger(&summary, &records);
}

#[tokio::test(start_paused = true)]
async fn larger_alternatives_leave_slots_unused() {
    let world = World::of(DRY_E5);
    let plan = plan(&world, ocpus(16.0, 20), &[(SHAPE, 2.0), (OTHER, 6.0)]);
    assert_eq!(plan.fleet.count, 8);
    let (summary, records) = world.launch(&plan).await;
    check_exact(&world, &summary, &plan, "large ones");
    assert_eq!(summary.launched, 3);
    world.check_ledger(&summary, &records);
}

#[tokio::test(start_paused = true)]
async fn the_maximum_holds_below_the_totals() {
    let world = World::of(DRY_E5);
    let plan = plan(&world, ocpus(16.0, 5), &[(SHAPE, 8.0), (OTHER, 2.0)]);
    let (summary, _) = world.launch(&plan).await;
    assert_eq!((summary.outcome, summary.launched, summary.requested), (Some(Outcome::Partial), 5, 5));
    let WantSummary { ocpus, reached, .. } = summary.want.unwrap();
    assert!(!reached && (ocpus - 10.0).abs() < 1e-9, "{ocpus}");
    world.check_books(&summary);
}

#[tokio::test(start_paused = true)]
async fn no_other_slot_begins_for_one_that_gave_up() {
    let world = World::of(DRY);
    let plan = plan(&world, ocpus(16.0, 100), &[(SHAPE, 4.0)]);
    let (summary, _) = world.launch(&plan).await;
    assert_eq!((summary.outcome, summary.requested, summary.failed), (Some(Outcome::Nothing), 4, 4));
}

#[tokio::test(start_paused = true)]
async fn all_or_nothing_keeps_nothing_below_the_totals() {
    let world = World::of(ONE_EACH);
    let mut all = plan(&world, ocpus(16.0, 10), &[(SHAPE, 4.0)]);
    all.pursue(Strategy::AllOrNothing, None);
    let (summary, _) = world.launch(&all).await;
    let returned = summary.returned.as_ref().unwrap();
    assert_eq!((summary.outcome, returned.reached, returned.min), (Some(Outcome::GivenBack), 3, 4));
    assert!(world.live().is_empty());

    let world = World::of(DRY_E5);
    let mut fewer = plan(&world, ocpus(16.0, 10), &[(SHAPE, 4.0), (OTHER, 8.0)]);
    // A minimum counts instances, but two of the larger ones reach the totals.
    fewer.pursue(Strategy::Greedy, Some(4));
    let (summary, _) = world.launch(&fewer).await;
    check_exact(&world, &summary, &fewer, "fewer than the minimum");
    assert_eq!(summary.launched, 2);
}

#[tokio::test(start_paused = true)]
async fn totals_are_exact_after_any_kill() {
    let limited = "world: {limits: {cores: 2000, memory_in_gbs: 40000, named: [{name: standard-e5-core-count, value: 21}]}}";
    for scenario in ["roomy", "flaky", limited] {
        for seed in 1..=25 {
            let world = World::seeded(scenario, seed);
            let plan = plan(&world, ocpus(40.0, 40), &[(SHAPE, 7.0), (OTHER, 3.0)]);
            let summary = crash_and_resume_plan(&world, &plan).await;
            check_exact(&world, &summary, &plan, &format!("{scenario}, seed {seed}"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_kill_in_a_hostile_region_exceeds_the_totals() {
    for seed in 1..=15 {
        let world = World::seeded("hostile", seed);
        let plan = plan(&world, ocpus(40.0, 40), &[(SHAPE, 7.0), (OTHER, 3.0)]);
        let summary = crash_and_resume_plan(&world, &plan).await;
        world.check_books(&summary);
        let (all, without) = amounts(&summary, &plan);
        assert!(!plan.fleet.want.unwrap().is_reached(without), "seed {seed}: {all:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_resumed_run_launches_only_what_is_missing() {
    // One instance in each domain.
    let world = World::of(ONE_EACH);
    let plan = plan(&world, ocpus(16.0, 10), &[(SHAPE, 4.0)]);
    let (first, _) = world.launch(&plan).await;
    assert_eq!((first.outcome, first.launched, first.failed), (Some(Outcome::Partial), 3, 1));
    let (second, records) = world.resume(first.run_id).await;
    assert_eq!((second.launched, second.failed, second.requested), (3, 1, 4));
    world.check_ledger(&second, &records);
}

#[tokio::test(start_paused = true)]
async fn a_hunt_ends_with_its_totals() {
    let crumbs = "world: {hosts: {per_fault_domain: 0}, crumbs: [{availability_domain: 1, family: standard-e5, \
         every_seconds: 3600, hosts: 1, ocpus_per_host: 5, times: 9}]}";
    let ground = Ground::of(crumbs);
    let hunt = ground.plan(1, 1, Duration::from_mins(1), 10 * DAY).hunt;
    let plan = Plan { hunt, ..plan(&ground.world, ocpus(10.0, 12), &[(SHAPE, 2.0), (OTHER, 1.0)]) };
    let (summary, _) = ground.hunt(&plan).await;
    check_exact(&ground.world, &summary, &plan, "crumbs");
    assert_eq!(summary.launched, 5, "a crumb of 5 OCPUs has room for two of 2");

    // At the end of its time, a hunt reports what is missing, and no more.
    let ground = Ground::of(DRY);
    let hunt = ground.plan(1, 1, Duration::from_mins(1), DAY).hunt;
    let plan = Plan { hunt, ..plan_of(&ground) };
    let (summary, _) = ground.hunt(&plan).await;
    assert_eq!((summary.outcome, summary.requested, summary.failed), (Some(Outcome::Nothing), 5, 5));
}

fn plan_of(ground: &Ground) -> Plan {
    plan(&ground.world, ocpus(10.0, 12), &[(SHAPE, 2.0), (OTHER, 1.0)])
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_run_needs_what_it_lacks() {
    let world = World::of("roomy");
    let plan = plan(&world, ocpus(16.0, 10), &[(SHAPE, 4.0)]);
    let stop = CancellationToken::new();
    stop.cancel();
    let (summary, _) = world.launch_with(&plan, &LaunchOptions::default(), stop).await;
    assert_eq!((summary.outcome, summary.requested), (Some(Outcome::Interrupted), 4));
}
