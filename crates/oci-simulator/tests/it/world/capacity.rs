//! Capacity is finite, is available again after its release, and comes and goes by itself.

use super::region::Region;
use oci_api::Operation;
use oci_simulator::world::WorldSettings;
use oci_simulator::world::settings::{HostsIn, LateFailure, OtherTenants, ReturningCapacity};
use serde_json::json;

/// A region with one E4 host in each fault domain of each availability domain.
fn scarce() -> WorldSettings {
    let mut settings = WorldSettings::default();
    settings.hosts.by_family.insert("standard-e4".into(), 1);
    settings
}

fn whole_host(region: &Region) -> serde_json::Value {
    let mut details = region.details("big");
    details["shape"] = "BM.Standard.E4.128".into();
    details["shapeConfig"] = serde_json::Value::Null;
    details
}

#[test]
fn hosts_fill_up_one_availability_domain_at_a_time() {
    let mut region = Region::new(scarce());
    for _ in 0..3 {
        region.launch(&whole_host(&region)).unwrap();
    }
    let refused = region.launch(&whole_host(&region)).unwrap_err();
    assert_eq!((refused.status, refused.message.as_str()), (500, "Out of host capacity."));
    let mut elsewhere = whole_host(&region);
    elsewhere["availabilityDomain"] = region.defaults.availability_domains[2].clone().into();
    region.launch(&elsewhere).unwrap();
    region.world.check_invariants().unwrap();
}

#[test]
fn a_fault_domain_that_is_full_refuses_while_others_have_room() {
    let mut region = Region::new(scarce());
    let mut details = whole_host(&region);
    details["faultDomain"] = "FAULT-DOMAIN-2".into();
    region.launch(&details).unwrap();
    assert_eq!(region.launch(&details).unwrap_err().message, "Out of host capacity.");
    details["faultDomain"] = serde_json::Value::Null;
    region.launch(&details).unwrap();
}

#[test]
fn a_stopped_instance_may_find_its_place_taken() {
    let mut region = Region::new(scarce());
    let ids: Vec<String> = (0..3)
        .map(|_| region.launch(&whole_host(&region)).unwrap().json()["id"].as_str().unwrap().to_owned())
        .collect();
    region.advance(3000.0);
    region.act(&ids[0], "STOP").unwrap();
    region.advance(60.0);
    region.launch(&region.details("small")).unwrap();
    assert_eq!(region.act(&ids[0], "START").unwrap_err().message, "Out of host capacity.");
    region.world.check_invariants().unwrap();
}

#[test]
fn capacity_returns_a_few_hosts_at_a_time() {
    let mut settings = WorldSettings::default();
    settings.hosts.by_availability_domain =
        vec![HostsIn { availability_domain: 1, family: None, per_fault_domain: 0 }];
    settings.crumbs = vec![ReturningCapacity {
        availability_domain: 1,
        family: Some("standard-e4".into()),
        every_seconds: 60.0,
        hosts: 1,
        ocpus_per_host: Some(2),
        times: Some(3),
    }];
    let mut region = Region::new(settings);
    assert!(region.launch(&region.details("early")).is_err());
    region.advance(61.0);
    region.launch(&region.details("a")).unwrap();
    region.launch(&region.details("b")).unwrap();
    assert!(region.launch(&region.details("c")).is_err());
    region.advance(600.0);
    for name in ["c", "d", "e", "f"] {
        region.launch(&region.details(name)).unwrap();
    }
    assert!(region.launch(&region.details("g")).is_err());
    region.world.check_invariants().unwrap();
}

#[test]
fn other_tenants_take_and_release_what_they_may() {
    let mut settings = scarce();
    settings.hosts.per_fault_domain = 1;
    settings.other_tenants =
        Some(OtherTenants { every_seconds: 5.0, ocpus: 16, share: 0.9, initial_share: 0.5 });
    let mut region = Region::new(settings);
    for _ in 0..200 {
        region.advance(5.0);
        region.world.check_invariants().unwrap();
    }
}

fn report(region: &mut Region) -> serde_json::Value {
    let request = region.request(Operation::CreateComputeCapacityReport).body(json!({
        "compartmentId": region.defaults.tenancy,
        "availabilityDomain": region.defaults.availability_domains[0],
        "shapeAvailabilities": [{
            "instanceShape": "VM.Standard.E4.Flex", "instanceShapeConfig": {"ocpus": 64, "memoryInGBs": 64},
        }],
    }));
    region.world.handle(&request).unwrap().json()["shapeAvailabilities"][0].clone()
}

#[test]
fn a_report_tells_what_would_fit_and_nothing_when_nothing_would() {
    let mut region = Region::new(scarce());
    let entry = report(&mut region);
    assert_eq!((&entry["availabilityStatus"], &entry["availableCount"]), (&json!("AVAILABLE"), &json!(6)));
    for _ in 0..3 {
        region.launch(&whole_host(&region)).unwrap();
    }
    let entry = report(&mut region);
    assert_eq!(entry["availabilityStatus"], "OUT_OF_HOST_CAPACITY");
    assert_eq!(entry.get("availableCount"), None);
}

#[test]
fn a_report_can_be_wrong_on_purpose() {
    let settings = WorldSettings { capacity_report_error_probability: 1.0, ..scarce() };
    let mut region = Region::new(settings);
    assert_eq!(report(&mut region)["availabilityStatus"], "OUT_OF_HOST_CAPACITY");
    region.launch(&region.details("fits all the same")).unwrap();
}

#[test]
fn lack_of_capacity_can_be_told_as_a_false_limit() {
    let mut settings = WorldSettings { false_limit_probability: 0.5, ..WorldSettings::default() };
    settings.hosts.per_fault_domain = 0;
    let mut region = Region::new(settings);
    let codes: Vec<&str> = (0..40).map(|_| region.launch(&region.details("x")).unwrap_err().code).collect();
    assert!(codes.contains(&"LimitExceeded") && codes.contains(&"InternalError"), "{codes:?}");
}

#[test]
fn an_accepted_start_may_find_no_capacity_later() {
    let late_failure = LateFailure { start_probability: 1.0, ..LateFailure::default() };
    let settings = WorldSettings { late_failure, ..WorldSettings::default() };
    let mut region = Region::new(settings);
    let id = region.launch_running("a");
    region.act(&id, "STOP").unwrap();
    region.advance(60.0);
    assert_eq!(region.act(&id, "START").unwrap().json()["lifecycleState"], "STARTING");
    region.advance(100.0);
    assert_eq!(region.instance(&id)["lifecycleState"], "STOPPED");
    let request = region.request(Operation::ListWorkRequests).query("resourceId", id);
    let request = request.query("compartmentId", region.defaults.compartment.clone());
    let works = region.pages(&request);
    let failed = works.iter().find(|work| work["status"] == "FAILED").unwrap()["id"].as_str().unwrap();
    let errors = region.get(Operation::ListWorkRequestErrors, "workRequestId", failed).unwrap().json();
    assert_eq!(errors[0]["message"], "Out of host capacity.");
    region.world.check_invariants().unwrap();
}
