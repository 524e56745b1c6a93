//! The operations of random histories.

use super::region::Region;
use oci_api::Operation;
use oci_simulator::world::ApiRequest;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Frequent numbers of OCPUs.
const OFTEN: [u32; 3] = [1, 4, 10];

/// One operation.
#[derive(Clone, Debug)]
pub enum RandomOperation {
    Launch {
        ad: usize,
        ocpus: u32,
        reserved: bool,
        token: Option<u8>,
        keep: bool,
    },
    LaunchWith {
        volume: usize,
        twice: bool,
    },
    Act {
        which: usize,
        action: &'static str,
    },
    Terminate {
        which: usize,
        keep: bool,
        keep_data: bool,
    },
    Resize {
        which: usize,
        ocpus: u32,
    },
    /// Moves an instance into a reservation, or out of all reservations.
    Move {
        which: usize,
        to: Option<usize>,
    },
    Reserve {
        ad: usize,
        ocpus: u32,
        count: u32,
        default: bool,
    },
    Rereserve {
        which: usize,
        count: u32,
    },
    Unreserve {
        which: usize,
    },
    DeleteBootVolume {
        which: usize,
    },
    Pool {
        size: u32,
    },
    ResizePool {
        which: usize,
        size: u32,
    },
    ActOnPool {
        which: usize,
        operation: usize,
    },
    Attach {
        which: usize,
        instance: usize,
    },
    Detach {
        which: usize,
        instance: usize,
        shrink: bool,
        end: bool,
    },
    DeleteVolume {
        which: usize,
    },
    Wait {
        seconds: f64,
    },
    List {
        limit: u32,
    },
}

pub fn random_operation() -> impl Strategy<Value = RandomOperation> {
    const ACTIONS: [&str; 5] = ["STOP", "START", "RESET", "SOFTSTOP", "REBOOTMIGRATE"];
    // Some sizes are frequent: those that every reservation has.
    let ocpus = || prop_oneof![1 => proptest::sample::select(OFTEN.to_vec()), 2 => 1..24_u32];
    prop_oneof![
        24 => (0..3_usize, ocpus(), any::<bool>(), proptest::option::of(0..6_u8), any::<bool>())
            .prop_map(|(ad, ocpus, reserved, token, keep)| RandomOperation::Launch { ad, ocpus, reserved, token, keep }),
        16 => (any::<usize>(), 0..5_usize).prop_map(|(which, at)| RandomOperation::Act { which, action: ACTIONS[at] }),
        2 => (any::<usize>(), any::<bool>()).prop_map(|(volume, twice)| RandomOperation::LaunchWith { volume, twice }),
        8 => (any::<usize>(), any::<bool>(), any::<bool>())
            .prop_map(|(which, keep, keep_data)| RandomOperation::Terminate { which, keep, keep_data }),
        8 => (any::<usize>(), proptest::option::weighted(0.6, any::<usize>()))
            .prop_map(|(which, to)| RandomOperation::Move { which, to }),
        8 => (any::<usize>(), 1..40_u32).prop_map(|(which, ocpus)| RandomOperation::Resize { which, ocpus }),
        4 => (0..3_usize, ocpus(), 0..30_u32, any::<bool>())
            .prop_map(|(ad, ocpus, count, default)| RandomOperation::Reserve { ad, ocpus, count, default }),
        4 => (any::<usize>(), 0..30_u32).prop_map(|(which, count)| RandomOperation::Rereserve { which, count }),
        4 => any::<usize>().prop_map(|which| RandomOperation::Unreserve { which }),
        4 => any::<usize>().prop_map(|which| RandomOperation::DeleteBootVolume { which }),
        1 => (0..6_u32).prop_map(|size| RandomOperation::Pool { size }),
        1 => (any::<usize>(), 0..6_u32).prop_map(|(which, size)| RandomOperation::ResizePool { which, size }),
        1 => (any::<usize>(), 0..5_usize).prop_map(|(which, operation)| RandomOperation::ActOnPool { which, operation }),
        1 => (any::<usize>(), any::<usize>()).prop_map(|(which, instance)| RandomOperation::Attach { which, instance }),
        2 => (any::<usize>(), any::<usize>(), any::<bool>(), any::<bool>())
            .prop_map(|(which, instance, shrink, end)| RandomOperation::Detach { which, instance, shrink, end }),
        1 => any::<usize>().prop_map(|which| RandomOperation::DeleteVolume { which }),
        24 => (0.0..120.0_f64).prop_map(|seconds| RandomOperation::Wait { seconds }),
        // Longer than TERMINATED instances are listed, and longer than a retry token lives.
        1 => prop_oneof![Just(13.0 * 3600.0), Just(25.0 * 3600.0)].prop_map(|seconds| RandomOperation::Wait { seconds }),
        4 => (1..=100_u32).prop_map(|limit| RandomOperation::List { limit }),
    ]
}

