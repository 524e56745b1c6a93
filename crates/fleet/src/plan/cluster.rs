//! The compute cluster that a launch makes for its fleet with `engine: compute-cluster`: an RDMA network that all instances of
//! the fleet join. Pure.

use super::network::{NetworkPlan, OwnCluster};
use super::{Engine, FleetSpec, Origin};

impl FleetSpec {
    /// The compute cluster of the fleet; `None` if its engine needs none. The name of the availability domain is final only in a
    /// fleet that was planned.
    pub fn own_cluster(&self) -> Option<OwnCluster> {
        let domain = self.first_placement()?.availability_domain.clone();
        (self.engine == Engine::ComputeCluster).then_some(OwnCluster { availability_domain: domain })
    }

    /// The plan that makes the compute cluster; `None` if the engine needs none.
    pub fn cluster_plan(&self, origin: Option<&Origin>) -> Option<NetworkPlan> {
        Some(NetworkPlan {
            fleet: self.name.clone(),
            region: self.region.clone(),
            compartment: self.compartment.clone(),
            network: None,
            cluster: Some(self.own_cluster()?),
            defined_tags: self.template.defined_tags.clone(),
            origin: origin.cloned(),
        })
    }

    /// The plan by which a compute cluster is found that the fleet had with another engine.
    pub fn earlier_cluster_plan(&self, origin: Option<&Origin>) -> NetworkPlan {
        NetworkPlan {
            fleet: self.name.clone(),
            region: self.region.clone(),
            compartment: self.compartment.clone(),
            network: None,
            cluster: Some(OwnCluster { availability_domain: String::new() }),
            defined_tags: None,
            origin: origin.cloned(),
        }
    }

    /// Whether its compute cluster is still to be made.
    pub fn needs_cluster(&self) -> Option<OwnCluster> {
        self.own_cluster().filter(|_| self.template.compute_cluster_id.is_none())
    }

    /// Puts the launches of the fleet into a compute cluster.
    pub fn enter_cluster(&mut self, ocid: &str) {
        self.template.compute_cluster_id = Some(ocid.to_owned());
    }
}
