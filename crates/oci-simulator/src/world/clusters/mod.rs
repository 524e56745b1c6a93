//! Compute clusters and cluster networks: groups of instances whose shapes have RDMA (Oracle: "RDMA Cluster Networks", "Compute
//! Clusters").

mod blocks;
mod compute;
mod moves;
mod networks;

pub(super) use blocks::RdmaGroup;
pub(super) use moves::is_move;

use super::network::Common;
use jiff::{SignedDuration, Timestamp};
use oci_api::models::{ClusterNetworkPlacementConfigurationDetails, PlacementConstraintDetails};
use serde::{Deserialize, Serialize};

/// How long a deleted cluster is still shown, as DELETED (likely; the time is invented).
const SHOWN_DELETED: SignedDuration = SignedDuration::from_hours(1);

/// A compute cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct ClusterRow {
    pub compartment: u32,
    pub ad: u8,
    pub name: String,
    pub created: Timestamp,
    pub updated: Timestamp,
    constraint: Option<PlacementConstraintDetails>,
    /// The network block of its first instance, where all others have to fit.
    block: Option<u16>,
    pub common: Common,
}

impl ClusterRow {
    pub fn state(&self) -> &'static str {
        if self.common.lives() { "ACTIVE" } else { "DELETED" }
    }

    /// Whether requests and lists still show it.
    pub fn is_shown(&self, now: Timestamp) -> bool {
        self.common.deleted.is_none_or(|deleted| now < deleted + SHOWN_DELETED)
    }
}

/// A cluster network. Its state is that of its pool, and it is gone when its pool is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct ClusterNetworkRow {
    pub compartment: u32,
    pub name: String,
    pub pool: u32,
    pub created: Timestamp,
    pub updated: Timestamp,
    placement: ClusterNetworkPlacementConfigurationDetails,
    island: Option<String>,
    blocks: Option<Vec<String>>,
    block: Option<u16>,
    /// The work request of its creation, or later of its end.
    work: u32,
    pub common: Common,
}

/// All clusters and cluster networks, by their numbers. Rows are never removed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Clusters {
    pub compute: Vec<ClusterRow>,
    pub networks: Vec<ClusterNetworkRow>,
}

impl Clusters {
    pub fn are_unused(&self) -> bool {
        self.compute.is_empty() && self.networks.is_empty()
    }

    /// The cluster network of a pool.
    pub fn network_of(&self, pool: u32) -> Option<u32> {
        self.networks.iter().position(|row| row.pool == pool).map(|number| number as u32)
    }
}
