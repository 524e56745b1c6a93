//! Random operations on volumes, backups and groups beside instances: whatever is accepted leaves books that balance and limits
//! that hold.

use super::networks::Ground;
use super::region::Region;
use oci_api::Operation;
use oci_simulator::world::settings::LimitSetting;
use oci_simulator::world::{World, WorldSettings};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// GB of storage in each availability domain.
const STORAGE: i64 = 900;
const VOLUMES: i64 = 9;
const BACKUPS: i64 = 3;

/// One operation. The numbers choose among what there is.
#[derive(Clone, Debug)]
enum RandomVolume {
    Launch { volume: Option<usize>, size: i64 },
    Create { domain: usize, size: i64 },
    Clone { which: usize },
    Resize { which: usize, boot: bool, size: i64 },
    Delete { which: usize, boot: bool },
    Attach { instance: usize, volume: usize },
    Detach { which: usize },
    BackUp { which: usize },
    Restore { which: usize },
    Forget { which: usize },
    Group { volumes: Vec<usize> },
    CloneGroup { which: usize },
    Ungroup { which: usize },
    Terminate { which: usize, keep: bool },
    Wait { seconds: u32 },
}

fn random_volume() -> impl Strategy<Value = RandomVolume> {
    use RandomVolume as R;
    let number = any::<usize>;
    let size = || 40..400_i64;
    let flag = || proptest::bool::ANY;
    prop_oneof![
        (proptest::option::of(number()), size()).prop_map(|(volume, size)| R::Launch { volume, size }),
        (0..3_usize, size()).prop_map(|(domain, size)| R::Create { domain, size }),
        number().prop_map(|which| R::Clone { which }),
        (number(), flag(), size()).prop_map(|(which, boot, size)| R::Resize { which, boot, size }),
        (number(), flag()).prop_map(|(which, boot)| R::Delete { which, boot }),
        (number(), number()).prop_map(|(instance, volume)| R::Attach { instance, volume }),
        number().prop_map(|which| R::Detach { which }),
        number().prop_map(|which| R::BackUp { which }),
        number().prop_map(|which| R::Restore { which }),
        number().prop_map(|which| R::Forget { which }),
        proptest::collection::vec(number(), 0..4).prop_map(|volumes| R::Group { volumes }),
        number().prop_map(|which| R::CloneGroup { which }),
        number().prop_map(|which| R::Ungroup { which }),
        (number(), flag()).prop_map(|(which, keep)| R::Terminate { which, keep }),
        (0..200_u32).prop_map(|seconds| R::Wait { seconds }),
    ]
}

struct Player {
    ground: Ground,
}

impl Player {
    fn new(seed: u64) -> Self {
        let mut settings = WorldSettings::default();
        let limits = [("total-storage-gb", STORAGE), ("volume-count", VOLUMES), ("backup-count", BACKUPS)];
        let limits =
            limits.map(|(name, value)| LimitSetting { name: name.into(), availability_domain: None, value });
        settings.limits.named = limits.into();
        Self { ground: Ground { region: Region::seeded(settings, seed) } }
    }

    /// Sends a request about the resource with this OCID. A refusal is as good as anything.
    fn send(&mut self, operation: Operation, name: &'static str, id: &Value, body: Value) {
        let mut request = self.ground.region.request(operation).path(name, id.as_str().unwrap());
        if !body.is_null() {
            request = request.body(body);
        }
        let _ = self.ground.region.world.handle(&request);
    }

    fn make(&mut self, operation: Operation, body: Value) {
        let _ = self.ground.make(operation, body);
    }

    fn one(&mut self, operation: Operation, which: usize) -> Option<Value> {
        let mut rows = self.ground.region.list(operation);
        let at = which.checked_rem(rows.len())?;
        Some(rows.swap_remove(at))
    }

    fn id(&mut self, operation: Operation, which: usize) -> Option<Value> {
        self.one(operation, which).map(|row| row["id"].clone())
    }

