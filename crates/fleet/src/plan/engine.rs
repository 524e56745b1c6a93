//! What of OCI launches the instances of a fleet. `launch/dispatcher.rs` and `launch/finish.rs` decide by it what is sent.

use ledger::{EnginePart, RunId};
use serde::{Deserialize, Serialize};

/// What of OCI launches the instances of a fleet and holds them together. It is stored in the plan, so that a run is resumed in the
/// way it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Engine {
    /// Nothing: one `LaunchInstance` per slot.
    #[default]
    Instances,
    /// A compute cluster, which all launches join: one `LaunchInstance` per slot.
    ComputeCluster,
    /// An instance configuration and pools, which launch the members themselves.
    InstancePool,
    /// A cluster network with one pool, for shapes with RDMA.
    ClusterNetwork,
}

impl Engine {
    /// Its name in the config.
    pub fn key(self) -> &'static str {
        match self {
            Self::Instances => "instances",
            Self::ComputeCluster => "compute-cluster",
            Self::InstancePool => "instance-pool",
            Self::ClusterNetwork => "cluster-network",
        }
    }

    /// Whether its instances need shapes with RDMA.
    pub fn needs_rdma(self) -> bool {
        match self {
            Self::Instances | Self::InstancePool => false,
            Self::ComputeCluster | Self::ClusterNetwork => true,
        }
    }

    /// Whether OCI launches the instances from a pool.
    pub fn is_pooled(self) -> bool {
        match self {
            Self::Instances | Self::ComputeCluster => false,
            Self::InstancePool | Self::ClusterNetwork => true,
        }
    }

    /// Whether it is omitted from the plan: plans without an engine launch this way.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// The `opc-retry-token` of the creation of a part of an engine: at most 64 characters (OpenAPI of the Core Services).
pub fn engine_token(run: RunId, part: EnginePart, number: u32, attempt: u32) -> String {
    let kind = match part {
        EnginePart::ComputeCluster => "cc",
        EnginePart::InstanceConfiguration => "ic",
        EnginePart::InstancePool => "ip",
        EnginePart::ClusterNetwork => "cn",
    };
    format!("ois-{}-{kind}{number}-{attempt}", run.0.simple())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_of_a_part_is_short_enough() {
        let run = RunId(uuid::Uuid::max());
        assert!(engine_token(run, EnginePart::ClusterNetwork, 99_999, 99_999).len() <= 64);
    }
}
