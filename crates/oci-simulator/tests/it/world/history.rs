//! Random requests in random order: nothing is lost, no limit is exceeded, and a repetition gives the same result.

use super::random_operations::{RandomOperation, perform, random_operation};
use super::region::Region;
use oci_simulator::world::settings::{
    LateFailure, LimitSetting, OtherTenants, Outage, QuotaSetting, Reclaim, ReturningCapacity,
};
use oci_simulator::world::{SavedWorld, State, World, WorldSettings};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use std::collections::{BTreeMap, BTreeSet};

/// A region in which every kind of fault occurs occasionally. Every second one has lagging lists.
fn hostile(seed: u64) -> WorldSettings {
    let mut settings = WorldSettings {
        late_failure: LateFailure { probability: 0.2, limit_share: 0.3, start_probability: 0.2 },
        false_limit_probability: 0.2,
        capacity_report_error_probability: 0.2,
        list_lag_seconds: if seed.is_multiple_of(2) { 0.0 } else { 3.0 },
        short_page_probability: 0.3,
        empty_page_probability: 0.3,
        subnet_prefix_length: 28,
        crumbs: vec![ReturningCapacity {
            availability_domain: 1,
            family: Some("standard-e4".into()),
            every_seconds: 40.0,
            hosts: 1,
            ocpus_per_host: Some(8),
            times: Some(4),
        }],
        other_tenants: Some(OtherTenants { every_seconds: 7.0, ocpus: 32, share: 0.5, initial_share: 0.2 }),
        outages: vec![Outage { availability_domain: 2, after_seconds: 600.0, for_seconds: 300.0 }],
        quotas: vec![QuotaSetting { compartment: None, name: "standard-e4-core-count".into(), value: 200 }],
        reclaims: vec![Reclaim {
            availability_domain: None,
            after_seconds: 100.0,
            every_seconds: Some(200.0),
            share: 0.3,
        }],
        ..WorldSettings::default()
    };
    settings.hosts.per_fault_domain = 1;
    settings.limits.named =
        vec![LimitSetting { name: "standard-e4-core-count".into(), availability_domain: None, value: 150 }];
    settings
}

fn events(world: &World) -> String {
    world.events(0).map(|event| serde_json::to_string(&event).unwrap() + "\n").collect()
}

fn check_transitions(world: &World) {
    for event in world.events(0).filter(|event| event.event == "instance_state") {
        let detail = event.detail.unwrap();
        let (from, to) = detail.split_once(" -> ").unwrap();
        let (from, to) = (State::parse(from).unwrap(), State::parse(to).unwrap());
        assert!(from.leads_to(to), "{detail} at {}", event.at);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn random_histories_keep_the_books_and_state_rules(
        seed in any::<u64>(),
        operations in proptest::collection::vec(random_operation(), 1..80),
    ) {
        let mut region = Region::seeded(hostile(seed), seed);
        for operation in &operations {
            perform(&mut region, operation);
            if let Err(problem) = region.world.check_invariants() {
                panic!("after {operation:?}: {problem}");
            }
        }
        check_transitions(&region.world);
    }

    #[test]
    fn the_same_seed_gives_the_same_events_across_a_save(
        seed in any::<u64>(),
        operations in proptest::collection::vec(random_operation(), 1..60),
        cut in 0..60_usize,
    ) {
        let mut first = Region::seeded(hostile(seed), seed);
        let mut second = Region::seeded(hostile(seed), seed);
        for (number, operation) in operations.iter().enumerate() {
            perform(&mut first, operation);
            perform(&mut second, operation);
            if number == cut {
                let saved = serde_json::to_vec(&second.world.snapshot()).unwrap();
                let saved: SavedWorld = serde_json::from_slice(&saved).unwrap();
                second.world = World::restore(saved).unwrap();
            }
        }
        prop_assert_eq!(events(&first.world), events(&second.world));
    }
}

/// The reservation that each instance uses.
fn draws(region: &Region) -> BTreeMap<String, Option<String>> {
    region.world.instances().map(|entry| (entry.id, entry.reservation)).collect()
}

/// The effect of an operation that leaves no event.
fn what_came(
    operation: &RandomOperation,
    before: &BTreeMap<String, Option<String>>,
    after: &BTreeMap<String, Option<String>>,
) -> Option<&'static str> {
    let new = after.iter().find(|(id, _)| !before.contains_key(*id)).map(|(_, drawn)| drawn);
    let moved =
        || before.iter().find_map(|(id, from)| after.get(id).map(|to| (from, to)).filter(|(a, b)| a != b));
    match operation {
        RandomOperation::Launch { reserved: false, .. } if new.is_some_and(Option::is_some) => {
            Some("a launch drew on the default reservation")
        }
        RandomOperation::LaunchWith { .. } if new.is_some() => Some("a volume was there before its instance"),
        RandomOperation::Move { .. } => moved().map(|(from, to)| match (from, to) {
            (None, _) => "an instance moved into a reservation",
            (_, None) => "an instance moved out of a reservation",
            _ => "an instance moved to another reservation",
        }),
        _ => None,
    }
}

