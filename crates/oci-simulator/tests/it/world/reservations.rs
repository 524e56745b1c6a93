//! Capacity reservations.

use super::region::Region;
use oci_api::Operation;
use oci_simulator::world::{ApiAnswer, ApiError, Known, WorldSettings};
use serde_json::{Value, json};

fn small_hosts() -> WorldSettings {
    let mut settings = WorldSettings::default();
    settings.hosts.by_family.insert("standard-e4".into(), 1);
    settings
}

fn config(ocpus: u32, count: i64) -> Value {
    json!({
        "instanceShape": "VM.Standard.E4.Flex", "reservedCount": count,
        "instanceShapeConfig": {"ocpus": ocpus, "memoryInGBs": ocpus * 6},
    })
}

fn create(
    region: &mut Region,
    compartment: &str,
    configs: &Value,
    default: bool,
) -> Result<ApiAnswer, ApiError> {
    let request = region.request(Operation::CreateComputeCapacityReservation).body(json!({
        "compartmentId": compartment,
        "availabilityDomain": region.defaults.availability_domains[0],
        "displayName": "held",
        "isDefaultReservation": default,
        "instanceReservationConfigs": configs,
    }));
    region.world.handle(&request)
}

fn active(region: &mut Region, configs: &Value) -> String {
    let compartment = region.defaults.compartment.clone();
    let answer = create(region, &compartment, configs, false).unwrap();
    assert_eq!(answer.status, 201);
    region.advance(60.0);
    answer.json()["id"].as_str().unwrap().to_owned()
}

fn show(region: &mut Region, id: &str) -> Value {
    region.get(Operation::GetComputeCapacityReservation, "capacityReservationId", id).unwrap().json()
}

fn update(region: &mut Region, id: &str, configs: &Value) -> Result<ApiAnswer, ApiError> {
    let request = region
        .request(Operation::UpdateComputeCapacityReservation)
        .path("capacityReservationId", id)
        .body(json!({"instanceReservationConfigs": configs}));
    region.world.handle(&request)
}

fn launch_in(region: &mut Region, id: &str) -> Result<String, ApiError> {
    let mut details = region.details("member");
    details["capacityReservationId"] = id.into();
    Ok(region.launch(&details)?.json()["id"].as_str().unwrap().to_owned())
}

#[test]
fn a_reservation_fills_silently_as_far_as_it_can() {
    let mut region = Region::new(small_hosts());
    // Three hosts of 128 OCPUs: 24 of 16 OCPUs fit.
    let id = active(&mut region, &json!([config(16, 50)]));
    let shown = show(&mut region, &id);
    assert_eq!((&shown["lifecycleState"], &shown["reservedInstanceCount"]), (&json!("ACTIVE"), &json!(24)));
    let none = active(&mut region, &json!([config(1, 5)]));
    assert_eq!(show(&mut region, &none)["reservedInstanceCount"], 0);
    assert_eq!(launch_in(&mut region, &none).unwrap_err().message, "Out of host capacity.");
    assert!(region.launch(&region.details("on demand")).is_err(), "all capacity is reserved");
    region.world.check_invariants().unwrap();
}

#[test]
fn only_terminated_members_release_a_reservation() {
    let mut region = Region::new(small_hosts());
    let id = active(&mut region, &json!([config(1, 2)]));
    let first = launch_in(&mut region, &id).unwrap();
    launch_in(&mut region, &id).unwrap();
    assert_eq!(show(&mut region, &id)["usedInstanceCount"], 2);
    let full = launch_in(&mut region, &id).unwrap_err();
    assert_eq!((full.status, full.message.as_str()), (500, "Out of host capacity."));
    region.advance(200.0);
    region.act(&first, "STOP").unwrap();
    region.advance(60.0);
    assert!(launch_in(&mut region, &id).is_err(), "a stopped member keeps its place");
    let members = region
        .request(Operation::ListComputeCapacityReservationInstances)
        .path("capacityReservationId", &*id);
    assert_eq!(region.pages(&members).len(), 2);
    region.terminate(&first);
    region.advance(100.0);
    launch_in(&mut region, &id).unwrap();
    region.world.check_invariants().unwrap();
}

