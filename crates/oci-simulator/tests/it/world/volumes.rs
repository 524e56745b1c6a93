//! Boot volumes and data volumes: which are kept, which become orphans, and which can be used again.

use super::region::Region;
use oci_api::Operation;
use serde_json::json;

#[test]
fn a_boot_volume_goes_with_its_instance_unless_it_is_preserved() {
    let mut region = Region::roomy();
    let (gone, kept) = (region.launch_running("gone"), region.launch_running("kept"));
    assert_eq!(region.world.boot_volumes().count(), 2);
    region.terminate(&gone);
    let keep = region
        .request(Operation::TerminateInstance)
        .path("instanceId", &*kept)
        .query("preserveBootVolume", "true");
    region.world.handle(&keep).unwrap();
    region.advance(100.0);
    let left: Vec<_> = region.world.boot_volumes().collect();
    assert_eq!(left.len(), 1);
    assert_eq!((left[0].name.as_str(), &left[0].used_by), ("kept (Boot Volume)", &None));
    let ended = region
        .list(Operation::ListBootVolumes)
        .into_iter()
        .filter(|row| row["lifecycleState"] == "TERMINATED")
        .count();
    assert_eq!(ended, 1, "a terminated volume is listed for a while");
}

#[test]
fn a_preserved_boot_volume_can_be_launched_from() {
    let mut region = Region::roomy();
    let first = region.launch_running("first");
    let volume = region.world.boot_volumes().next().unwrap().id;
    let mut details = region.details("second");
    details["sourceDetails"] = json!({"sourceType": "bootVolume", "bootVolumeId": volume});
    assert_eq!(region.launch(&details).unwrap_err().status, 409, "still in use");
    let delete = region.request(Operation::DeleteBootVolume).path("bootVolumeId", &*volume);
    assert_eq!(region.world.handle(&delete).unwrap_err().status, 409);
    let keep = region
        .request(Operation::TerminateInstance)
        .path("instanceId", &*first)
        .query("preserveBootVolume", "true");
    region.world.handle(&keep).unwrap();
    region.advance(100.0);
    let launched = region.launch(&details).unwrap().json();
    assert_eq!(launched["sourceDetails"]["bootVolumeId"], *volume);
    region.advance(300.0);
    assert_eq!(region.world.boot_volumes().count(), 1);
    region.terminate(launched["id"].as_str().unwrap());
    region.advance(100.0);
    assert_eq!(region.world.boot_volumes().count(), 0);
}

#[test]
fn a_launch_that_fails_late_never_has_a_boot_volume_attachment() {
    let mut settings = oci_simulator::world::WorldSettings::default();
    settings.late_failure.probability = 1.0;
    let mut region = Region::new(settings);
    region.launch(&region.details("x")).unwrap();
    for _ in 0..20 {
        region.advance(10.0);
        let attachments = region
            .request(Operation::ListBootVolumeAttachments)
            .query("compartmentId", region.defaults.compartment.clone())
            .query("availabilityDomain", region.defaults.availability_domains[0].clone());
        assert_eq!(region.pages(&attachments).len(), 0);
    }
    assert_eq!(region.world.boot_volumes().count(), 0);
}

#[test]
fn data_volumes_made_at_launch_are_kept_unless_told_otherwise() {
    let mut region = Region::roomy();
    let mut details = region.details("data");
    details["launchVolumeAttachments"] = json!([{
        "type": "paravirtualized", "displayName": "disk",
        "launchCreateVolumeDetails": {"volumeCreationType": "ATTRIBUTES", "sizeInGBs": 100},
    }]);
    for (keep, left) in [("true", 1), ("false", 1)] {
        let id = region.launch(&details).unwrap().json()["id"].as_str().unwrap().to_owned();
        region.advance(300.0);
        let attachments = region.list(Operation::ListVolumeAttachments);
        assert!(
            attachments.iter().any(|row| row["instanceId"] == *id && row["lifecycleState"] == "ATTACHED")
        );
        let end = region
            .request(Operation::TerminateInstance)
            .path("instanceId", id)
            .query("preserveDataVolumesCreatedAtLaunch", keep);
        region.world.handle(&end).unwrap();
        region.advance(100.0);
        let volumes = region.list(Operation::ListVolumes);
        let available = volumes.iter().filter(|row| row["lifecycleState"] == "AVAILABLE").count();
        assert_eq!(available, left, "preserveDataVolumesCreatedAtLaunch={keep}");
    }
}

#[test]
fn a_volume_is_attached_once_however_often_a_launch_names_it() {
    let mut region = Region::roomy();
    let first = region.launch_running("first");
    let volume = region.world.attach_another_volume(&first, 50).unwrap();
    let mut details = region.details("second");
    let attachment = json!({"type": "paravirtualized", "volumeId": volume});
    details["launchVolumeAttachments"] = json!([attachment]);
    assert_eq!(region.launch(&details).unwrap_err().status, 409, "still in use");
    region.terminate(&first);
    region.advance(100.0);
    details["launchVolumeAttachments"] = json!([attachment, attachment]);
    let refused = region.launch(&details).unwrap_err();
    assert_eq!((refused.status, refused.code), (400, "InvalidParameter"));
    assert_eq!(refused.message, format!("launchVolumeAttachments names volume {volume} twice"));
    details["launchVolumeAttachments"] = json!([attachment]);
    region.launch(&details).unwrap();
    region.advance(300.0);
    region.world.check_invariants().unwrap();
}
