//! Where and as what a slot is tried. What a placement does not say, the run's plan says for all of them.

use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

/// Where and as what a slot is tried.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct Placement {
    /// The full name of the availability domain: `Uocm:PHX-AD-1`.
    pub availability_domain: String,
    /// The fault domain, when one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault_domain: Option<String>,
    /// The shape.
    pub shape: String,
    /// The capacity reservation to draw on. Absent and empty differ: the empty string opts out of a default one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity_reservation: Option<String>,
    /// The size, where it is this placement's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<PlacementSize>,
    /// OCID of the image, where it is this placement's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// OCID of the subnet, where it is this placement's own: some networks have one in each availability domain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnet: Option<String>,
    /// How its capacity is bought, where it is this placement's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity_type: Option<CapacityType>,
}

/// The size of a flexible shape. A placement gives all of it or none: what is absent, the shape decides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct PlacementSize {
    /// OCPUs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ocpus: Option<Amount>,
    /// Memory in GB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_gb: Option<Amount>,
    /// The share of each OCPU that is paid for, in the service's words: `BASELINE_1_2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<String>,
}

/// How capacity is bought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CapacityType {
    /// At the price on demand, until it is given up.
    OnDemand,
    /// At half that price, until the service takes it back.
    Preemptible,
}

/// A number that placements can be compared by. Floating-point numbers have no order of their own: NaN differs from itself.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
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
    /// What an instance that was asked for here is recorded with: what the service tells of it, and what only the request
    /// said. `told` is the placement in the service's answer.
    #[must_use]
    pub fn recorded(&self, told: Self) -> Self {
        if told.shape != self.shape {
            return told;
        }
        Self {
            size: self.size.clone(),
            image: self.image.clone(),
            subnet: self.subnet.clone(),
            capacity_type: self.capacity_type,
            ..told
        }
    }
}
