//! Fields that many instances share, such as metadata and agent settings. Each distinct value is stored once.

use crate::world::api::ApiError;
use crate::world::automatic_tags::Spaces;
use crate::world::chance::{hash_bytes, mix};
use crate::world::error;
use oci_api::models::{
    InstanceAgentConfig, InstanceAvailabilityConfig, InstanceOptions, LaunchOptions,
    PlacementConstraintDetails, PlatformConfig, PreemptibleInstanceConfigDetails,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The part of LaunchInstanceDetails that is stored unchanged and shown in the instance.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::world) struct Extra {
    pub metadata: Option<BTreeMap<String, String>>,
    pub extended_metadata: Option<BTreeMap<String, Value>>,
    pub defined_tags: Option<Spaces>,
    pub security_attributes: Option<Spaces>,
    pub agent_config: Option<InstanceAgentConfig>,
    pub launch_options: Option<LaunchOptions>,
    pub instance_options: Option<InstanceOptions>,
    pub availability_config: Option<InstanceAvailabilityConfig>,
    pub preemptible_instance_config: Option<PreemptibleInstanceConfigDetails>,
    pub platform_config: Option<PlatformConfig>,
    pub placement_constraint_details: Option<PlacementConstraintDetails>,
    pub dedicated_vm_host_id: Option<String>,
    pub cluster_placement_group_id: Option<String>,
    pub ipxe_script: Option<String>,
    #[serde(rename = "isAIEnterpriseEnabled")]
    pub is_ai_enterprise_enabled: Option<bool>,
    pub instance_configuration_id: Option<String>,
    pub create_vnic_details: Option<ExtraVnic>,
    pub source_details: Option<ExtraSource>,
}

/// The stored fields of `createVnicDetails`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::world) struct ExtraVnic {
    pub display_name: Option<String>,
    pub defined_tags: Option<Spaces>,
    pub freeform_tags: Option<BTreeMap<String, String>>,
    pub nsg_ids: Option<Vec<String>>,
    pub skip_source_dest_check: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route_table_id: Option<String>,
}

/// The stored fields of `sourceDetails`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::world) struct ExtraSource {
    #[serde(rename = "bootVolumeSizeInGBs")]
    pub boot_volume_size_in_gbs: Option<i64>,
    #[serde(rename = "bootVolumeVpusPerGB")]
    pub boot_volume_vpus_per_gb: Option<i64>,
    pub kms_key_id: Option<String>,
}

/// The fields of a launch body that make up its [`Extra`].
const FIELDS: &[&str] = &[
    "metadata",
    "extendedMetadata",
    "definedTags",
    "securityAttributes",
    "agentConfig",
    "launchOptions",
    "instanceOptions",
    "availabilityConfig",
    "preemptibleInstanceConfig",
    "platformConfig",
    "placementConstraintDetails",
    "dedicatedVmHostId",
    "clusterPlacementGroupId",
    "ipxeScript",
    "isAIEnterpriseEnabled",
    "instanceConfigurationId",
    "createVnicDetails",
    "sourceDetails",
];

/// All extras, each stored once.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::world) struct Extras {
    all: Vec<Extra>,
    /// By a 128-bit hash of the text, as two halves.
    #[serde(with = "crate::world::pairs")]
    by_hash: BTreeMap<(u64, u64), u32>,
}

impl Extras {
    pub fn get(&self, number: u32) -> &Extra {
        // `keep` returns the numbers; an unknown one from a damaged file gives an empty extra.
        static NONE: std::sync::LazyLock<Extra> = std::sync::LazyLock::new(Extra::default);
        self.all.get(number as usize).unwrap_or(&NONE)
    }

    /// How many there are, numbered from 0.
    pub fn count(&self) -> u32 {
        self.all.len() as u32
    }

    /// Stores the extra of a launch body.
    pub fn keep_of(&mut self, body: &Value) -> Result<u32, ApiError> {
        let fields: Vec<Option<&Value>> = FIELDS.iter().map(|field| body.get(field)).collect();
        let text = serde_json::to_vec(&fields).map_err(|_| error::unparsable())?;
        let key = key(&text);
        if let Some(number) = self.by_hash.get(&key) {
            return Ok(*number);
        }
        let extra = Extra::deserialize(body).map_err(|_| error::unparsable())?;
        Ok(self.add(key, extra))
    }

    /// Stores an extra that was changed.
    pub fn keep(&mut self, extra: Extra) -> Result<u32, ApiError> {
        let mut text = serde_json::to_vec(&extra).map_err(|_| error::unparsable())?;
        text.push(b'!');
        let key = key(&text);
        match self.by_hash.get(&key) {
            Some(number) => Ok(*number),
            None => Ok(self.add(key, extra)),
        }
    }

    fn add(&mut self, key: (u64, u64), extra: Extra) -> u32 {
        let number = self.all.len() as u32;
        self.all.push(extra);
        self.by_hash.insert(key, number);
        number
    }
}

fn key(text: &[u8]) -> (u64, u64) {
    let backwards: Vec<u8> = text.iter().rev().copied().collect();
    (hash_bytes(text), mix(hash_bytes(&backwards) ^ text.len() as u64))
}
