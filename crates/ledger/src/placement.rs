//! Where a slot is launched, and with which shape and size. The run's plan provides everything that a placement leaves out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// Where a slot is launched, and with which shape and size.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, JsonSchema, Serialize, Deserialize)]
#[serde(default)]
pub struct Placement {
    /// The region, where it is not the run's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The full name of the availability domain: `Uocm:PHX-AD-1`.
    pub availability_domain: String,
    /// The fault domain, if one was requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault_domain: Option<String>,
    /// The shape.
    pub shape: String,
    /// The capacity reservation to use. Absent and empty differ: the empty string opts out of a default one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity_reservation: Option<String>,
    /// The size, if this placement has its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<PlacementSize>,
    /// OCID of the image, if this placement has its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// OCID of the subnet, if this placement has its own: some networks have one subnet per availability domain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnet: Option<String>,
    /// How its capacity is bought, if this placement has its own setting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity_type: Option<CapacityType>,
}

/// Placements, each stored once: a run has many slots and few placements.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Places(BTreeSet<Arc<Placement>>);

impl Places {
    /// The placement, shared with its earlier uses.
    pub fn shared(&mut self, placement: &Placement) -> Arc<Placement> {
        if let Some(known) = self.0.get(placement) {
            return Arc::clone(known);
        }
        let new = Arc::new(placement.clone());
        self.0.insert(Arc::clone(&new));
        new
    }
}

/// The size of a flexible shape. A placement states all of it or nothing; the shape determines absent fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, JsonSchema, Serialize, Deserialize)]
#[serde(default)]
pub struct PlacementSize {
    /// OCPUs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ocpus: Option<Amount>,
    /// Memory in GB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_gb: Option<Amount>,
    /// The share of each OCPU that is paid for, as the service writes it: `BASELINE_1_2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<String>,
}

/// How capacity is bought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CapacityType {
    /// At the on-demand price, until the instance is terminated.
    OnDemand,
    /// At half that price, until the service reclaims the instance.
    Preemptible,
}

/// A number by which placements can be compared. Floating-point numbers have no total order, because NaN differs from itself.
#[derive(Clone, Copy, Debug, Default, JsonSchema, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Amount(pub f64);

impl PartialEq for Amount {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Amount {}

impl PartialOrd for Amount {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Amount {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl Hash for Amount {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}

impl Placement {
    /// The placement to record for an instance that was requested here: what the service's response states in `told`, and what
    /// only the request stated.
    #[must_use]
    pub fn recorded(&self, told: Self) -> Self {
        let region = self.region.clone();
        if told.shape != self.shape {
            return Self { region, ..told };
        }
        Self {
            region,
            size: self.size.clone(),
            image: self.image.clone(),
            subnet: self.subnet.clone(),
            capacity_type: self.capacity_type,
            ..told
        }
    }
}
