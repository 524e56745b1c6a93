//! Limits and quotas on networks, public addresses, volumes and backups.

use super::networks::Ground;
use super::region::Region;
use oci_api::Operation;
use oci_simulator::world::settings::{LimitSetting, QuotaSetting};
use oci_simulator::world::{ApiError, WorldSettings};
use serde_json::{Value, json};

fn limit(name: &str, availability_domain: Option<u8>, value: i64) -> LimitSetting {
    LimitSetting { name: name.into(), availability_domain, value }
}

fn limited(named: Vec<LimitSetting>) -> Ground {
    let mut settings = WorldSettings::default();
    settings.limits.named = named;
    Ground { region: Region::new(settings) }
}

fn exceeded(result: Result<Value, ApiError>) -> String {
    let error = result.unwrap_err();
    assert_eq!((error.status, error.code), (400, "LimitExceeded"), "{error}");
    let text = error.message.strip_prefix("The following service limits were exceeded: ").unwrap();
    text.split(". Request").next().unwrap().to_owned()
}

fn volume(ground: &mut Ground, domain: usize, size: i64) -> Result<Value, ApiError> {
    let domain = ground.region.defaults.availability_domains[domain].clone();
    ground.make(Operation::CreateVolume, json!({"availabilityDomain": domain, "sizeInGBs": size}))
}

fn launch(ground: &mut Ground, more: &Value) -> Result<Value, ApiError> {
    let mut details = ground.region.details("one");
    for (name, value) in more.as_object().unwrap() {
        details[name] = value.clone();
    }
    ground.region.launch(&details).map(|answer| answer.json())
}

fn available(ground: &mut Ground, service: &str, name: &str, domain: Option<usize>) -> Value {
    let compartment = ground.region.defaults.compartment.clone();
    let mut request = ground.region.request(Operation::GetResourceAvailability);
    request =
        request.path("serviceName", service).path("limitName", name).query("compartmentId", &compartment);
    if let Some(domain) = domain {
        let domain = ground.region.defaults.availability_domains[domain].clone();
        request = request.query("availabilityDomain", &domain);
    }
    let answer = ground.region.world.handle(&request).unwrap().json();
    json!([answer["used"], answer["available"]])
}

#[test]
fn networks_and_reserved_addresses_end_at_their_limits() {
    let mut ground = limited(vec![limit("vcn-count", None, 2), limit("reserved-public-ip-count", None, 1)]);
    let vcn = || json!({"cidrBlocks": ["10.9.0.0/16"]});
    let second = ground.make(Operation::CreateVcn, vcn()).unwrap();
    assert_eq!(available(&mut ground, "vcn", "vcn-count", None), json!([2, 0]));
    assert_eq!(exceeded(ground.make(Operation::CreateVcn, vcn())), "vcn-count");
    ground.about(Operation::DeleteVcn, &second["id"], Value::Null).unwrap();
    ground.region.advance(60.0);
    ground.make(Operation::CreateVcn, vcn()).unwrap();
    let address = || json!({"lifetime": "RESERVED"});
    ground.make(Operation::CreatePublicIp, address()).unwrap();
    assert_eq!(exceeded(ground.make(Operation::CreatePublicIp, address())), "reserved-public-ip-count");
}

#[test]
fn storage_of_a_domain_counts_what_launches_will_make() {
    let mut ground = limited(vec![limit("total-storage-gb", Some(1), 200), limit("volume-count", None, 4)]);
    launch(&mut ground, &json!({})).unwrap();
    // Its boot volume is not there yet.
    assert_eq!(available(&mut ground, "block-storage", "total-storage-gb", Some(0)), json!([50, 150]));
    let made = volume(&mut ground, 0, 100).unwrap();
    let attached = json!([{"type": "paravirtualized", "launchCreateVolumeDetails": {
        "volumeCreationType": "ATTRIBUTES", "sizeInGBs": 50, "compartmentId": ground.region.defaults.compartment}}]);
    let two = json!({"launchVolumeAttachments": attached});
    assert_eq!(exceeded(launch(&mut ground, &two)), "total-storage-gb");
    let large = json!({"sourceDetails": {"sourceType": "image", "imageId": ground.region.defaults.image, "bootVolumeSizeInGBs": 51}});
    assert_eq!(exceeded(launch(&mut ground, &large)), "total-storage-gb");
    let instance = launch(&mut ground, &json!({})).unwrap();
    ground.region.advance(100.0);
    let larger = ground.about(Operation::UpdateVolume, &made["id"], json!({"sizeInGBs": 101}));
    assert_eq!(exceeded(larger), "total-storage-gb");
    // The other domain has storage without end, and four volumes.
    for _ in 0..4 {
        volume(&mut ground, 1, 32_768).unwrap();
    }
    assert_eq!(exceeded(volume(&mut ground, 1, 50)), "volume-count");
    ground.region.terminate(instance["id"].as_str().unwrap());
    ground.region.advance(100.0);
    assert_eq!(available(&mut ground, "block-storage", "volume-count", Some(0)), json!([2, 2]));
    ground.about(Operation::UpdateVolume, &made["id"], json!({"sizeInGBs": 101})).unwrap();
    assert_eq!(exceeded(launch(&mut ground, &two)), "total-storage-gb");
    ground.region.world.check_invariants().unwrap();
}

