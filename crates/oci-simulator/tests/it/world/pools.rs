//! Instance pools and configurations.

use super::region::Region;
use oci_api::Operation;
use oci_simulator::world::{State, WorldSettings};
use serde_json::{Value, json};

fn configuration(region: &mut Region) -> String {
    let mut details = region.details("ignored");
    details.as_object_mut().unwrap().remove("availabilityDomain");
    let request = region.request(Operation::CreateInstanceConfiguration).body(json!({
        "source": "NONE", "compartmentId": region.defaults.compartment,
        "instanceDetails": {"instanceType": "compute", "launchDetails": details},
    }));
    region.world.handle(&request).unwrap().json()["id"].as_str().unwrap().to_owned()
}

fn pool(region: &mut Region, size: u32) -> String {
    let configuration = configuration(region);
    let placements: Vec<Value> = region
        .defaults
        .availability_domains
        .iter()
        .map(|ad| json!({"availabilityDomain": ad, "primarySubnetId": region.defaults.private_subnet}))
        .collect();
    let request = region.request(Operation::CreateInstancePool).body(json!({
        "compartmentId": region.defaults.compartment, "instanceConfigurationId": configuration, "size": size,
        "instanceDisplayNameFormatter": "pool-${launchCount}", "placementConfigurations": placements,
    }));
    region.world.handle(&request).unwrap().json()["id"].as_str().unwrap().to_owned()
}

fn show(region: &mut Region, id: &str) -> Value {
    region.get(Operation::GetInstancePool, "instancePoolId", id).unwrap().json()
}

fn resize(region: &mut Region, id: &str, size: u32) {
    let request =
        region.request(Operation::UpdateInstancePool).path("instancePoolId", id).body(json!({"size": size}));
    region.world.handle(&request).unwrap();
}

fn running(region: &Region) -> usize {
    region.world.instance_counts().get(&State::Running).copied().unwrap_or_default()
}

#[test]
fn a_pool_grows_over_its_placements_and_shrinks() {
    let mut region = Region::roomy();
    let id = pool(&mut region, 45);
    assert_eq!(show(&mut region, &id)["lifecycleState"], "PROVISIONING");
    let busy = region.get(Operation::StopInstancePool, "instancePoolId", &id).unwrap_err();
    assert_eq!((busy.status, busy.code), (409, "IncorrectState"));
    assert!(busy.message.ends_with("Must be in State 'Running'"), "{}", busy.message);
    region.advance(300.0);
    let shown = show(&mut region, &id);
    assert_eq!((&shown["lifecycleState"], &shown["currentSize"]), (&json!("RUNNING"), &json!(45)));
    for ad in &region.defaults.availability_domains {
        assert_eq!(
            region.world.live_instances().filter(|entry| entry.availability_domain == *ad).count(),
            15
        );
    }
    resize(&mut region, &id, 10);
    assert_eq!(show(&mut region, &id)["lifecycleState"], "SCALING");
    region.advance(300.0);
    assert_eq!((show(&mut region, &id)["lifecycleState"].clone(), running(&region)), (json!("RUNNING"), 10));
    region.world.check_invariants().unwrap();
}

#[test]
fn a_pool_replaces_what_is_ended_or_stopped_by_hand() {
    let mut region = Region::roomy();
    let id = pool(&mut region, 3);
    region.advance(300.0);
    let member = region.world.live_instances().next().unwrap().id;
    region.terminate(&member);
    region.advance(300.0);
    assert_eq!((show(&mut region, &id)["currentSize"].clone(), running(&region)), (json!(3), 3));
    let member = region.world.live_instances().next().unwrap().id;
    region.act(&member, "STOP").unwrap();
    region.advance(300.0);
    assert_eq!(running(&region), 3);
    region.world.check_invariants().unwrap();
}

#[test]
fn a_pool_without_room_tries_for_a_day_and_then_lowers_its_size() {
    let mut settings = WorldSettings::default();
    settings.limits.named = vec![oci_simulator::world::settings::LimitSetting {
        name: "standard-e4-core-count".into(),
        availability_domain: None,
        value: 2,
    }];
    let mut region = Region::new(settings);
    let id = pool(&mut region, 10);
    region.advance(3600.0);
    let shown = show(&mut region, &id);
    assert_eq!((&shown["lifecycleState"], &shown["currentSize"]), (&json!("PROVISIONING"), &json!(6)));
    region.advance(24.0 * 3600.0);
    let shown = show(&mut region, &id);
    assert_eq!((&shown["lifecycleState"], &shown["size"]), (&json!("RUNNING"), &json!(6)));
    let works = region
        .request(Operation::ListWorkRequests)
        .query("compartmentId", region.defaults.compartment.clone())
        .query("resourceId", &*id);
    let works = region.pages(&works);
    let failed =
        works.iter().find(|work| work["status"] == "FAILED").unwrap()["id"].as_str().unwrap().to_owned();
    let errors = region.get(Operation::ListWorkRequestErrors, "workRequestId", &failed).unwrap().json();
    assert_eq!(errors[0]["code"], "ServiceLimit");
}

