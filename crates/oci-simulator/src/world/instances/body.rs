//! The fields of a launch body that the region reads.

use super::validate::{ShapeConfig, Texts};
use crate::world::limits::USUAL_BOOT_SIZE_GBS;
use crate::world::volumes::NewVolume;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// The parts of LaunchInstanceDetails that decide where and how to launch; the rest is stored unchanged (`extras`).
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct LaunchBody<'a> {
    pub compartment_id: Option<&'a str>,
    pub availability_domain: Option<&'a str>,
    pub shape: Option<&'a str>,
    #[serde(borrow)]
    pub shape_config: Option<ShapeConfig<'a>>,
    pub source_details: Option<Source<'a>>,
    pub image_id: Option<&'a str>,
    pub subnet_id: Option<&'a str>,
    pub create_vnic_details: Option<VnicBody<'a>>,
    pub display_name: Option<&'a str>,
    pub fault_domain: Option<&'a str>,
    pub freeform_tags: Option<Texts<'a>>,
    pub hostname_label: Option<&'a str>,
    pub capacity_reservation_id: Option<&'a str>,
    pub metadata: Option<Texts<'a>>,
    pub preemptible_instance_config: Option<IgnoredAny>,
    pub dedicated_vm_host_id: Option<&'a str>,
    pub compute_cluster_id: Option<&'a str>,
    pub cluster_placement_group_id: Option<&'a str>,
    pub security_attributes: Option<IgnoredAny>,
    pub launch_volume_attachments: Option<Vec<NewVolume>>,
}

impl LaunchBody<'_> {
    /// The size in GB of the boot volume that the launch makes. `None` if it uses an existing one.
    pub fn new_boot_volume(&self) -> Option<i64> {
        let source = self.source_details.as_ref();
        if source.is_some_and(|source| source.boot_volume_id.is_some()) {
            return None;
        }
        let size = source.and_then(|source| source.boot_volume_size_in_gbs);
        Some(size.unwrap_or(USUAL_BOOT_SIZE_GBS))
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Source<'a> {
    #[serde(rename = "sourceType")]
    pub kind: Option<&'a str>,
    pub image_id: Option<&'a str>,
    pub boot_volume_id: Option<&'a str>,
    #[serde(rename = "bootVolumeSizeInGBs")]
    pub boot_volume_size_in_gbs: Option<i64>,
    pub kms_key_id: Option<&'a str>,
    pub instance_source_image_filter_details: Option<ImageFilter<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ImageFilter<'a> {
    pub operating_system: Option<&'a str>,
    pub operating_system_version: Option<&'a str>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct VnicBody<'a> {
    pub subnet_id: Option<&'a str>,
    pub assign_public_ip: Option<bool>,
    pub hostname_label: Option<&'a str>,
    pub assign_private_dns_record: Option<bool>,
    pub private_ip: Option<&'a str>,
    pub private_ip_id: Option<&'a str>,
    pub assign_ipv6_ip: Option<bool>,
    pub vlan_id: Option<&'a str>,
    pub nsg_ids: Option<Vec<&'a str>>,
}