/// Without this test, the properties above would also hold for a region in which nothing ever happens.
#[test]
fn random_histories_reach_every_change_and_refusal() {
    let mut runner = TestRunner::deterministic();
    let mut seen = BTreeSet::new();
    for seed in 0..60 {
        let operations =
            proptest::collection::vec(random_operation(), 130).new_tree(&mut runner).unwrap().current();
        let mut region = Region::seeded(hostile(seed), seed);
        for operation in &operations {
            let before = draws(&region);
            perform(&mut region, operation);
            seen.extend(what_came(operation, &before, &draws(&region)).map(str::to_owned));
        }
        seen.extend(
            region.world.events(0).flat_map(|event| [Some(event.event.clone()), event.detail]).flatten(),
        );
    }
    let wanted = [
        "PROVISIONING -> STARTING",
        "PROVISIONING -> TERMINATED",
        "PROVISIONING -> TERMINATING",
        "STARTING -> RUNNING",
        "STARTING -> STOPPED",
        "STARTING -> TERMINATING",
        "RUNNING -> STOPPING",
        "RUNNING -> MOVING",
        "MOVING -> RUNNING",
        "STOPPING -> STARTING",
        "STOPPING -> STOPPED",
        "STOPPED -> STARTING",
        "TERMINATING -> TERMINATED",
        "LaunchInstance 500 InternalError",
        "LaunchInstance 400 LimitExceeded",
        "LaunchInstance 400 InvalidParameter",
        "LaunchInstance 409 InvalidatedRetryToken",
        "InstanceAction 409 Conflict",
        "InstanceAction 409 IncorrectState",
        "UpdateInstance 500 InternalError",
        "UpdateComputeCapacityReservation 409 IncorrectState",
        "DeleteComputeCapacityReservation 409 IncorrectState",
        "DeleteBootVolume 409 IncorrectState",
        "a launch drew on the default reservation",
        "an instance moved into a reservation",
        "an instance moved out of a reservation",
        "an instance moved to another reservation",
        "a volume was there before its instance",
        "pool_member_attached",
        "pool_member_detached",
        "volume_deleted",
    ];
    let missing: Vec<&str> = wanted.into_iter().filter(|wanted| !seen.contains(*wanted)).collect();
    assert!(missing.is_empty(), "never happened: {missing:?}");
}

#[test]
fn another_seed_gives_another_history() {
    let history = |seed| {
        let mut region = Region::seeded(hostile(seed), seed);
        for _ in 0..20 {
            perform(
                &mut region,
                &RandomOperation::Launch { ad: 0, ocpus: 1, reserved: false, token: None, keep: false },
            );
            region.advance(30.0);
        }
        events(&region.world)
    };
    assert_eq!(history(1), history(1));
    assert_ne!(history(1), history(2));
}

#[test]
fn a_save_of_another_format_is_refused_by_its_number() {
    let region = Region::roomy();
    let mut saved = serde_json::to_value(region.world.snapshot()).unwrap();
    saved["version"] = 99.into();
    let saved: SavedWorld = serde_json::from_value(saved).unwrap();
    let problem = World::restore(saved).unwrap_err().to_string();
    assert_eq!(problem, "the saved world has format 99, but this program reads format 1");
}