    fn try_play(&mut self, operation: &RandomVolume) -> Option<()> {
        use RandomVolume as R;
        let domains = self.ground.region.defaults.availability_domains.clone();
        match operation {
            R::Launch { volume, size } => {
                let mut details = self.ground.region.details("n");
                let volume = volume.and_then(|which| self.id(Operation::ListVolumes, which));
                details["sourceDetails"]["bootVolumeSizeInGBs"] = (*size).into();
                details["launchVolumeAttachments"] = match volume {
                    Some(volume) => json!([{"type": "iscsi", "volumeId": volume}]),
                    None => json!([{"type": "iscsi", "launchCreateVolumeDetails": {
                        "volumeCreationType": "ATTRIBUTES", "sizeInGBs": size}}]),
                };
                let _ = self.ground.region.launch(&details);
            }
            R::Create { domain, size } => {
                let body = json!({"availabilityDomain": domains[*domain], "sizeInGBs": size});
                self.make(Operation::CreateVolume, body);
            }
            R::Clone { which } => {
                let source = json!({"type": "volume", "id": self.id(Operation::ListVolumes, *which)?});
                self.make(Operation::CreateVolume, json!({"sourceDetails": source}));
            }
            R::Resize { which, boot, size } => {
                let (list, update, name) = if *boot {
                    (Operation::ListBootVolumes, Operation::UpdateBootVolume, "bootVolumeId")
                } else {
                    (Operation::ListVolumes, Operation::UpdateVolume, "volumeId")
                };
                let id = self.id(list, *which)?;
                self.send(update, name, &id, json!({"sizeInGBs": size}));
            }
            R::Delete { which, boot: true } => {
                let id = self.id(Operation::ListBootVolumes, *which)?;
                self.send(Operation::DeleteBootVolume, "bootVolumeId", &id, Value::Null);
            }
            R::Delete { which, boot: false } => {
                let id = self.id(Operation::ListVolumes, *which)?;
                self.send(Operation::DeleteVolume, "volumeId", &id, Value::Null);
            }
            R::Attach { instance, volume } => {
                let instance = self.id(Operation::ListInstances, *instance)?;
                let volume = self.id(Operation::ListVolumes, *volume)?;
                let body = json!({"type": "iscsi", "instanceId": instance, "volumeId": volume});
                self.make(Operation::AttachVolume, body);
            }
            R::Detach { which } => {
                let id = self.id(Operation::ListVolumeAttachments, *which)?;
                self.send(Operation::DetachVolume, "volumeAttachmentId", &id, Value::Null);
            }
            R::BackUp { which } => {
                let id = self.id(Operation::ListVolumes, *which)?;
                self.make(Operation::CreateVolumeBackup, json!({"volumeId": id}));
            }
            R::Restore { which } => {
                let source =
                    json!({"type": "volumeBackup", "id": self.id(Operation::ListVolumeBackups, *which)?});
                let body = json!({"availabilityDomain": domains[0], "sourceDetails": source});
                self.make(Operation::CreateVolume, body);
            }
            R::Forget { which } => {
                let id = self.id(Operation::ListVolumeBackups, *which)?;
                self.send(Operation::DeleteVolumeBackup, "volumeBackupId", &id, Value::Null);
            }
            _ => return self.try_groups(operation),
        }
        Some(())
    }

    /// Groups, the end of instances, and time.
    fn try_groups(&mut self, operation: &RandomVolume) -> Option<()> {
        use RandomVolume as R;
        let domains = self.ground.region.defaults.availability_domains.clone();
        match operation {
            R::Group { volumes } => {
                let ids: Vec<Value> =
                    volumes.iter().filter_map(|which| self.id(Operation::ListVolumes, *which)).collect();
                let source = json!({"type": "volumeIds", "volumeIds": ids});
                let body = json!({"availabilityDomain": domains[0], "sourceDetails": source});
                self.make(Operation::CreateVolumeGroup, body);
            }
            R::CloneGroup { which } => {
                let source = json!({"type": "volumeGroupId", "volumeGroupId": self.id(Operation::ListVolumeGroups, *which)?});
                let body = json!({"availabilityDomain": domains[0], "sourceDetails": source});
                self.make(Operation::CreateVolumeGroup, body);
            }
            R::Ungroup { which } => {
                let id = self.id(Operation::ListVolumeGroups, *which)?;
                self.send(Operation::DeleteVolumeGroup, "volumeGroupId", &id, Value::Null);
            }
            R::Terminate { which, keep } => {
                let id = self.id(Operation::ListInstances, *which)?;
                let request = self.ground.region.request(Operation::TerminateInstance);
                let request = request.path("instanceId", id.as_str()?);
                let request = request.query("preserveBootVolume", if *keep { "true" } else { "false" });
                let _ = self.ground.region.world.handle(&request);
            }
            R::Wait { seconds } => self.ground.region.advance(f64::from(*seconds)),
            _ => return None,
        }
        Some(())
    }

