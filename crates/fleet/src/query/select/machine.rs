//! One listed instance, with only the fields that are shown or used for decisions.
//!
//! The service's response also contains up to 32,000 bytes of metadata per instance, so pages are converted as they arrive. It
//! must not know how the list was read.

use super::{Tags, Texts};
use jiff::Timestamp;
use ledger::InstanceRef;
use oci_api::models::{
    Instance, InstanceLifecycleState, InstanceShapeConfigBaselineOcpuUtilization as Baseline,
};
use oci_client::region_of;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

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
    pub region: Option<Arc<str>>,
    /// The full name of its availability domain: `Uocm:PHX-AD-1`.
    pub availability_domain: Arc<str>,
    /// Its fault domain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault_domain: Option<Arc<str>>,
    /// Its shape.
    pub shape: Arc<str>,
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
    pub compartment: Arc<str>,
    /// The image from which it was launched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<Arc<str>>,
    /// The capacity reservation that it uses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity_reservation: Option<Arc<str>>,
    /// Whether it is preemptible; such an instance accepts no power action (Oracle: "Preemptible Instances").
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub preemptible: bool,
    /// Its baseline, for burstable instances: `BASELINE_1_8`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Arc<str>>,
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
            availability_domain: self.availability_domain.to_string(),
            fault_domain: self.fault_domain.as_deref().map(str::to_owned),
            shape: self.shape.to_string(),
        }
    }
}

impl From<Instance> for Machine {
    fn from(instance: Instance) -> Self {
        Self::of(instance, &mut Texts::default())
    }
}

impl Machine {
    /// An instance of a listing, which shares what its instances have in common.
    pub fn of(instance: Instance, texts: &mut Texts) -> Self {
        let shape = instance.shape_config.as_deref();
        let baseline = shape.and_then(|shape| shape.baseline_ocpu_utilization.as_ref());
        let baseline = baseline.map(Baseline::as_str).filter(|name| *name != "BASELINE_1_1");
        let region = region_of(&instance.id, &instance.availability_domain);
        let reservation = instance.capacity_reservation_id.as_deref().filter(|ocid| !ocid.is_empty());
        Self {
            ocpus: shape.and_then(|shape| shape.ocpus),
            memory_gb: shape.and_then(|shape| shape.memory_in_gbs),
            baseline: baseline.map(|baseline| texts.shared(baseline)),
            tags: Tags::of(&tags(&instance), texts),
            name: instance.display_name.unwrap_or_default(),
            region: region.map(|region| texts.shared(&region)),
            ocid: instance.id,
            state: instance.lifecycle_state,
            availability_domain: texts.shared(&instance.availability_domain),
            fault_domain: instance.fault_domain.map(|domain| texts.shared(&domain)),
            shape: texts.shared(&instance.shape),
            private_ip: None,
            public_ip: None,
            created: instance.time_created,
            compartment: texts.shared(&instance.compartment_id),
            image: instance.image_id.map(|image| texts.shared(&image)),
            capacity_reservation: reservation.map(|ocid| texts.shared(ocid)),
            preemptible: instance.preemptible_instance_config.is_some(),
        }
    }
}

fn tags(instance: &Instance) -> BTreeMap<String, String> {
    let mut tags = instance.freeform_tags.clone().unwrap_or_default();
    for (namespace, keys) in instance.defined_tags.iter().flatten() {
        for (key, value) in keys {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            tags.insert(format!("{namespace}.{key}"), value);
        }
    }
    tags
}
