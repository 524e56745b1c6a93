//! Capacity reservations: what they hold, how they fill, and which launches may use them (Oracle: "Capacity Reservations").

mod api;
mod hold;
mod lists;
mod report;

use super::capacity::{Held, Need};
use super::shapes::ShapeId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The states of a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum ReservationState {
    Creating,
    Active,
    Updating,
    Moving,
    Deleting,
    Deleted,
}

impl ReservationState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "CREATING",
            Self::Active => "ACTIVE",
            Self::Updating => "UPDATING",
            Self::Moving => "MOVING",
            Self::Deleting => "DELETING",
            Self::Deleted => "DELETED",
        }
    }
}

/// The identity of a config: only the count of a config can change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ConfigKey {
    pub shape: ShapeId,
    pub need: Need,
    pub fd: Option<u8>,
    /// OCID of its cluster placement group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
}

/// A config as a request specifies it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Wanted {
    pub key: ConfigKey,
    pub count: u32,
    /// `clusterConfig`, kept unchanged.
    pub cluster: Option<Value>,
}

/// A config of a reservation, with what it holds at present.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct ReservationConfig {
    pub key: ConfigKey,
    pub cluster: Option<Value>,
    /// Capacity that no instance uses.
    pub free: Vec<Held>,
    /// Instances that use it, running or stopped.
    pub used: u32,
}

impl ReservationConfig {
    pub fn reserved(&self) -> u32 {
        self.used + self.free.len() as u32
    }
}

/// A reservation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Reservation {
    pub compartment: u32,
    pub ad: u8,
    pub name: String,
    pub tags: BTreeMap<String, String>,
    pub defined_tags: BTreeMap<String, BTreeMap<String, Value>>,
    pub is_default: bool,
    pub state: ReservationState,
    pub created: Timestamp,
    pub updated: Timestamp,
    pub version: u32,
    epoch: u32,
    work: u32,
    /// Configs by number, which never changes.
    #[serde(with = "super::pairs")]
    pub configs: BTreeMap<u32, ReservationConfig>,
    next_config: u32,
    /// The configs to hold once it is ACTIVE again.
    pending: Option<Vec<Wanted>>,
    pub members: BTreeSet<u32>,
}

/// What a launch needs from a reservation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish<'a> {
    pub ad: u8,
    pub fd: Option<u8>,
    pub shape: ShapeId,
    pub need: Need,
    /// Neither burstable nor preemptible: reservations accept no others.
    pub plain: bool,
    /// OCID of the cluster placement group that the launch is for.
    pub group: Option<&'a str>,
}

impl Reservation {
    fn takes_launches(&self) -> bool {
        matches!(self.state, ReservationState::Active | ReservationState::Updating)
    }

    /// The config that a launch fits: the same shape and size, and the same fault domain and cluster placement group, or none
    /// on both sides. (That the group must match is inferred from its purpose, not observed.)
    fn config_for(&self, wish: &Wish<'_>) -> Option<(u32, &ReservationConfig)> {
        let fits = |config: &&ReservationConfig| {
            config.key.shape == wish.shape
                && (config.key.need.ocpus, config.key.need.memory) == (wish.need.ocpus, wish.need.memory)
                && config.key.fd == wish.fd
                && config.key.group.as_deref() == wish.group
        };
        self.configs.iter().find(|(_, config)| fits(config)).map(|(number, config)| (*number, config))
    }

    /// Whether it still exists.
    pub fn exists(&self) -> bool {
        self.state != ReservationState::Deleted
    }
}