    /// What the region says that is used of a limit.
    fn used(&mut self, name: &str, domain: Option<&String>) -> i64 {
        let region = &mut self.ground.region;
        let request = region.request(Operation::GetResourceAvailability).path("serviceName", "block-storage");
        let request = request.path("limitName", name).query("compartmentId", region.defaults.tenancy.clone());
        let request = match domain {
            Some(domain) => request.query("availabilityDomain", domain.clone()),
            None => request,
        };
        region.world.handle(&request).unwrap().json()["used"].as_i64().unwrap()
    }

    fn check(&mut self) -> Result<(), String> {
        self.ground.region.world.check_invariants()?;
        for domain in &self.ground.region.defaults.availability_domains.clone() {
            let (gbs, count) =
                (self.used("total-storage-gb", Some(domain)), self.used("volume-count", Some(domain)));
            if gbs > STORAGE || count > VOLUMES {
                return Err(format!("{gbs} GB in {count} volumes in {domain}"));
            }
        }
        let backups = self.used("backup-count", None);
        if backups > BACKUPS { Err(format!("{backups} backups")) } else { Ok(()) }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn random_histories_lose_no_volume(
        seed in any::<u64>(),
        operations in proptest::collection::vec(random_volume(), 1..100),
    ) {
        let mut player = Player::new(seed);
        for operation in &operations {
            // Nothing to do where there is nothing of the kind.
            let _ = player.try_play(operation);
            if let Err(problem) = player.check() {
                panic!("after {operation:?}: {problem}");
            }
        }
        let saved = serde_json::to_string(&player.ground.region.world.snapshot()).unwrap();
        let read = World::restore(serde_json::from_str(&saved).unwrap()).unwrap();
        prop_assert_eq!(serde_json::to_string(&read.snapshot()).unwrap(), saved);
    }
}

/// Without this test, the property above would also hold for a region that refuses everything.
#[test]
fn random_volumes_reach_every_change_and_refusal() {
    let mut runner = TestRunner::deterministic();
    let mut seen = BTreeSet::new();
    for seed in 0..40 {
        let operations = proptest::collection::vec(random_volume(), 120);
        let operations = operations.new_tree(&mut runner).unwrap().current();
        let mut player = Player::new(seed);
        for operation in &operations {
            let _ = player.try_play(operation);
        }
        let events = player.ground.region.world.events(0);
        seen.extend(events.flat_map(|event| [Some(event.event), event.detail]).flatten());
    }
    let wanted = [
        "volume_created",
        "volume_updated",
        "boot_volume_updated",
        "boot_volume_kept",
        "volumegroup_created",
        "volumegroup_deleted",
        "LaunchInstance 400 LimitExceeded",
        "CreateVolume 400 LimitExceeded",
        "UpdateVolume 400 LimitExceeded",
        "UpdateBootVolume 400 LimitExceeded",
        "CreateVolumeGroup 400 LimitExceeded",
        "CreateVolumeBackup 400 LimitExceeded",
        "AttachVolume 409 IncorrectState",
        "DeleteVolume 409 IncorrectState",
    ];
    let missing: Vec<&str> = wanted.into_iter().filter(|wanted| !seen.contains(*wanted)).collect();
    assert!(missing.is_empty(), "never happened: {missing:?} of {seen:?}");
}
