//! What differs in a further region of a fleet.
//!
//! OCIDs of images, subnets, keys and groups belong to one region, so nothing of that kind is taken over from another.

use oci_api::models::{InstanceSourceDetails, LaunchInstanceDetails};
use serde::{Deserialize, Serialize};

/// A further region of a fleet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RegionSpec {
    /// Its name: `us-ashburn-1`.
    pub region: String,
    /// The compartment that the instances are made in there.
    pub compartment: String,
    /// The base URL of its services, where the config gives one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// OCID of the image of every placement that has none of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The image by its operating system: the plan gives each placement the newest one for its shape.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest_image: Option<ImageName>,
    /// OCID of the subnet of every placement that has none of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnet: Option<String>,
    /// OCIDs of the network security groups.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub security_groups: Vec<String>,
    /// OCID of the key that encrypts boot volumes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption_key: Option<String>,
}

/// An image by its operating system, which has the same name in all regions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageName {
    /// The operating system: `Oracle Linux`.
    pub os: String,
    /// Its version: `9`.
    pub version: String,
}

impl RegionSpec {
    /// Puts what belongs to this region in place of what belongs to the first one.
    pub(super) fn adapt(&self, launch: &mut LaunchInstanceDetails) {
        launch.compartment_id.clone_from(&self.compartment);
        if let Some(image) = &self.image {
            set_image(launch, image);
        }
        if let Some(subnet) = &self.subnet {
            set_subnet(launch, subnet);
        }
        if let Some(vnic) = launch.create_vnic_details.as_deref_mut() {
            let groups = Some(self.security_groups.clone());
            vnic.nsg_ids = groups.filter(|groups| !groups.is_empty());
        }
        if let Some(InstanceSourceDetails::Image(source)) = launch.source_details.as_deref_mut() {
            source.kms_key_id.clone_from(&self.encryption_key);
        }
    }
}

/// An existing boot volume already contains a system, so an image does not replace it.
pub(super) fn set_image(launch: &mut LaunchInstanceDetails, image: &str) {
    match launch.source_details.as_deref_mut() {
        Some(InstanceSourceDetails::Image(source)) => source.image_id = Some(image.to_owned()),
        Some(_) => {}
        None => launch.image_id = Some(image.to_owned()),
    }
}

/// A launch names its subnet in one of two fields: in the description of the network card, if there is one.
pub(super) fn set_subnet(launch: &mut LaunchInstanceDetails, subnet: &str) {
    match launch.create_vnic_details.as_deref_mut() {
        Some(vnic) => {
            vnic.subnet_id = Some(subnet.to_owned());
            launch.subnet_id = None;
        }
        None => launch.subnet_id = Some(subnet.to_owned()),
    }
}
