//! Whatever is asked in whatever order: nothing is lost, nothing is exceeded, and the same again is the same.

use crate::region::Region;
use oci_api::Operation;
use oci_simulator::world::settings::{
    Crumbs, LateFailure, LimitSetting, OtherTenants, Outage, QuotaSetting, Reclaim,
};
use oci_simulator::world::{ApiRequest, SavedWorld, State, World, WorldSettings};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Something that someone does.
#[derive(Clone, Debug)]
enum Deed {
    Launch { ad: usize, ocpus: u32, reserved: bool, token: Option<u8>, keep: bool },
    Act { which: usize, action: &'static str },
    Terminate { which: usize, keep: bool },
    Resize { which: usize, ocpus: u32 },
    Reserve { ad: usize, ocpus: u32, count: u32 },
    Rereserve { which: usize, count: u32 },
    Unreserve { which: usize },
    DeleteBootVolume { which: usize },
    Pool { size: u32 },
    ResizePool { which: usize, size: u32 },
    ActOnPool { which: usize, operation: usize },
    DeleteVolume { which: usize },
    Wait { seconds: f64 },
    List { limit: u32 },
}

fn deed() -> impl Strategy<Value = Deed> {
    const ACTIONS: [&str; 5] = ["STOP", "START", "RESET", "SOFTSTOP", "REBOOTMIGRATE"];
    prop_oneof![
        24 => (0..3_usize, 1..24_u32, any::<bool>(), proptest::option::of(0..6_u8), any::<bool>())
            .prop_map(|(ad, ocpus, reserved, token, keep)| Deed::Launch { ad, ocpus, reserved, token, keep }),
        16 => (any::<usize>(), 0..5_usize).prop_map(|(which, at)| Deed::Act { which, action: ACTIONS[at] }),
        8 => (any::<usize>(), any::<bool>()).prop_map(|(which, keep)| Deed::Terminate { which, keep }),
        8 => (any::<usize>(), 1..40_u32).prop_map(|(which, ocpus)| Deed::Resize { which, ocpus }),
        4 => (0..3_usize, 1..24_u32, 0..30_u32)
            .prop_map(|(ad, ocpus, count)| Deed::Reserve { ad, ocpus, count }),
        4 => (any::<usize>(), 0..30_u32).prop_map(|(which, count)| Deed::Rereserve { which, count }),
        4 => any::<usize>().prop_map(|which| Deed::Unreserve { which }),
        4 => any::<usize>().prop_map(|which| Deed::DeleteBootVolume { which }),
        1 => (0..6_u32).prop_map(|size| Deed::Pool { size }),
        1 => (any::<usize>(), 0..6_u32).prop_map(|(which, size)| Deed::ResizePool { which, size }),
        1 => (any::<usize>(), 0..5_usize).prop_map(|(which, operation)| Deed::ActOnPool { which, operation }),
        1 => any::<usize>().prop_map(|which| Deed::DeleteVolume { which }),
        24 => (0.0..120.0_f64).prop_map(|seconds| Deed::Wait { seconds }),
        // Past the time for which TERMINATED instances are listed, and past the life of a retry token.
        1 => prop_oneof![Just(13.0 * 3600.0), Just(25.0 * 3600.0)].prop_map(|seconds| Deed::Wait { seconds }),
        4 => (1..=100_u32).prop_map(|limit| Deed::List { limit }),
    ]
}

/// A region in which everything goes wrong now and then. Lists lag in every other one.
fn hostile(seed: u64) -> WorldSettings {
    let mut settings = WorldSettings {
        late_failure: LateFailure { probability: 0.2, limit_share: 0.3 },
        false_limit_probability: 0.2,
        capacity_report_error_probability: 0.2,
        list_lag_seconds: if seed.is_multiple_of(2) { 0.0 } else { 3.0 },
        short_page_probability: 0.3,
        empty_page_probability: 0.3,
        subnet_prefix_length: 28,
        crumbs: vec![Crumbs {
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

/// What to launch: tagged or not, in a reservation or not, and if not, preemptible now and then.
fn details(region: &Region, ad: usize, ocpus: u32, keep: bool, reservation: Option<String>) -> Value {
    let mut details = region.details("n");
    details["availabilityDomain"] = region.defaults.availability_domains[ad].clone().into();
    details["shapeConfig"] = json!({"ocpus": ocpus, "memoryInGBs": ocpus * 6});
    if ocpus.is_multiple_of(5) {
        details["launchVolumeAttachments"] = json!([{
            "type": "paravirtualized",
            "launchCreateVolumeDetails": {"volumeCreationType": "ATTRIBUTES", "sizeInGBs": 50},
        }]);
    }
    if keep {
        details["freeformTags"] = json!({"keep": "yes"});
    }
    if let Some(id) = reservation {
        details["capacityReservationId"] = id.into();
    } else if ocpus % 3 == 2 {
        details["preemptibleInstanceConfig"] = json!({"preemptionAction": {"type": "TERMINATE"}});
    }
    details
}

const POOL_ACTIONS: [Operation; 5] = [
    Operation::StopInstancePool,
    Operation::StartInstancePool,
    Operation::SoftstopInstancePool,
    Operation::ResetInstancePool,
    Operation::TerminateInstancePool,
];

fn make_pool(region: &mut Region, size: u32) {
    let mut launch = details(region, 0, 1, false, None);
    launch.as_object_mut().unwrap().remove("availabilityDomain");
    let request = region.request(Operation::CreateInstanceConfiguration).body(json!({
        "source": "NONE", "compartmentId": region.defaults.compartment,
        "instanceDetails": {"instanceType": "compute", "launchDetails": launch},
    }));
    let configuration = region.world.handle(&request).unwrap().json()["id"].clone();
    let placements = region.defaults.availability_domains.iter();
    let placements = placements
        .map(|ad| json!({"availabilityDomain": ad, "primarySubnetId": region.defaults.private_subnet}));
    let request = region.request(Operation::CreateInstancePool).body(json!({
        "compartmentId": region.defaults.compartment, "instanceConfigurationId": configuration, "size": size,
        "placementConfigurations": placements.collect::<Vec<Value>>(),
    }));
    region.world.handle(&request).unwrap();
}

/// OCIDs of a list that has no lag.
fn listed(region: &mut Region, operation: Operation) -> Vec<String> {
    region.list(operation).iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

/// No instance is listed twice, none is listed that is not there, and without a lag all are.
fn check_list(region: &mut Region, limit: u32) {
    let request = region.request(Operation::ListInstances);
    let request = request.query("compartmentId", region.defaults.compartment.clone());
    let rows = region.pages(&request.query("limit", limit.to_string()));
    let ids: BTreeSet<&str> = rows.iter().map(|row| row["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), rows.len(), "an instance is listed twice");
    let known: BTreeSet<String> = region.world.instances().map(|entry| entry.id).collect();
    assert!(ids.iter().all(|id| known.contains(*id)), "an instance is listed that is not there");
    if region.world.settings().list_lag_seconds <= 0.0 {
        assert_eq!(ids.len(), known.len(), "an instance is missing");
    }
}

fn reserve(region: &Region, ad: usize, ocpus: u32, count: u32) -> ApiRequest {
    region.request(Operation::CreateComputeCapacityReservation).body(json!({
        "compartmentId": region.defaults.compartment,
        "availabilityDomain": region.defaults.availability_domains[ad],
        "instanceReservationConfigs": [{
            "instanceShape": "VM.Standard.E4.Flex", "reservedCount": count,
            "instanceShapeConfig": {"ocpus": ocpus, "memoryInGBs": ocpus * 6},
        }],
    }))
}

fn do_it(region: &mut Region, deed: &Deed) {
    let pick = |ids: Vec<String>, which: usize| (!ids.is_empty()).then(|| ids[which % ids.len()].clone());
    let instances: Vec<String> = region.world.instances().map(|entry| entry.id).collect();
    let reservations: Vec<String> = region.world.reservations().map(|entry| entry.id).collect();
    let request = match deed {
        Deed::Launch { ad, ocpus, reserved, token, keep } => {
            let reservation = pick(reservations, *ad).filter(|_| *reserved);
            let details = details(region, *ad, *ocpus, *keep, reservation);
            let request = region.request(Operation::LaunchInstance).body(details);
            match token {
                Some(token) => request.retry_token(format!("token-{token}")),
                None => request,
            }
        }
        Deed::Act { which, action } => {
            let Some(id) = pick(instances, *which) else { return };
            region.request(Operation::InstanceAction).path("instanceId", id).query("action", *action)
        }
        Deed::Terminate { which, keep } => {
            let Some(id) = pick(instances, *which) else { return };
            let request = region.request(Operation::TerminateInstance).path("instanceId", id);
            request.query("preserveBootVolume", keep.to_string())
        }
        Deed::Resize { which, ocpus } => {
            let Some(id) = pick(instances, *which) else { return };
            let body = json!({"shapeConfig": {"ocpus": ocpus, "memoryInGBs": ocpus * 6}});
            region.request(Operation::UpdateInstance).path("instanceId", id).body(body)
        }
        Deed::Reserve { ad, ocpus, count } => reserve(region, *ad, *ocpus, *count),
        Deed::Rereserve { which, count } => {
            let Some(id) = pick(reservations, *which) else { return };
            let get =
                region.request(Operation::GetComputeCapacityReservation).path("capacityReservationId", &*id);
            let Ok(shown) = region.world.handle(&get) else { return };
            let mut configs = shown.json()["instanceReservationConfigs"].clone();
            for config in configs.as_array_mut().unwrap() {
                config["reservedCount"] = (*count).into();
                config.as_object_mut().unwrap().remove("usedCount");
            }
            region
                .request(Operation::UpdateComputeCapacityReservation)
                .path("capacityReservationId", id)
                .body(json!({"instanceReservationConfigs": configs}))
        }
        Deed::Unreserve { which } => {
            let Some(id) = pick(reservations, *which) else { return };
            region.request(Operation::DeleteComputeCapacityReservation).path("capacityReservationId", id)
        }
        Deed::DeleteBootVolume { which } => {
            let Some(id) = pick(region.world.boot_volumes().map(|entry| entry.id).collect(), *which) else {
                return;
            };
            region.request(Operation::DeleteBootVolume).path("bootVolumeId", id)
        }
        Deed::Pool { size } => return make_pool(region, *size),
        Deed::ResizePool { which, size } => {
            let Some(id) = pick(listed(region, Operation::ListInstancePools), *which) else { return };
            region
                .request(Operation::UpdateInstancePool)
                .path("instancePoolId", id)
                .body(json!({"size": size}))
        }
        Deed::ActOnPool { which, operation } => {
            let Some(id) = pick(listed(region, Operation::ListInstancePools), *which) else { return };
            region.request(POOL_ACTIONS[*operation]).path("instancePoolId", id)
        }
        Deed::DeleteVolume { which } => {
            let Some(id) = pick(listed(region, Operation::ListVolumes), *which) else { return };
            region.request(Operation::DeleteVolume).path("volumeId", id)
        }
        Deed::Wait { seconds } => return region.advance(*seconds),
        Deed::List { limit } => return check_list(region, *limit),
    };
    let _ = region.world.handle(&request);
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
    fn nothing_is_lost_or_exceeded_and_states_change_only_as_documented(
        seed in any::<u64>(),
        deeds in proptest::collection::vec(deed(), 1..80),
    ) {
        let mut region = Region::seeded(hostile(seed), seed);
        for deed in &deeds {
            do_it(&mut region, deed);
            if let Err(problem) = region.world.check_invariants() {
                panic!("after {deed:?}: {problem}");
            }
        }
        check_transitions(&region.world);
    }

    #[test]
    fn the_same_seed_and_requests_give_the_same_events_even_through_a_save(
        seed in any::<u64>(),
        deeds in proptest::collection::vec(deed(), 1..60),
        cut in 0..60_usize,
    ) {
        let mut first = Region::seeded(hostile(seed), seed);
        let mut second = Region::seeded(hostile(seed), seed);
        for (number, deed) in deeds.iter().enumerate() {
            do_it(&mut first, deed);
            do_it(&mut second, deed);
            if number == cut {
                let saved = serde_json::to_vec(&second.world.snapshot()).unwrap();
                let saved: SavedWorld = serde_json::from_slice(&saved).unwrap();
                second.world = World::restore(saved).unwrap();
            }
        }
        prop_assert_eq!(events(&first.world), events(&second.world));
    }
}

/// The properties above would hold for a region in which nothing ever happens.
#[test]
fn random_histories_go_through_every_change_and_refusal_that_matters() {
    let mut runner = TestRunner::deterministic();
    let mut seen = BTreeSet::new();
    for seed in 0..60 {
        let deeds = proptest::collection::vec(deed(), 80).new_tree(&mut runner).unwrap().current();
        let mut region = Region::seeded(hostile(seed), seed);
        for deed in &deeds {
            do_it(&mut region, deed);
        }
        seen.extend(region.world.events(0).filter_map(|event| event.detail));
    }
    for wanted in [
        "PROVISIONING -> STARTING",
        "PROVISIONING -> TERMINATED",
        "PROVISIONING -> TERMINATING",
        "STARTING -> RUNNING",
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
    ] {
        assert!(seen.contains(wanted), "{wanted} never happened");
    }
}

#[test]
fn another_seed_gives_another_history() {
    let history = |seed| {
        let mut region = Region::seeded(hostile(seed), seed);
        for _ in 0..20 {
            do_it(&mut region, &Deed::Launch { ad: 0, ocpus: 1, reserved: false, token: None, keep: false });
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
    assert_eq!(problem, "the saved world has format 99, this program reads format 1");
}
