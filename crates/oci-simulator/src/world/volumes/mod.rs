//! Boot volumes, data volumes, the attachments of data volumes, backups and groups.

mod api;
mod attach;
mod attachments;
mod backups;
mod groups;
mod manage;
mod sources;

use super::automatic_tags::{Creator, Spaces};
use super::ids::Id;
use super::network::Common;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A boot volume or a data volume.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct VolumeRow {
    pub compartment: u32,
    pub ad: u8,
    pub name: Box<str>,
    pub image: Option<u32>,
    pub size_in_gbs: i64,
    pub vpus_per_gb: i64,
    /// Who created it, if the tenancy tagged it.
    #[serde(default, skip_serializing_if = "Creator::is_none")]
    pub creator: Creator,
    pub created: Timestamp,
    pub changed: Timestamp,
    pub version: u32,
    pub available: bool,
    /// The instance that uses it.
    pub used_by: Option<u32>,
    /// What somebody chose who made or changed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<Box<OwnVolume>>,
}

/// What somebody chose about a volume.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct OwnVolume {
    pub tags: BTreeMap<String, String>,
    pub defined_tags: Option<Spaces>,
    pub auto_tuned: bool,
    /// When it is no longer PROVISIONING.
    pub ready: Option<Timestamp>,
    /// The volume of which it is a clone.
    pub source: Option<u32>,
    /// The backup from which it was restored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<u32>,
}

/// A backup of a volume.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct BackupRow {
    /// The volume, which may be gone.
    pub of: Id,
    pub compartment: u32,
    pub name: String,
    pub full: bool,
    pub size_in_gbs: i64,
    pub image: Option<u32>,
    pub created: Timestamp,
    pub common: Common,
}

/// A volume group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct GroupRow {
    pub compartment: u32,
    pub ad: u8,
    pub name: String,
    pub volumes: Vec<Id>,
    /// The group of which it is a clone.
    pub source: Option<u32>,
    pub created: Timestamp,
    pub common: Common,
}

/// The attachment of a data volume to an instance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct AttachmentRow {
    pub instance: u32,
    pub volume: u32,
    pub wanted: NewVolume,
    pub created: Timestamp,
    pub attached: bool,
    /// Whether lists omit it.
    pub forgotten: bool,
    /// Whether it was asked for after the launch, so that it was ATTACHING at first.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_request: bool,
    /// When somebody detached it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detached: Option<Timestamp>,
}

/// One entry of `launchVolumeAttachments`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct NewVolume {
    #[serde(rename = "type")]
    pub kind: String,
    pub device: Option<String>,
    pub display_name: Option<String>,
    pub is_read_only: Option<bool>,
    pub is_shareable: Option<bool>,
    pub volume_id: Option<String>,
    pub launch_create_volume_details: Option<NewVolumeDetails>,
}

/// A volume to create at launch; sizes in GB, performance in VPUs per GB.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct NewVolumeDetails {
    pub compartment_id: Option<String>,
    pub display_name: Option<String>,
    #[serde(rename = "sizeInGBs")]
    pub size_in_gbs: i64,
    #[serde(rename = "vpusPerGB")]
    pub vpus_per_gb: Option<i64>,
    pub kms_key_id: Option<String>,
}

/// All volumes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Volumes {
    pub boots: Vec<VolumeRow>,
    pub data: Vec<VolumeRow>,
    pub attachments: Vec<AttachmentRow>,
    /// Data volumes that instances receive once they are placed, by instance.
    planned: BTreeMap<u32, Vec<NewVolume>>,
    /// Attachments by instance.
    pub of_instance: BTreeMap<u32, Vec<u32>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub backups: Vec<BackupRow>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupRow>,
}

impl Volumes {
    /// The data volumes that instances receive once they are placed, each with its instance.
    pub(super) fn planned(&self) -> impl Iterator<Item = (u32, &NewVolume)> {
        self.planned.iter().flat_map(|(instance, all)| all.iter().map(|new| (*instance, new)))
    }
}

impl VolumeRow {
    /// Its state, as the API shows it.
    pub(super) fn state(&self, now: Timestamp) -> &'static str {
        let ready = self.own.as_ref().and_then(|own| own.ready);
        match (self.available, ready.is_some_and(|ready| now < ready)) {
            (false, _) => "TERMINATED",
            (true, true) => "PROVISIONING",
            (true, false) => "AVAILABLE",
        }
    }

    fn let_go(&mut self, keep: bool, now: Timestamp) {
        self.used_by = None;
        self.available = keep;
        self.changed = now;
        self.version += 1;
    }

    /// Deletes the volume.
    pub(super) fn delete(&mut self, now: Timestamp) {
        self.let_go(false, now);
    }
}
