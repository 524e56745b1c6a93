//! Instance pools, which keep a number of instances of one configuration (Oracle: "Managing Instance Pools").

mod api;
mod members;
mod upkeep;

use super::automatic_tags::Creator;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The states of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum PoolState {
    Provisioning,
    Scaling,
    Starting,
    Stopping,
    Terminating,
    Stopped,
    Terminated,
    Running,
}

impl PoolState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Provisioning => "PROVISIONING",
            Self::Scaling => "SCALING",
            Self::Starting => "STARTING",
            Self::Stopping => "STOPPING",
            Self::Terminating => "TERMINATING",
            Self::Stopped => "STOPPED",
            Self::Terminated => "TERMINATED",
            Self::Running => "RUNNING",
        }
    }
}

/// Where members may be placed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Placement {
    pub ad: u8,
    pub fds: Vec<u8>,
    pub subnet: Option<u32>,
    /// The placement as the request stated it, to be shown again.
    pub shown: Value,
}

/// A pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Pool {
    pub compartment: u32,
    pub configuration: u32,
    pub name: String,
    pub tags: BTreeMap<String, String>,
    pub defined_tags: BTreeMap<String, BTreeMap<String, Value>>,
    /// Who created it, and with it its members.
    #[serde(default, skip_serializing_if = "Creator::is_none")]
    creator: Creator,
    pub name_formatter: Option<String>,
    pub hostname_formatter: Option<String>,
    pub placements: Vec<Placement>,
    pub size: u32,
    pub state: PoolState,
    pub created: Timestamp,
    pub version: u32,
    epoch: u32,
    pub members: BTreeSet<u32>,
    /// The number of members launched so far, which names contain.
    launched: u32,
    /// When the pool stops trying to reach its size.
    deadline: Timestamp,
    work: Option<u32>,
}

impl Pool {
    pub fn exists(&self) -> bool {
        self.state != PoolState::Terminated
    }
}
