//! Boot volumes, data volumes and the attachments of data volumes.

mod api;
mod attach;

use super::automatic_tags::Creator;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A boot volume or a data volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
}

impl VolumeRow {
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
