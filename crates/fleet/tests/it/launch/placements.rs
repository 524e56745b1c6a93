//! Placements that differ in more than their location: each slot is launched, recorded, resumed, reported and priced according
//! to its own placement.

use super::crash::crash_and_resume_plan;
use super::world::{SHAPE, World};
use fleet::price::{self, Prices, Size};
use fleet::{Plan, RunSummary};
use ledger::{Amount, CapacityType, Event, Outcome, Placement, PlacementSize, Record, RunId};
use oci_api::models::{InstanceSourceDetails, LaunchInstanceDetails};
use std::collections::BTreeMap;

const ARM: &str = "VM.Standard.A1.Flex";

/// Two large E5 machines fill a host, and the first domain has three hosts of that family: six fit.
const SIX_FIT: &str = "world: {hosts: {by_availability_domain: [{availability_domain: 1, family: standard-e5, per_fault_domain: 1}]}}";

fn size(ocpus: f64, memory_gb: f64) -> PlacementSize {
    PlacementSize {
        ocpus: Some(Amount(ocpus)),
        memory_gb: Some(Amount(memory_gb)),
        ..PlacementSize::default()
    }
}

/// Large E5 instances in the first domain, with the template's image and subnet; otherwise small Arm instances in the second.
fn two_kinds(world: &World, count: u32) -> Plan {
    let mut plan = world.plan(count, &[1, 2]);
    plan.fleet.placements[0].size = Some(size(94.0, 500.0));
    let second = &mut plan.fleet.placements[1];
    ARM.clone_into(&mut second.shape);
    second.size = Some(size(2.0, 12.0));
    second.image = Some(world.defaults.arm_image.clone());
    second.subnet = Some(world.defaults.private_subnet.clone());
    plan
}

fn image(launch: &LaunchInstanceDetails) -> Option<&str> {
    match launch.source_details.as_deref() {
        Some(InstanceSourceDetails::Image(image)) => image.image_id.as_deref(),
        _ => None,
    }
}

/// The number of rows per shape, after a check that each row, its record and its instance agree.
async fn check_kinds(world: &World, plan: &Plan, summary: &RunSummary) -> BTreeMap<String, u32> {
    let client = world.environment().client;
    let mut counts = BTreeMap::new();
    for row in &summary.instances {
        let shape = row.shape.as_deref().unwrap().to_owned();
        let asked = plan.fleet.placements.iter().find(|placement| placement.shape == shape).unwrap();
        let recorded = row.placement.as_ref().unwrap();
        assert_eq!((&recorded.size, &recorded.image), (&asked.size, &asked.image));
        let launch = plan.fleet.launch_at(asked);
        let wanted = launch.shape_config.as_deref().unwrap();
        assert_eq!((row.ocpus, row.memory_gb), (wanted.ocpus, wanted.memory_in_gbs));
        let instance = client.get_instance(row.ocid.as_deref().unwrap()).await.unwrap().value;
        let made = instance.shape_config.unwrap();
        assert_eq!(
            (instance.shape.as_str(), made.ocpus, made.memory_in_gbs),
            (shape.as_str(), row.ocpus, row.memory_gb)
        );
        assert_eq!(instance.image_id.as_deref(), image(&launch));
        *counts.entry(shape).or_default() += 1;
    }
    counts
}

#[tokio::test(start_paused = true)]
async fn a_slot_becomes_what_its_own_placement_says() {
    let world = World::of(SIX_FIT);
    let plan = two_kinds(&world, 8);
    let (summary, records) = world.launch(&plan).await;
    assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), 8));
    world.check_books(&summary);
    world.check_ledger(&summary, &records);
    let counts = check_kinds(&world, &plan, &summary).await;
    assert_eq!(counts, [(SHAPE.to_owned(), 6), (ARM.to_owned(), 2)].into());

    let placements: Vec<(&Placement, u32)> =
        summary.instances.iter().map(|row| (row.placement.as_deref().unwrap(), 1)).collect();
    let prices = Prices::default();
    let total = price::of_placements(&plan.fleet, &placements, &prices, Size::default()).total.unwrap().hour;
    let each = |at: usize| {
        let mut alone = plan.fleet.clone();
        alone.placements = vec![plan.fleet.placements[at].clone()];
        price::of_fleet(&alone, 1, &prices, Size::default()).total.unwrap().hour
    };
    assert!((total - (6.0 * each(0) + 2.0 * each(1))).abs() < 1e-9, "{total}");
    assert!(each(0) > 10.0 * each(1));
}

#[tokio::test(start_paused = true)]
async fn a_killed_run_resumes_each_slot_as_what_it_was() {
    for seed in 1..=8 {
        let world = World::seeded(SIX_FIT, seed);
        let plan = two_kinds(&world, 8);
        let summary = crash_and_resume_plan(&world, &plan).await;
        assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), 8), "seed {seed}");
        world.check_books(&summary);
        check_kinds(&world, &plan, &summary).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_launch_body_is_made_of_template_and_placement() {
    let world = World::of("roomy");
    let mut plan = two_kinds(&world, 1);
    plan.fleet.placements[1].capacity_type = Some(CapacityType::Preemptible);
    let run = RunId::new("2026-11-22T12:00:00Z".parse().unwrap(), [7; 10]);
    let (first, second) = (plan.request(run, 1, 1), plan.request(run, 1, 2));
    assert_eq!(image(&first), Some(world.defaults.image.as_str()));
    assert_eq!(image(&second), Some(world.defaults.arm_image.as_str()));
    let subnet = |launch: &LaunchInstanceDetails| launch.create_vnic_details.clone().unwrap().subnet_id;
    assert_eq!(subnet(&first), Some(world.defaults.public_subnet.clone()));
    assert_eq!(subnet(&second), Some(world.defaults.private_subnet.clone()));
    assert!(first.preemptible_instance_config.is_none());
    let preemptible = serde_json::to_value(&second.preemptible_instance_config).unwrap();
    assert_eq!(preemptible, serde_json::json!({"preemptionAction": {"type": "TERMINATE"}}));
    assert_eq!(fleet::reservation::unreservable(&first), None);
    assert!(fleet::reservation::unreservable(&second).is_some());
}

#[tokio::test(start_paused = true)]
async fn placements_that_say_nothing_leave_no_new_fields() {
    let world = World::of("roomy");
    let plan = world.plan(2, &[1]);
    let (_, records) = world.launch(&plan).await;
    let old = ["availability_domain", "fault_domain", "shape", "capacity_reservation"];
    let placed = |record: &Record| match &record.event {
        Event::LaunchIntended { placement, .. } | Event::Launched { placement, .. } => {
            Some(placement.clone())
        }
        _ => None,
    };
    let placed: Vec<Placement> = records.iter().filter_map(placed).collect();
    assert_eq!(placed.len(), 4);
    for placement in &placed {
        let written = serde_json::to_value(placement).unwrap();
        assert!(written.as_object().unwrap().keys().all(|key| old.contains(&key.as_str())), "{written}");
    }
    let kept = serde_json::to_value(&plan).unwrap();
    assert!(kept.get("backend").is_none(), "{kept}");
    let launch = plan.fleet.launch_at(&placed[0]);
    assert_eq!(launch.shape_config, plan.fleet.template.shape_config);
    assert_eq!(launch.source_details, plan.fleet.template.source_details);
}
