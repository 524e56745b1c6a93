//! Backups and a volume group of its own, for their operations.

use super::{Full, text};
use oci_api::Operation;
use serde_json::{Value, json};

impl Full {
    /// A backup of each kind, and a group.
    pub fn add_backups(&mut self) {
        for (operation, name) in [
            (Operation::CreateVolumeBackup, "volumeBackupId"),
            (Operation::CreateBootVolumeBackup, "bootVolumeBackupId"),
            (Operation::CreateVolumeGroup, "volumeGroupId"),
        ] {
            let made = self.request(operation);
            let made = self.send(&made);
            self.ids.insert(name, text(&made["id"]));
        }
        self.region.advance(10.0);
    }

    /// The body of an operation on backups and groups.
    pub fn backups_body(&self, operation: Operation) -> Option<Value> {
        let compartment = &self.region.defaults.compartment;
        let domain = &self.region.defaults.availability_domains[0];
        Some(match operation {
            Operation::CreateVolumeBackup => json!({"volumeId": self.ids["volumeId"]}),
            Operation::CreateBootVolumeBackup => json!({"bootVolumeId": self.ids["bootVolumeId"]}),
            Operation::CreateBootVolume => json!({
                "compartmentId": compartment, "availabilityDomain": domain,
                "sourceDetails": {"type": "bootVolume", "id": self.ids["bootVolumeId"]},
            }),
            Operation::CreateVolumeGroup => json!({
                "compartmentId": compartment, "availabilityDomain": domain,
                "sourceDetails": {"type": "volumeIds", "volumeIds": []},
            }),
            _ => return None,
        })
    }
}
