//! UpdateInstance calls that need capacity, and launches that a configuration completes.

use super::region::Region;
use oci_api::Operation;
use oci_simulator::world::WorldSettings;
use serde_json::{Value, json};

fn update(region: &mut Region, id: &str, body: Value) -> Result<Value, oci_simulator::world::ApiError> {
    let request = region.request(Operation::UpdateInstance).path("instanceId", id).body(body);
    region.world.handle(&request).map(|answer| answer.json())
}

fn size(instance: &Value) -> (f64, f64) {
    let config = &instance["shapeConfig"];
    (config["ocpus"].as_f64().unwrap(), config["memoryInGBs"].as_f64().unwrap())
}

#[test]
fn a_running_instance_gets_its_new_size_through_a_reboot() {
    let mut region = Region::roomy();
    let id = region.launch_running("a");
    let resized = update(&mut region, &id, json!({"shapeConfig": {"ocpus": 4, "memoryInGBs": 32}})).unwrap();
    assert_eq!(resized["lifecycleState"], "STOPPING");
    let busy = update(&mut region, &id, json!({"displayName": "b"})).unwrap_err();
    assert_eq!((busy.status, busy.code), (409, "Conflict"));
    region.advance(300.0);
    let shown = region.instance(&id);
    assert_eq!((&shown["lifecycleState"], size(&shown)), (&json!("RUNNING"), (4.0, 32.0)));
    region.world.check_invariants().unwrap();
}

#[test]
fn a_size_that_finds_no_room_changes_nothing() {
    let mut settings = WorldSettings::default();
    settings.hosts.by_family.insert("standard-e4".into(), 0);
    settings.crumbs = vec![oci_simulator::world::settings::ReturningCapacity {
        availability_domain: 1,
        family: Some("standard-e4".into()),
        every_seconds: 1.0,
        hosts: 1,
        ocpus_per_host: Some(4),
        times: Some(1),
    }];
    let mut region = Region::new(settings);
    region.advance(2.0);
    let id = region.launch_running("a");
    let before = region.instance(&id);
    let refused = update(&mut region, &id, json!({"shapeConfig": {"ocpus": 16}})).unwrap_err();
    assert_eq!(refused.message, "Out of host capacity.");
    assert_eq!(region.instance(&id), before);
    region.world.check_invariants().unwrap();
}

#[test]
fn name_and_tag_changes_show_in_the_list_at_once() {
    let mut region = Region::roomy();
    let id = region.launch_running("old");
    update(&mut region, &id, json!({"displayName": "new", "freeformTags": {"a": "b"}})).unwrap();
    let request = region.request(Operation::ListInstances);
    let request = request.query("compartmentId", region.defaults.compartment.clone());
    assert_eq!(region.pages(&request.clone().query("displayName", "old")).len(), 0);
    let found = region.pages(&request.query("displayName", "new"));
    assert_eq!((found.len(), &found[0]["freeformTags"]), (1, &json!({"a": "b"})));
    assert_eq!(found[0]["lifecycleState"], "RUNNING");
}

#[test]
fn a_launch_inherits_from_its_configuration() {
    let mut region = Region::roomy();
    let mut kept = region.details("kept");
    kept["freeformTags"] = json!({"from": "configuration"});
    let create = region.request(Operation::CreateInstanceConfiguration).body(json!({
        "source": "NONE", "compartmentId": region.defaults.compartment,
        "instanceDetails": {"instanceType": "compute", "launchDetails": kept},
    }));
    let configuration = region.world.handle(&create).unwrap().json()["id"].clone();
    let launched = region
        .launch(&json!({
            "compartmentId": region.defaults.compartment,
            "availabilityDomain": region.defaults.availability_domains[2],
            "instanceConfigurationId": configuration,
            "displayName": "own",
        }))
        .unwrap()
        .json();
    assert_eq!(
        (&launched["displayName"], &launched["freeformTags"]["from"], &launched["instanceConfigurationId"]),
        (&json!("own"), &json!("configuration"), &configuration)
    );
    assert_eq!(launched["availabilityDomain"], region.defaults.availability_domains[2]);
}

#[test]
fn an_instance_can_be_made_a_configuration_and_launched_again() {
    let mut region = Region::roomy();
    let id = region.launch_running("model");
    let create = region.request(Operation::CreateInstanceConfiguration).body(json!({
        "source": "INSTANCE", "compartmentId": region.defaults.compartment, "instanceId": id,
    }));
    let configuration = region.world.handle(&create).unwrap().json()["id"].as_str().unwrap().to_owned();
    let launch = region
        .request(Operation::LaunchInstanceConfiguration)
        .path("instanceConfigurationId", configuration)
        .body(json!({"instanceType": "compute"}));
    let copy = region.world.handle(&launch).unwrap().json();
    assert_eq!((&copy["displayName"], size(&copy)), (&json!("model"), (1.0, 6.0)));
}

#[test]
fn a_late_failures_token_returns_the_dead_instance() {
    let mut settings = WorldSettings::default();
    settings.late_failure.probability = 1.0;
    let mut region = Region::new(settings);
    let request = region.request(Operation::LaunchInstance).body(region.details("x")).retry_token("t");
    let first = region.world.handle(&request).unwrap();
    region.advance(300.0);
    let again = region.world.handle(&request).unwrap();
    let dead = again.json()["lifecycleState"].clone();
    assert_eq!(
        (first.json()["id"].clone(), first.work_request),
        (again.json()["id"].clone(), again.work_request)
    );
    assert_eq!(dead, "TERMINATED");
}

#[test]
fn a_repeated_update_names_the_first_work_request() {
    let mut region = Region::roomy();
    let id = region.launch_running("a");
    for body in [json!({"displayName": "b"}), json!({"shapeConfig": {"ocpus": 2.0, "memoryInGBs": 12.0}})] {
        let update = region.request(Operation::UpdateInstance).path("instanceId", &*id).body(body);
        let update = update.retry_token(format!("token-{}", region.world.now()));
        let first = region.world.handle(&update).unwrap().work_request;
        assert!(first.is_some());
        assert_eq!(region.world.handle(&update).unwrap().work_request, first);
        region.advance(300.0);
        region.act(&id, "RESET").unwrap();
        assert_eq!(region.world.handle(&update).unwrap().work_request, first);
        region.advance(300.0);
    }
}

#[test]
fn what_the_first_boot_read_cannot_be_changed_by_an_update() {
    let mut region = Region::roomy();
    let mut details = region.details("a");
    details["metadata"] = json!({"user_data": "I2Nsb3VkLWNvbmZpZwo=", "role": "web"});
    let id = region.launch(&details).unwrap().json()["id"].as_str().unwrap().to_owned();
    region.advance(300.0);
    let mut update = |metadata| {
        let update = region.request(Operation::UpdateInstance).path("instanceId", &*id);
        region.world.handle(&update.body(json!({"metadata": metadata}))).map_err(|error| error.to_string())
    };
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPtLsPFx7bIFbEgt/T+vzze965qzoNNX7BkksI3RCL1Q";
    for metadata in [
        json!({"user_data": "IyEvYmluL3NoCg=="}),
        json!({"role": "web"}),
        json!({"user_data": "I2Nsb3VkLWNvbmZpZwo=", "ssh_authorized_keys": key}),
    ] {
        let refused = update(metadata).unwrap_err();
        assert!(refused.starts_with("400 InvalidParameter: metadata."), "{refused}");
    }
    update(json!({"user_data": "I2Nsb3VkLWNvbmZpZwo=", "role": "db"})).unwrap();
}