#[test]
fn a_pool_stops_and_starts_and_takes_its_volumes_with_it() {
    let mut region = Region::roomy();
    let id = pool(&mut region, 4);
    region.advance(300.0);
    region.get(Operation::StopInstancePool, "instancePoolId", &id).unwrap();
    region.advance(120.0);
    assert_eq!(show(&mut region, &id)["lifecycleState"], "STOPPED");
    assert_eq!(region.world.instance_counts()[&State::Stopped], 4);
    region.get(Operation::StartInstancePool, "instancePoolId", &id).unwrap();
    region.advance(120.0);
    assert_eq!(show(&mut region, &id)["lifecycleState"], "RUNNING");
    assert_eq!(region.world.boot_volumes().count(), 4);
    let gone = region.get(Operation::TerminateInstancePool, "instancePoolId", &id).unwrap();
    assert_eq!((gone.status, gone.work_request), (204, None));
    region.advance(120.0);
    assert_eq!(show(&mut region, &id)["lifecycleState"], "TERMINATED");
    assert_eq!((region.world.live_instances().count(), region.world.boot_volumes().count()), (0, 0));
    region.world.check_invariants().unwrap();
}

#[test]
fn a_detached_member_lives_on_and_the_pool_is_one_smaller() {
    let mut region = Region::roomy();
    let id = pool(&mut region, 3);
    region.advance(300.0);
    let member = region.world.live_instances().next().unwrap().id;
    let request = region
        .request(Operation::DetachInstancePoolInstance)
        .path("instancePoolId", &*id)
        .body(json!({"instanceId": member}));
    region.world.handle(&request).unwrap();
    region.advance(300.0);
    assert_eq!((show(&mut region, &id)["size"].clone(), running(&region)), (json!(2), 3));
    let members = region
        .request(Operation::ListInstancePoolInstances)
        .path("instancePoolId", &*id)
        .query("compartmentId", region.defaults.compartment.clone());
    assert!(region.pages(&members).iter().all(|row| row["id"] != *member && row["state"] == "Running"));
}

#[test]
fn a_configuration_that_could_never_be_launched_is_refused() {
    let mut region = Region::roomy();
    let mut refusal = |change: &dyn Fn(&Region, &mut Value)| {
        let mut details = region.details("ignored");
        change(&region, &mut details);
        let request = region.request(Operation::CreateInstanceConfiguration).body(json!({
            "source": "NONE", "compartmentId": region.defaults.compartment,
            "instanceDetails": {"instanceType": "compute", "launchDetails": details},
        }));
        region.world.handle(&request).unwrap_err().to_string()
    };
    let arm = refusal(&|_, details| details["shape"] = "VM.Standard.A1.Flex".into());
    assert!(
        arm.starts_with("400 InvalidParameter: Shape VM.Standard.A1.Flex is incompatible with image ocid1")
    );
    let preemptible = refusal(&|_, details| {
        details["preemptibleInstanceConfig"] = json!({"preemptionAction": {"type": "TERMINATE"}});
    });
    assert!(preemptible.starts_with("400 InvalidParameter"), "{preemptible}");
}

#[test]
fn an_ending_member_cannot_be_detached() {
    let mut region = Region::roomy();
    let id = pool(&mut region, 3);
    region.advance(300.0);
    resize(&mut region, &id, 2);
    while show(&mut region, &id)["lifecycleState"] != "RUNNING" {
        region.advance(1.0);
    }
    let ending = region.world.instances().find(|entry| entry.state == State::Terminating).unwrap().id;
    let detach = region
        .request(Operation::DetachInstancePoolInstance)
        .path("instancePoolId", &*id)
        .body(json!({"instanceId": ending, "isDecrementSize": true}));
    let refused = region.world.handle(&detach).unwrap_err();
    assert_eq!((refused.status, refused.code), (409, "IncorrectState"));
    region.advance(300.0);
    assert_eq!((show(&mut region, &id)["size"].clone(), running(&region)), (json!(2), 2));
    region.world.check_invariants().unwrap();
}

#[test]
fn a_member_that_ends_while_its_pool_is_reset_is_replaced() {
    let mut region = Region::roomy();
    let id = pool(&mut region, 2);
    region.advance(300.0);
    let first = region.world.instances().next().unwrap().id;
    region.terminate(&first);
    region.get(Operation::ResetInstancePool, "instancePoolId", &id).unwrap();
    region.advance(600.0);
    assert_eq!((show(&mut region, &id)["lifecycleState"].clone(), running(&region)), (json!("RUNNING"), 2));
    region.world.check_invariants().unwrap();
}
