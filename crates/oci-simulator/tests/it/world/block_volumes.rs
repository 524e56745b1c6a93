//! Block volumes that somebody creates, resizes, attaches and detaches.

use super::networks::Ground;
use oci_api::Operation;
use oci_simulator::world::{ApiError, Known};
use serde_json::{Value, json};

fn refusal(result: Result<Value, ApiError>) -> (u16, &'static str) {
    let error = result.unwrap_err();
    (error.status, error.code)
}

/// A ground with a running instance, and its OCID.
fn with_instance() -> (Ground, Value) {
    let mut ground = Ground::new();
    let instance = ground.region.launch_running("one");
    (ground, instance.into())
}

fn volume(ground: &mut Ground, mut body: Value) -> Result<Value, ApiError> {
    if body["availabilityDomain"].is_null() && body["sourceDetails"].is_null() {
        body["availabilityDomain"] = ground.region.defaults.availability_domains[0].clone().into();
    }
    ground.make(Operation::CreateVolume, body)
}

fn attach(ground: &mut Ground, instance: &Value, volume: &Value) -> Result<Value, ApiError> {
    let body = json!({"type": "paravirtualized", "instanceId": instance, "volumeId": volume["id"], "device": "/dev/oracleoci/oraclevdb"});
    ground.make(Operation::AttachVolume, body)
}

#[test]
fn a_volume_is_made_resized_and_cloned() {
    let mut ground = Ground::new();
    let made = volume(&mut ground, json!({"sizeInGBs": 60, "vpusPerGB": 20, "freeformTags": {"team": "a"}}))
        .unwrap();
    assert_eq!((&made["lifecycleState"], &made["sizeInMBs"]), (&json!("PROVISIONING"), &json!(61_440)));
    ground.region.advance(10.0);
    let larger = ground.about(Operation::UpdateVolume, &made["id"], json!({"sizeInGBs": 100})).unwrap();
    assert_eq!((&larger["sizeInGBs"], &larger["lifecycleState"]), (&json!(100), &json!("PROVISIONING")));
    ground.region.advance(10.0);
    for (body, why) in [
        (json!({"sizeInGBs": 99}), "less than the present size of 100 GB"),
        (json!({"sizeInGBs": 32_769}), "between 50 and 32768"),
        (json!({"vpusPerGB": 15}), "multiple of 10"),
        (json!({"freeformTags": {"a b": "c"}}), "Invalid tags"),
    ] {
        let error = ground.about(Operation::UpdateVolume, &made["id"], body).unwrap_err();
        assert!(error.message.contains(why), "{error}");
    }
    let clone = volume(&mut ground, json!({"sourceDetails": {"type": "volume", "id": made["id"]}})).unwrap();
    assert_eq!((&clone["sizeInGBs"], &clone["sourceDetails"]["id"]), (&json!(100), &made["id"]));
    assert_eq!(made["freeformTags"], json!({"team": "a"}));
    let usual = volume(&mut ground, json!({})).unwrap();
    assert_eq!(usual["sizeInGBs"], 1024);
    for body in [json!({"sizeInGBs": 49}), json!({"availabilityDomain": "nowhere"})] {
        volume(&mut ground, body).unwrap_err();
    }
}