#[test]
fn only_the_same_shape_size_and_fault_domain_match() {
    let mut region = Region::roomy();
    let id = active(&mut region, &json!([config(1, 2)]));
    let mut details = region.details("x");
    details["capacityReservationId"] = id.into();
    for change in [
        json!({"shapeConfig": {"ocpus": 1, "memoryInGBs": 8}}),
        json!({"shapeConfig": {"ocpus": 2, "memoryInGBs": 12}}),
        json!({"shape": "VM.Standard.E5.Flex"}),
        json!({"faultDomain": "FAULT-DOMAIN-1"}),
    ] {
        let mut other = details.clone();
        other.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        assert_eq!(region.launch(&other).unwrap_err().status, 400, "{change}");
    }
    let mut elsewhere = details.clone();
    elsewhere["availabilityDomain"] = region.defaults.availability_domains[1].clone().into();
    assert_eq!(region.launch(&elsewhere).unwrap_err().status, 400);
    region.launch(&details).unwrap();
}

#[test]
fn an_update_replaces_all_configs_but_never_what_is_used() {
    let mut region = Region::roomy();
    let id = active(&mut region, &json!([config(1, 4), config(2, 3)]));
    launch_in(&mut region, &id).unwrap();
    let refused = update(&mut region, &id, &json!([config(2, 3)])).unwrap_err();
    assert_eq!((refused.status, refused.code), (409, "IncorrectState"));
    assert!(update(&mut region, &id, &json!([config(1, 0)])).is_err());
    let answer = update(&mut region, &id, &json!([config(1, 1)])).unwrap();
    assert_eq!((answer.status, answer.body.clone(), answer.work_request.is_some()), (202, None, true));
    assert_eq!(show(&mut region, &id)["lifecycleState"], "UPDATING");
    assert_eq!(update(&mut region, &id, &json!([])).unwrap_err().status, 409);
    region.advance(60.0);
    let shown = show(&mut region, &id);
    assert_eq!(shown["instanceReservationConfigs"].as_array().unwrap().len(), 1);
    assert_eq!((&shown["reservedInstanceCount"], &shown["usedInstanceCount"]), (&json!(1), &json!(1)));
    region.world.check_invariants().unwrap();
}

#[test]
fn only_an_empty_reservation_can_be_deleted() {
    let mut region = Region::new(small_hosts());
    let id = active(&mut region, &json!([config(16, 24)]));
    let mut details = region.details("member");
    details["capacityReservationId"] = id.clone().into();
    details["shapeConfig"] = json!({"ocpus": 16, "memoryInGBs": 96});
    let member = region.launch(&details).unwrap().json()["id"].as_str().unwrap().to_owned();
    let delete =
        region.request(Operation::DeleteComputeCapacityReservation).path("capacityReservationId", &*id);
    assert_eq!(region.world.handle(&delete).unwrap_err().status, 409);
    region.terminate(&member);
    region.advance(200.0);
    assert_eq!(region.world.handle(&delete).unwrap().status, 202);
    assert_eq!(show(&mut region, &id)["lifecycleState"], "DELETING");
    region.advance(60.0);
    assert_eq!(show(&mut region, &id)["lifecycleState"], "DELETED");
    assert_eq!(launch_in(&mut region, &id).unwrap_err().status, 404);
    let again = active(&mut region, &json!([config(16, 24)]));
    assert_eq!(show(&mut region, &again)["reservedInstanceCount"], 24);
    region.world.check_invariants().unwrap();
}

#[test]
fn the_default_reservation_comes_before_on_demand() {
    let mut region = Region::roomy();
    let (root, child) = (region.defaults.tenancy.clone(), region.defaults.compartment.clone());
    assert_eq!(create(&mut region, &child, &json!([config(1, 1)]), true).unwrap_err().status, 400);
    create(&mut region, &root, &json!([config(1, 1)]), true).unwrap();
    region.advance(60.0);
    assert!(
        create(&mut region, &root, &json!([config(1, 1)]), true).is_err(),
        "one for each availability domain"
    );
    let mut opted_out = region.details("out");
    opted_out["capacityReservationId"] = "".into();
    let out = region.launch(&opted_out).unwrap().json();
    let inside = region.launch(&region.details("in")).unwrap().json();
    let over = region.launch(&region.details("over")).unwrap().json();
    assert_eq!((out.get("capacityReservationId"), over.get("capacityReservationId")), (None, None));
    assert!(inside["capacityReservationId"].is_string());
}

#[test]
fn a_reservation_without_sizes_holds_the_shapes_default_size() {
    let mut region = Region::roomy();
    let id = active(&mut region, &json!([{"instanceShape": "VM.Standard.E4.Flex", "reservedCount": 1}]));
    let shown = show(&mut region, &id)["instanceReservationConfigs"][0]["instanceShapeConfig"].clone();
    assert_eq!(shown, json!({"ocpus": 1.0, "memoryInGBs": 16.0}));
    assert_eq!(launch_in(&mut region, &id).unwrap_err().status, 400);
}