#[test]
fn backups_and_clones_of_groups_end_at_their_limits() {
    let mut ground = limited(vec![limit("backup-count", None, 1), limit("volume-count", Some(1), 3)]);
    let (one, two) = (volume(&mut ground, 0, 50).unwrap(), volume(&mut ground, 0, 50).unwrap());
    ground.region.advance(10.0);
    let backup =
        |ground: &mut Ground| ground.make(Operation::CreateVolumeBackup, json!({"volumeId": one["id"]}));
    backup(&mut ground).unwrap();
    assert_eq!(exceeded(backup(&mut ground)), "backup-count");
    let domain = ground.region.defaults.availability_domains[0].clone();
    let group = |source: Value| json!({"availabilityDomain": domain, "sourceDetails": source});
    let ids = json!({"type": "volumeIds", "volumeIds": [one["id"], two["id"]]});
    let made = ground.make(Operation::CreateVolumeGroup, group(ids)).unwrap();
    let clone = json!({"type": "volumeGroupId", "volumeGroupId": made["id"]});
    assert_eq!(exceeded(ground.make(Operation::CreateVolumeGroup, group(clone))), "volume-count");
}

#[test]
fn quotas_on_networks_and_volumes_are_of_a_compartment() {
    let quota = |name: &str, value| QuotaSetting { compartment: None, name: name.into(), value };
    let quotas = vec![quota("vcn-count", 1), quota("volume-count", 1)];
    let mut ground = Ground { region: Region::new(WorldSettings { quotas, ..WorldSettings::default() }) };
    let error = ground.make(Operation::CreateVcn, json!({"cidrBlocks": ["10.9.0.0/16"]})).unwrap_err();
    assert_eq!(error.code, "QuotaExceeded");
    assert!(error.message.contains("quotas were exceeded: vcn-count in policy 'ocid1.quota."), "{error}");
    volume(&mut ground, 0, 50).unwrap();
    assert_eq!(volume(&mut ground, 0, 50).unwrap_err().code, "QuotaExceeded");
    assert_eq!(launch(&mut ground, &json!({})).unwrap_err().code, "QuotaExceeded");
    // A limit of an availability domain is a quota in each of them.
    volume(&mut ground, 1, 50).unwrap();
}

#[test]
fn limits_of_networks_and_volumes_are_listed() {
    let mut ground = limited(vec![limit("volume-count", Some(2), 7)]);
    let tenancy = ground.region.defaults.tenancy.clone();
    let mut list = |service: &str| {
        let request = ground.region.request(Operation::ListLimitValues);
        let request = request.query("compartmentId", &tenancy).query("serviceName", service);
        let rows = ground.region.world.handle(&request).unwrap().json();
        let rows =
            rows.as_array().unwrap().iter().map(|row| json!([row["name"], row["scopeType"], row["value"]]));
        rows.collect::<Vec<_>>()
    };
    assert_eq!(
        list("vcn"),
        [json!(["reserved-public-ip-count", "REGION", 50]), json!(["vcn-count", "REGION", 50])]
    );
    let volumes: Vec<_> = list("block-storage").into_iter().filter(|row| row[0] == "volume-count").collect();
    let endless = 1_000_000_000;
    assert_eq!(volumes.iter().map(|row| row[2].clone()).collect::<Vec<_>>(), [endless, 7, endless]);
    assert!(volumes.iter().all(|row| row[1] == "AD"));
}
