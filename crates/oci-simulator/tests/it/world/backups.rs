//! Backups of volumes, volumes made of them, and volume groups.

use super::region::Region;
use oci_api::Operation;
use oci_simulator::world::{ApiError, World};
use serde_json::{Value, json};

/// A region with block volumes.
struct Store {
    region: Region,
}

impl Store {
    fn new() -> Self {
        Self { region: Region::roomy() }
    }

    fn make(&mut self, operation: Operation, mut body: Value) -> Result<Value, ApiError> {
        body["compartmentId"] = self.region.defaults.compartment.clone().into();
        let request = self.region.request(operation).body(body);
        self.region.world.handle(&request).map(|answer| answer.json())
    }

    fn about(
        &mut self,
        operation: Operation,
        name: &'static str,
        id: &Value,
        body: Value,
    ) -> Result<Value, ApiError> {
        let mut request = self.region.request(operation).path(name, id.as_str().unwrap());
        if !body.is_null() {
            request = request.body(body);
        }
        self.region.world.handle(&request).map(|answer| answer.json())
    }

    fn volume(&mut self, domain: usize, mut body: Value) -> Result<Value, ApiError> {
        body["availabilityDomain"] = self.region.defaults.availability_domains[domain].clone().into();
        let made = self.make(Operation::CreateVolume, body)?;
        self.region.advance(10.0);
        Ok(made)
    }

    fn backup(&mut self, volume: &Value) -> Value {
        let body = json!({"volumeId": volume["id"], "type": "FULL", "freeformTags": {"a": "b"}});
        let made = self.make(Operation::CreateVolumeBackup, body).unwrap();
        assert_eq!((&made["lifecycleState"], &made["type"]), (&json!("CREATING"), &json!("FULL")));
        self.region.advance(10.0);
        made
    }

    fn group(&mut self, volumes: &[&Value]) -> Result<Value, ApiError> {
        let ids: Vec<&Value> = volumes.iter().map(|volume| &volume["id"]).collect();
        let domain = self.region.defaults.availability_domains[0].clone();
        let source = json!({"type": "volumeIds", "volumeIds": ids});
        self.make(
            Operation::CreateVolumeGroup,
            json!({"availabilityDomain": domain, "sourceDetails": source}),
        )
    }

    fn checked(&self) -> &World {
        self.region.world.check_invariants().unwrap();
        &self.region.world
    }
}

fn refusal(result: Result<Value, ApiError>) -> (u16, &'static str) {
    let error = result.unwrap_err();
    (error.status, error.code)
}

#[test]
fn a_backup_outlives_its_volume_and_becomes_others() {
    let mut store = Store::new();
    let volume = store.volume(0, json!({"sizeInGBs": 60})).unwrap();
    let backup = store.backup(&volume);
    store.about(Operation::DeleteVolume, "volumeId", &volume["id"], Value::Null).unwrap();
    let shown =
        store.about(Operation::GetVolumeBackup, "volumeBackupId", &backup["id"], Value::Null).unwrap();
    assert_eq!((&shown["lifecycleState"], &shown["volumeId"]), (&json!("AVAILABLE"), &volume["id"]));
    let of_backup = json!({"sourceDetails": {"type": "volumeBackup", "id": backup["id"]}});
    // A backup is restored in any availability domain, and at its size or larger.
    let restored = store.volume(1, of_backup.clone()).unwrap();
    assert_eq!((&restored["sizeInGBs"], &restored["sourceDetails"]["id"]), (&json!(60), &backup["id"]));
    let mut small = of_backup.clone();
    small["sizeInGBs"] = 50.into();
    assert_eq!(refusal(store.volume(0, small)).0, 400);
    let renamed = json!({"displayName": "kept"});
    let renamed =
        store.about(Operation::UpdateVolumeBackup, "volumeBackupId", &backup["id"], renamed).unwrap();
    assert_eq!((&renamed["displayName"], &renamed["freeformTags"]["a"]), (&json!("kept"), &json!("b")));
    store.about(Operation::DeleteVolumeBackup, "volumeBackupId", &backup["id"], Value::Null).unwrap();
    store.region.advance(2.0);
    assert_eq!(refusal(store.volume(0, of_backup)).0, 404);
    assert_eq!(store.region.list(Operation::ListVolumeBackups), Vec::<Value>::new());
    store.checked();
}

#[test]
fn a_backup_that_is_not_ready_is_not_restored() {
    let mut store = Store::new();
    let volume = store.volume(0, json!({"sizeInGBs": 60})).unwrap();
    let backup = store.make(Operation::CreateVolumeBackup, json!({"volumeId": volume["id"]})).unwrap();
    let of_backup = json!({"sourceDetails": {"type": "volumeBackup", "id": backup["id"]}});
    assert_eq!(refusal(store.volume(0, of_backup.clone())), (409, "IncorrectState"));
    store.region.advance(10.0);
    store.volume(0, of_backup).unwrap();
}