#[test]
fn a_volume_is_attached_to_one_instance_and_detached() {
    let (mut ground, instance) = with_instance();
    let made = volume(&mut ground, json!({"sizeInGBs": 50})).unwrap();
    assert_eq!(refusal(attach(&mut ground, &instance, &made)), (409, "IncorrectState"), "still PROVISIONING");
    ground.region.advance(10.0);
    let attached = attach(&mut ground, &instance, &made).unwrap();
    assert_eq!(
        (&attached["lifecycleState"], &attached["isVolumeCreatedDuringLaunch"]),
        (&json!("ATTACHING"), &json!(false))
    );
    ground.region.advance(10.0);
    let shown = ground.about(Operation::GetVolumeAttachment, &attached["id"], Value::Null).unwrap();
    assert_eq!(
        (&shown["lifecycleState"], &shown["device"]),
        (&json!("ATTACHED"), &json!("/dev/oracleoci/oraclevdb"))
    );
    assert_eq!(refusal(attach(&mut ground, &instance, &made)), (409, "IncorrectState"));
    assert_eq!(
        refusal(ground.about(Operation::DeleteVolume, &made["id"], Value::Null)),
        (409, "IncorrectState")
    );
    ground.about(Operation::DetachVolume, &attached["id"], Value::Null).unwrap();
    assert_eq!(refusal(attach(&mut ground, &instance, &made)), (409, "IncorrectState"), "still DETACHING");
    ground.region.advance(10.0);
    let shown = ground.about(Operation::GetVolumeAttachment, &attached["id"], Value::Null).unwrap();
    assert_eq!(shown["lifecycleState"], "DETACHED");
    attach(&mut ground, &instance, &made).unwrap();
    ground.region.world.check_invariants().unwrap();
}

#[test]
fn a_volume_outlives_the_instance_it_was_attached_to() {
    let (mut ground, instance) = with_instance();
    let made = volume(&mut ground, json!({"sizeInGBs": 50})).unwrap();
    ground.region.advance(10.0);
    attach(&mut ground, &instance, &made).unwrap();
    ground.region.terminate(instance.as_str().unwrap());
    ground.region.advance(300.0);
    let shown = ground.about(Operation::GetVolume, &made["id"], Value::Null).unwrap();
    assert_eq!(shown["lifecycleState"], "AVAILABLE");
    ground.region.world.check_invariants().unwrap();
}

#[test]
fn a_volume_of_another_domain_is_not_attached() {
    let (mut ground, instance) = with_instance();
    let elsewhere = ground.region.defaults.availability_domains[1].clone();
    let made = volume(&mut ground, json!({"sizeInGBs": 50, "availabilityDomain": elsewhere})).unwrap();
    ground.region.advance(10.0);
    let error = attach(&mut ground, &instance, &made).unwrap_err();
    assert!(error.message.contains("another availability domain"), "{error}");
    let clone = json!({"sourceDetails": {"type": "volume", "id": made["id"]}, "availabilityDomain": ground.region.defaults.availability_domains[0]});
    assert_eq!(refusal(ground.make(Operation::CreateVolume, clone)), (400, "InvalidParameter"));
}

#[test]
fn an_instance_has_at_most_32_volumes() {
    let (mut ground, instance) = with_instance();
    let all: Vec<Value> = (0..33).map(|_| volume(&mut ground, json!({"sizeInGBs": 50})).unwrap()).collect();
    ground.region.advance(10.0);
    for made in &all[..32] {
        attach(&mut ground, &instance, made).unwrap();
    }
    assert_eq!(refusal(attach(&mut ground, &instance, &all[32])), (400, "LimitExceeded"));
}

#[test]
fn a_boot_volume_grows_and_gets_tags() {
    let (mut ground, _) = with_instance();
    let boot = ground.region.list(Operation::ListBootVolumes)[0].clone();
    let tag = Known::DefinedTag { namespace: "ops".into(), key: "owner".into() };
    ground.region.world.register(&tag).unwrap();
    let body = json!({"sizeInGBs": 80, "displayName": "root", "definedTags": {"ops": {"owner": "a"}}});
    let larger = ground.about(Operation::UpdateBootVolume, &boot["id"], body).unwrap();
    assert_eq!((&larger["sizeInGBs"], &larger["displayName"]), (&json!(80), &json!("root")));
    assert_eq!(larger["definedTags"], json!({"ops": {"owner": "a"}}));
    assert_eq!(
        refusal(ground.about(Operation::UpdateBootVolume, &boot["id"], json!({"sizeInGBs": 79}))).0,
        400
    );
}
