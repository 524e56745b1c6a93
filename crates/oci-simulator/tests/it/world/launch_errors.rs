//! The reasons for refusing a launch, in the service's words.

use super::region::Region;
use oci_simulator::world::settings::{AbsentShape, LimitSetting, LimitSettings, Outage, QuotaSetting};
use oci_simulator::world::{State, WorldSettings};
use serde_json::{Value, json};

/// Launches with some fields changed, and returns the refusal.
fn refusal(region: &mut Region, change: Value) -> (u16, &'static str, String) {
    let mut details = region.details("x");
    merge(&mut details, change);
    let error = region.launch(&details).unwrap_err();
    (error.status, error.code, error.message)
}

/// Merges the fields of one object into another, recursively.
fn merge(into: &mut Value, change: Value) {
    match (into, change) {
        (Value::Object(into), Value::Object(change)) => {
            for (name, value) in change {
                merge(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (into, change) => *into = change,
    }
}

#[test]
fn what_does_not_exist_is_not_found_in_the_services_words() {
    let absent_shapes =
        vec![AbsentShape { shape: "VM.Standard.E2.1.Micro".into(), availability_domain: Some(1) }];
    let mut region = Region::new(WorldSettings { absent_shapes, ..WorldSettings::default() });
    let bad = "Authorization failed or requested resource not found.";
    let volume = |key: &str| {
        json!({
            "type": "paravirtualized",
            "launchCreateVolumeDetails": {"volumeCreationType": "ATTRIBUTES", "sizeInGBs": 50, "kmsKeyId": key},
        })
    };
    for (change, message) in [
        (json!({"shape": "VM.Standard.E2.1.Micro"}), "shape VM.Standard.E2.1.Micro not found"),
        (json!({"shape": "VM.Standard.E99.Flex"}), "shape VM.Standard.E99.Flex not found"),
        (
            json!({"sourceDetails": {"imageId": "ocid1.image.oc1.phx.none"}}),
            "image ocid1.image.oc1.phx.none not found",
        ),
        (json!({"createVnicDetails": {"subnetId": "ocid1.subnet.oc1.phx.none"}}), bad),
        (json!({"compartmentId": "ocid1.compartment.oc1..none"}), bad),
        (json!({"createVnicDetails": {"nsgIds": ["ocid1.networksecuritygroup.oc1.phx.none"]}}), bad),
        (json!({"createVnicDetails": {"vlanId": "ocid1.vlan.oc1.phx.none"}}), bad),
        (json!({"sourceDetails": {"kmsKeyId": "ocid1.key.oc1.phx.none"}}), bad),
        (json!({"launchVolumeAttachments": [volume("ocid1.key.oc1.phx.none")]}), bad),
        (json!({"launchVolumeAttachments": [volume("no OCID at all")]}), bad),
        (json!({"computeClusterId": "ocid1.computecluster.oc1.phx.none"}), bad),
        (json!({"clusterPlacementGroupId": "ocid1.clusterplacementgroup.oc1.phx.none"}), bad),
        (json!({"capacityReservationId": "ocid1.capacityreservation.oc1.phx.none"}), bad),
        (json!({"instanceConfigurationId": "ocid1.instanceconfiguration.oc1.phx.none"}), bad),
    ] {
        let expected = (404, "NotAuthorizedOrNotFound", message.to_owned());
        assert_eq!(refusal(&mut region, change), expected);
    }
    assert_eq!(region.world.instances().count(), 0);
}

#[test]
fn what_does_not_fit_is_invalid_in_the_services_words() {
    let mut region = Region::roomy();
    let arm = region.defaults.arm_image.clone();
    let not_for_arm = format!("Shape VM.Standard.E4.Flex is not valid for image {arm}.");
    for (change, message) in [
        (json!({"sourceDetails": {"imageId": arm}}), not_for_arm.as_str()),
        (
            json!({"shapeConfig": null}),
            "Invalid ShapeConfig: null (Cannot launch flexible instance without ShapeConfig)",
        ),
        (
            json!({"metadata": {"user_data": "A".repeat(40_000)}}),
            "Metadata size is 40009 bytes and cannot be larger than 32000 bytes",
        ),
        (
            json!({"metadata": {"ssh_authorized_keys": "-----BEGIN RSA"}}),
            "Invalid ssh public key type \"-----BEGIN\"",
        ),
        (
            json!({"metadata": {"ssh_authorized_keys":
                "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPtLsPFx7bIFbEgt/T+vzze965qzoNNX7Bkk me"}}),
            "Invalid format for ssh public key",
        ),
        (json!({"hostnameLabel": "web_1"}), "hostnameLabel 'web_1' is not a valid host name"),
        (
            json!({"createVnicDetails": {
                "subnetId": region.defaults.public_subnet,
                "hostnameLabel": "web-1", "assignPrivateDnsRecord": false,
            }}),
            "assignPrivateDnsRecord must be true when a hostnameLabel is given",
        ),
        (
            json!({"shape": "VM.DenseIO.E4.Flex", "shapeConfig":
                {"ocpus": 8, "memoryInGBs": 128, "baselineOcpuUtilization": "BASELINE_1_2"}}),
            "Invalid ShapeConfig: baselineOcpuUtilization BASELINE_1_2 is not supported by shape VM.DenseIO.E4.Flex",
        ),
        (json!({"freeformTags": {"a.b": "c"}}), "Invalid tags"),
        (json!({"freeformTags": {"a b": "c"}}), "Invalid tags"),
        (json!({"imageId": "ocid1.image.x"}), "imageId and sourceDetails.imageId must have the same value"),
        (
            json!({
                "shape": "VM.Standard.A2.Flex", "sourceDetails": {"imageId": arm},
                "preemptibleInstanceConfig": {"preemptionAction": {"type": "TERMINATE"}},
            }),
            "Invalid Preemptible instance shape: VM.Standard.A2.Flex (is not supported)",
        ),
        (
            json!({"createVnicDetails": {"subnetId": region.defaults.private_subnet, "assignPublicIp": true}}),
            "assignPublicIp cannot be true: the subnet prohibits public IPs on VNICs",
        ),
    ] {
        assert_eq!(refusal(&mut region, change), (400, "InvalidParameter", message.to_owned()));
    }
    let eleven: serde_json::Map<String, Value> = (0..11).map(|n| (format!("k{n}"), "v".into())).collect();
    let (status, _, message) = refusal(&mut region, json!({"freeformTags": eleven}));
    assert!(status == 400 && message.starts_with("Invalid tags"), "{message}");
    assert_eq!(region.world.instances().count(), 0);
    region.world.check_invariants().unwrap();
}

#[test]
fn limits_are_refused_by_name_and_never_exceeded() {
    let limit = |name: &str, value| LimitSetting { name: name.into(), availability_domain: None, value };
    let named = vec![limit("standard-e4-core-count", 2), limit("standard-e4-memory-count", 12)];
    let limits = LimitSettings { named, ..LimitSettings::default() };
    let mut region = Region::new(WorldSettings { limits, ..WorldSettings::default() });
    let first = region.launch_running("a");
    region.launch_running("b");
    let (status, code, message) = refusal(&mut region, json!({}));
    assert_eq!((status, code), (400, "LimitExceeded"));
    assert_eq!(
        message,
        "The following service limits were exceeded: standard-e4-memory-count, standard-e4-core-count. Request a \
         service limit increase from the service limits page in the console. "
    );
    // A stopped instance still counts, and so does a terminating one.
    region.act(&first, "STOP").unwrap();
    region.advance(60.0);
    assert_eq!(refusal(&mut region, json!({})).1, "LimitExceeded");
    region.terminate(&first);
    assert_eq!(refusal(&mut region, json!({})).1, "LimitExceeded");
    region.advance(100.0);
    region.launch(&region.details("c")).unwrap();
    region.world.check_invariants().unwrap();
}

#[test]
fn a_compartment_quota_is_refused_with_its_policy() {
    let quotas = vec![QuotaSetting { compartment: None, name: "standard-e4-core-count".into(), value: 1 }];
    let mut region = Region::new(WorldSettings { quotas, ..WorldSettings::default() });
    region.launch_running("a");
    let (status, code, message) = refusal(&mut region, json!({}));
    assert_eq!((status, code), (400, "QuotaExceeded"));
    assert!(
        message.starts_with(
            "The following compartment quotas were exceeded: standard-e4-core-count in policy 'ocid1.quota.oc1.."
        ) && message.ends_with("' by 1"),
        "{message}"
    );
}

#[test]
fn a_subnet_runs_out_of_addresses_and_gets_them_back() {
    let settings = WorldSettings { subnet_prefix_length: 30, ..WorldSettings::default() };
    let mut region = Region::new(settings);
    let only = region.launch_running("a");
    let (status, _, message) = refusal(&mut region, json!({}));
    assert!(status == 400 && message.contains("does not have enough free IP addresses"), "{message}");
    region.terminate(&only);
    region.advance(100.0);
    region.launch(&region.details("b")).unwrap();
    region.world.check_invariants().unwrap();
}

#[test]
fn an_outage_holds_up_one_availability_domain_only() {
    let outages = vec![Outage { availability_domain: 1, after_seconds: 10.0, for_seconds: 1000.0 }];
    let mut region = Region::new(WorldSettings { outages, ..WorldSettings::default() });
    region.launch(&region.details("before")).unwrap();
    region.advance(20.0);
    assert_eq!(refusal(&mut region, json!({})).2, "Out of host capacity.");
    let other = region.defaults.availability_domains[1].clone();
    let mut details = region.details("elsewhere");
    details["availabilityDomain"] = other.into();
    region.launch(&details).unwrap();
    region.advance(500.0);
    assert_eq!(region.world.instance_counts()[&State::Running], 1);
    region.advance(800.0);
    assert_eq!(region.world.instance_counts()[&State::Running], 2);
}

#[test]
fn security_attributes_are_refused_even_empty() {
    let expected = (400, "Bad Request", "security attributes is not enabled".to_owned());
    assert_eq!(refusal(&mut Region::roomy(), json!({"securityAttributes": {}})), expected);
}

#[test]
fn an_unknown_fault_domain_is_told_with_those_there_are() {
    let (status, _, message) = refusal(&mut Region::roomy(), json!({"faultDomain": "FD-1"}));
    let all = "there are FAULT-DOMAIN-1, FAULT-DOMAIN-2, FAULT-DOMAIN-3";
    assert_eq!((status, message), (400, format!("faultDomain 'FD-1' does not exist; {all}")));
}
