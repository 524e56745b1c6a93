//! One listed instance, with only the fields that are shown or used for decisions.
//!
//! The service's response also contains up to 32,000 bytes of metadata per instance, so pages are converted as they arrive. It
//! must not know how the list was read.

use super::Tags;
use jiff::Timestamp;
use ledger::InstanceRef;
use oci_api::models::{Instance, InstanceLifecycleState};
use oci_client::region_of;
use schemars::JsonSchema;
use serde::Serialize;

/// One listed instance.
#[derive(Clone, Debug, Default, PartialEq, JsonSchema, Serialize)]
pub struct Machine {
    /// Its display name. The service allows duplicates, and any characters.
    pub name: String,
    /// Its OCID.
    pub ocid: String,
    /// Its state when it was listed.
    #[schemars(with = "String")]
    pub state: InstanceLifecycleState,
    /// Its region, if its OCID or its availability domain names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The full name of its availability domain: `Uocm:PHX-AD-1`.
    pub availability_domain: String,
    /// Its fault domain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault_domain: Option<String>,
    /// Its shape.
    pub shape: String,
    /// OCPUs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ocpus: Option<f64>,
    /// Memory in GB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_gb: Option<f64>,
    /// The private address of its first VNIC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private_ip: Option<String>,
    /// The public address of that VNIC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_ip: Option<String>,
    /// When it was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// Its compartment.
    pub compartment: String,
    /// The image from which it was launched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The capacity reservation that it uses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity_reservation: Option<String>,
    /// Whether it is preemptible; such an instance accepts no power action (Oracle: "Preemptible Instances").
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub preemptible: bool,
    /// Its baseline, for burstable instances: `BASELINE_1_8`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<String>,
    /// Its tags. A defined tag has the key `Namespace.key`; a free-form key cannot contain a dot.
    #[serde(skip_serializing_if = "Tags::is_empty")]
    #[schemars(with = "std::collections::BTreeMap<String, String>")]
    pub tags: Tags,
}

impl Machine {
    /// Its label: its name, or its OCID if it has none.
    pub fn label(&self) -> &str {
        if self.name.is_empty() { &self.ocid } else { &self.name }
    }

    /// What a run records about it.
    pub fn reference(&self) -> InstanceRef {
        InstanceRef {
            ocid: self.ocid.clone(),
            name: self.name.clone(),
            state: self.state.as_str().to_owned(),
            availability_domain: self.availability_domain.clone(),
            fault_domain: self.fault_domain.clone(),
            shape: self.shape.clone(),
        }
    }
}

impl From<Instance> for Machine {
    fn from(instance: Instance) -> Self {
        let shape = instance.shape_config.as_deref();
        Self {
            ocpus: shape.and_then(|shape| shape.ocpus),
            memory_gb: shape.and_then(|shape| shape.memory_in_gbs),
            baseline: shape
                .and_then(|shape| shape.baseline_ocpu_utilization.as_ref())
                .map(|baseline| baseline.as_str().to_owned())
                .filter(|baseline| baseline != "BASELINE_1_1"),
            tags: tags(&instance),
            name: instance.display_name.unwrap_or_default(),
            region: region_of(&instance.id, &instance.availability_domain),
            ocid: instance.id,
            state: instance.lifecycle_state,
            availability_domain: instance.availability_domain,
            fault_domain: instance.fault_domain,
            shape: instance.shape,
            private_ip: None,
            public_ip: None,
            created: instance.time_created,
            compartment: instance.compartment_id,
            image: instance.image_id,
            capacity_reservation: instance.capacity_reservation_id.filter(|ocid| !ocid.is_empty()),
            preemptible: instance.preemptible_instance_config.is_some(),
        }
    }
}

fn tags(instance: &Instance) -> Tags {
    let mut tags = instance.freeform_tags.clone().unwrap_or_default();
    for (namespace, keys) in instance.defined_tags.iter().flatten() {
        for (key, value) in keys {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            tags.insert(format!("{namespace}.{key}"), value);
        }
    }
    tags.into()
}