#[test]
fn an_instance_moves_into_a_reservation_by_an_update() {
    let mut region = Region::roomy();
    let id = active(&mut region, &json!([config(1, 1)]));
    let mut details = region.details("mover");
    details["capacityReservationId"] = "".into();
    let instance = region.launch(&details).unwrap().json()["id"].as_str().unwrap().to_owned();
    region.advance(300.0);
    let request = region
        .request(Operation::UpdateInstance)
        .path("instanceId", &*instance)
        .body(json!({"capacityReservationId": id}));
    region.world.handle(&request).unwrap();
    region.advance(300.0);
    assert_eq!(region.instance(&instance)["capacityReservationId"], *id);
    assert_eq!(show(&mut region, &id)["usedInstanceCount"], 1);
    region.world.check_invariants().unwrap();
}

/// The cores that count against the limit of the first availability domain.
fn cores_used(region: &mut Region, name: &str) -> i64 {
    let request = region
        .request(Operation::GetResourceAvailability)
        .path("serviceName", "compute")
        .path("limitName", name)
        .query("compartmentId", region.defaults.tenancy.clone())
        .query("availabilityDomain", region.defaults.availability_domains[0].clone());
    region.world.handle(&request).unwrap().json()["used"].as_i64().unwrap()
}

#[test]
fn what_is_reserved_counts_against_the_service_limits_once() {
    let mut settings = WorldSettings::default();
    settings.limits.cores = 10;
    let mut region = Region::new(settings);
    let compartment = region.defaults.compartment.clone();
    let refused = create(&mut region, &compartment, &json!([config(1, 11)]), false).unwrap_err();
    assert_eq!((refused.status, refused.code), (400, "LimitExceeded"));
    assert!(refused.message.contains("standard-e4-core-count"), "{}", refused.message);

    let id = active(&mut region, &json!([config(1, 8)]));
    for name in
        ["standard-e4-core-count", "standard-e4-core-reserved-count", "standard-e4-core-count-reservable"]
    {
        assert_eq!(cores_used(&mut region, name), 8, "{name}");
    }
    let member = launch_in(&mut region, &id).unwrap();
    assert_eq!(
        cores_used(&mut region, "standard-e4-core-count"),
        8,
        "the member is counted with its reservation"
    );
    let outside = region.details("outside");
    region.launch(&outside).unwrap();
    region.launch(&outside).unwrap();
    assert_eq!(region.launch(&outside).unwrap_err().code, "LimitExceeded");
    launch_in(&mut region, &id).unwrap();
    region.advance(300.0);
    // Outside the reservation it would need capacity of its own.
    let leave = region.request(Operation::UpdateInstance).path("instanceId", &*member);
    let leave = leave.body(json!({"capacityReservationId": ""}));
    assert_eq!(region.world.handle(&leave).unwrap_err().code, "LimitExceeded");
    region.world.check_invariants().unwrap();

    let saved: oci_simulator::world::SavedWorld =
        serde_json::from_value(serde_json::to_value(region.world.snapshot()).unwrap()).unwrap();
    region.world = oci_simulator::world::World::restore(saved).unwrap();
    assert_eq!(cores_used(&mut region, "standard-e4-core-count"), 10);
    region.terminate(&member);
    region.advance(300.0);
    assert_eq!(cores_used(&mut region, "standard-e4-core-count"), 10, "the reservation goes on counting");
    region.world.check_invariants().unwrap();
}

#[test]
fn what_is_reserved_in_a_group_serves_its_launches_only() {
    const GROUP: &str = "ocid1.clusterplacementgroup.oc1.phx.g";
    let mut region = Region::roomy();
    let mut grouped = config(1, 1);
    grouped["clusterPlacementGroupId"] = GROUP.into();
    let compartment = region.defaults.compartment.clone();
    let unknown = create(&mut region, &compartment, &json!([grouped]), false).unwrap_err();
    assert_eq!(unknown.status, 404, "nobody knows the group");
    region.world.register(&Known::Other { ocid: GROUP.into() }).unwrap();
    let id = active(&mut region, &json!([grouped]));
    assert_eq!(show(&mut region, &id)["instanceReservationConfigs"][0]["clusterPlacementGroupId"], GROUP);
    assert_eq!(launch_in(&mut region, &id).unwrap_err().status, 400);
    let mut details = region.details("grouped");
    details["capacityReservationId"] = id.as_str().into();
    details["clusterPlacementGroupId"] = GROUP.into();
    region.launch(&details).unwrap();
    region.world.check_invariants().unwrap();
}