/// The instance to launch: tagged or not, in a reservation or not, and otherwise occasionally preemptible.
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

/// OCIDs of a list without a lag.
fn listed(region: &mut Region, operation: Operation) -> Vec<String> {
    region.list(operation).iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

/// No instance is listed twice, every listed instance exists, and without a lag every instance is listed.
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

fn reserve(region: &Region, ad: usize, ocpus: u32, count: u32, default: bool) -> ApiRequest {
    let sizes = [(ocpus, count), (OFTEN[0], 2), (OFTEN[1], 1)];
    let sizes = sizes.into_iter().collect::<BTreeMap<u32, u32>>().into_iter();
    let configs = sizes.map(|(ocpus, count)| {
        json!({
            "instanceShape": "VM.Standard.E4.Flex", "reservedCount": count,
            "instanceShapeConfig": {"ocpus": ocpus, "memoryInGBs": ocpus * 6},
        })
    });
    // Only the root compartment can contain default reservations.
    let compartment = if default { &region.defaults.tenancy } else { &region.defaults.compartment };
    region.request(Operation::CreateComputeCapacityReservation).body(json!({
        "compartmentId": compartment,
        "availabilityDomain": region.defaults.availability_domains[ad],
        "isDefaultReservation": default,
        "instanceReservationConfigs": configs.collect::<Vec<Value>>(),
    }))
}

fn pick(mut ids: Vec<String>, which: usize) -> Option<String> {
    let at = which.checked_rem(ids.len())?;
    Some(ids.swap_remove(at))
}

fn instances(region: &Region) -> Vec<String> {
    region.world.instances().map(|entry| entry.id).collect()
}

fn reservations(region: &Region) -> Vec<String> {
    region.world.reservations().map(|entry| entry.id).collect()
}

/// The request for an operation about instances.
fn of_instance(region: &mut Region, operation: &RandomOperation) -> Option<ApiRequest> {
    let (instances, reservations) = (instances(region), reservations(region));
    Some(match operation {
        RandomOperation::Launch { ad, ocpus, reserved, token, keep } => {
            let reservation = pick(reservations, *ad).filter(|_| *reserved);
            let details = details(region, *ad, *ocpus, *keep, reservation);
            let request = region.request(Operation::LaunchInstance).body(details);
            match token {
                Some(token) => request.retry_token(format!("token-{token}")),
                None => request,
            }
        }
        RandomOperation::LaunchWith { volume, twice } => {
            let volume = pick(listed(region, Operation::ListVolumes), *volume)?;
            let got = region.get(Operation::GetVolume, "volumeId", &volume);
            let shown = got.map(|answer| answer.json()).ok()?;
            let mut details = region.details("n");
            details["availabilityDomain"] = shown["availabilityDomain"].clone();
            let attachment = json!({"type": "paravirtualized", "volumeId": volume});
            details["launchVolumeAttachments"] = vec![attachment; 1 + usize::from(*twice)].into();
            region.request(Operation::LaunchInstance).body(details)
        }
        RandomOperation::Act { which, action } => {
            let id = pick(instances, *which)?;
            region.request(Operation::InstanceAction).path("instanceId", id).query("action", *action)
        }
        RandomOperation::Terminate { which, keep, keep_data } => {
            let id = pick(instances, *which)?;
            let request = region.request(Operation::TerminateInstance).path("instanceId", id);
            request
                .query("preserveBootVolume", keep.to_string())
                .query("preserveDataVolumesCreatedAtLaunch", keep_data.to_string())
        }
        RandomOperation::Resize { which, ocpus } => {
            let id = pick(instances, *which)?;
            let body = json!({"shapeConfig": {"ocpus": ocpus, "memoryInGBs": ocpus * 6}});
            region.request(Operation::UpdateInstance).path("instanceId", id).body(body)
        }
        RandomOperation::Move { which, to } => {
            let id = pick(instances, *which)?;
            let to = to.and_then(|to| pick(reservations, to)).unwrap_or_default();
            let body = json!({"capacityReservationId": to});
            region.request(Operation::UpdateInstance).path("instanceId", id).body(body)
        }
        _ => return None,
    })
}

/// The request for an operation about reservations.
fn of_reservation(region: &mut Region, operation: &RandomOperation) -> Option<ApiRequest> {
    let reservations = reservations(region);
    Some(match operation {
        RandomOperation::Reserve { ad, ocpus, count, default } => {
            reserve(region, *ad, *ocpus, *count, *default)
        }
        RandomOperation::Rereserve { which, count } => {
            let id = pick(reservations, *which)?;
            let get =
                region.request(Operation::GetComputeCapacityReservation).path("capacityReservationId", &*id);
            let shown = region.world.handle(&get).ok()?;
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
        RandomOperation::Unreserve { which } => {
            let id = pick(reservations, *which)?;
            region.request(Operation::DeleteComputeCapacityReservation).path("capacityReservationId", id)
        }
        _ => return None,
    })
}

/// The request for an operation about pools and volumes.
fn of_pool_or_volume(region: &mut Region, operation: &RandomOperation) -> Option<ApiRequest> {
    Some(match operation {
        RandomOperation::DeleteBootVolume { which } => {
            let id = pick(region.world.boot_volumes().map(|entry| entry.id).collect(), *which)?;
            region.request(Operation::DeleteBootVolume).path("bootVolumeId", id)
        }
        RandomOperation::ResizePool { which, size } => {
            let id = pick(listed(region, Operation::ListInstancePools), *which)?;
            region
                .request(Operation::UpdateInstancePool)
                .path("instancePoolId", id)
                .body(json!({"size": size}))
        }
        RandomOperation::ActOnPool { which, operation } => {
            let id = pick(listed(region, Operation::ListInstancePools), *which)?;
            region.request(POOL_ACTIONS[*operation]).path("instancePoolId", id)
        }
        RandomOperation::Attach { which, instance } => {
            let pools = listed(region, Operation::ListInstancePools);
            let (pool, id) = pick(pools, *which).zip(pick(instances(region), *instance))?;
            let request = region.request(Operation::AttachInstancePoolInstance).path("instancePoolId", pool);
            request.body(json!({"instanceId": id}))
        }
        RandomOperation::Detach { which, instance, shrink, end } => {
            let pool = pick(listed(region, Operation::ListInstancePools), *which)?;
            let members = region.world.instances().filter(|entry| entry.pool.as_ref() == Some(&pool));
            let id = pick(members.map(|entry| entry.id).collect(), *instance)?;
            let body = json!({"instanceId": id, "isDecrementSize": shrink, "isAutoTerminate": end});
            region.request(Operation::DetachInstancePoolInstance).path("instancePoolId", pool).body(body)
        }
        RandomOperation::DeleteVolume { which } => {
            let id = pick(listed(region, Operation::ListVolumes), *which)?;
            region.request(Operation::DeleteVolume).path("volumeId", id)
        }
        _ => return None,
    })
}

pub fn perform(region: &mut Region, operation: &RandomOperation) {
    match operation {
        RandomOperation::Pool { size } => return make_pool(region, *size),
        RandomOperation::Wait { seconds } => return region.advance(*seconds),
        RandomOperation::List { limit } => return check_list(region, *limit),
        _ => {}
    }
    let request = of_instance(region, operation)
        .or_else(|| of_reservation(region, operation))
        .or_else(|| of_pool_or_volume(region, operation));
    if let Some(request) = request {
        let _ = region.world.handle(&request);
    }
}