#[test]
fn a_boot_volume_is_restored_and_launched() {
    let mut store = Store::new();
    store.region.launch_running("one");
    let boot = store.region.list(Operation::ListBootVolumes)[0].clone();
    let backup = store.make(Operation::CreateBootVolumeBackup, json!({"bootVolumeId": boot["id"]})).unwrap();
    assert_eq!(backup["imageId"], boot["imageId"]);
    store.region.advance(10.0);
    let domain = store.region.defaults.availability_domains[0].clone();
    let source = json!({"type": "bootVolumeBackup", "id": backup["id"]});
    let body = json!({"availabilityDomain": domain, "sourceDetails": source, "displayName": "again"});
    let made = store.make(Operation::CreateBootVolume, body).unwrap();
    store.region.advance(10.0);
    let mut details = store.region.details("two");
    details["sourceDetails"] = json!({"sourceType": "bootVolume", "bootVolumeId": made["id"]});
    store.region.launch(&details).unwrap();
    let clone =
        json!({"availabilityDomain": domain, "sourceDetails": {"type": "bootVolume", "id": made["id"]}});
    store.make(Operation::CreateBootVolume, clone).unwrap();
    // A backup of one kind is no source of the other.
    let wrong = json!({"sourceDetails": {"type": "volumeBackup", "id": backup["id"]}});
    assert_eq!(refusal(store.volume(0, wrong)).0, 404);
    store.checked();
}

#[test]
fn a_volume_is_in_one_group_of_its_domain() {
    let mut store = Store::new();
    let one = store.volume(0, json!({"sizeInGBs": 50})).unwrap();
    let two = store.volume(0, json!({"sizeInGBs": 70})).unwrap();
    let far = store.volume(1, json!({"sizeInGBs": 50})).unwrap();
    assert_eq!(refusal(store.group(&[&one, &far])).0, 400);
    assert_eq!(refusal(store.group(&[&one, &one])).0, 400);
    let group = store.group(&[&one, &two]).unwrap();
    assert_eq!(group["sizeInGBs"], 120);
    assert_eq!(refusal(store.group(&[&one])), (409, "Conflict"));
    let deleted = store.about(Operation::DeleteVolume, "volumeId", &one["id"], Value::Null);
    assert_eq!(refusal(deleted), (409, "IncorrectState"));
    let request = store.region.request(Operation::ListVolumes);
    let request = request
        .query("compartmentId", store.region.defaults.compartment.clone())
        .query("volumeGroupId", group["id"].as_str().unwrap());
    assert_eq!(store.region.pages(&request).len(), 2);
    let domain = store.region.defaults.availability_domains[0].clone();
    let clone = json!({"type": "volumeGroupId", "volumeGroupId": group["id"]});
    let clone = json!({"availabilityDomain": domain, "sourceDetails": clone});
    let clone = store.make(Operation::CreateVolumeGroup, clone).unwrap();
    assert_eq!(clone["volumeIds"].as_array().unwrap().len(), 2);
    let fewer = json!({"volumeIds": [two["id"]]});
    let fewer = store.about(Operation::UpdateVolumeGroup, "volumeGroupId", &group["id"], fewer).unwrap();
    assert_eq!(fewer["volumeIds"], json!([two["id"]]));
    store.about(Operation::DeleteVolume, "volumeId", &one["id"], Value::Null).unwrap();
    store.about(Operation::DeleteVolumeGroup, "volumeGroupId", &group["id"], Value::Null).unwrap();
    store.about(Operation::DeleteVolume, "volumeId", &two["id"], Value::Null).unwrap();
    store.checked();
}

#[test]
fn a_boot_volume_leaves_its_group_with_its_instance() {
    let mut store = Store::new();
    let instance = store.region.launch_running("one");
    let boot = store.region.list(Operation::ListBootVolumes)[0].clone();
    let data = store.volume(0, json!({"sizeInGBs": 50})).unwrap();
    let group = store.group(&[&boot, &data]).unwrap();
    store.region.terminate(&instance);
    store.region.advance(300.0);
    let shown = store.about(Operation::GetVolumeGroup, "volumeGroupId", &group["id"], Value::Null).unwrap();
    assert_eq!(shown["volumeIds"], json!([data["id"]]));
    let saved = serde_json::to_string(&store.checked().snapshot()).unwrap();
    let read = World::restore(serde_json::from_str(&saved).unwrap()).unwrap();
    assert_eq!(serde_json::to_string(&read.snapshot()).unwrap(), saved);
}
