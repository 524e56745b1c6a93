//! A compute cluster, a cluster network and a member of a pool, for their operations.

use super::{Full, text};
use oci_api::Operation;
use serde_json::{Value, json};

impl Full {
    /// One of each.
    pub fn add_clusters(&mut self) {
        let made = self.request(Operation::CreateComputeCluster);
        let made = self.send(&made);
        self.ids.insert("computeClusterId", text(&made["id"]));
        let mut launch = self.region.details("member");
        launch["shape"] = "BM.Optimized3.36".into();
        launch.as_object_mut().unwrap().remove("shapeConfig");
        let request = self.region.request(Operation::CreateInstanceConfiguration).body(json!({
            "source": "NONE", "compartmentId": self.region.defaults.compartment,
            "instanceDetails": {"instanceType": "compute", "launchDetails": launch},
        }));
        let configuration = self.send(&request);
        self.ids.insert("rdmaConfigurationId", text(&configuration["id"]));
        let made = self.request(Operation::CreateClusterNetwork);
        let made = self.send(&made);
        self.ids.insert("clusterNetworkId", text(&made["id"]));
        self.region.advance(1300.0);
        let members = self.request(Operation::ListInstancePoolInstances);
        self.ids.insert("poolInstanceId", text(&self.region.pages(&members)[0]["id"]));
    }

    /// The body of an operation on clusters, or of a move.
    pub fn clusters_body(&self, operation: Operation) -> Option<Value> {
        let defaults = &self.region.defaults;
        let domain = &defaults.availability_domains[0];
        Some(match operation {
            Operation::CreateComputeCluster => {
                json!({"compartmentId": defaults.compartment, "availabilityDomain": domain})
            }
            Operation::CreateClusterNetwork => json!({
                "compartmentId": defaults.compartment,
                "instancePools": [{"instanceConfigurationId": self.ids["rdmaConfigurationId"], "size": 2}],
                "placementConfiguration": {
                    "availabilityDomain": domain, "primaryVnicSubnets": {"subnetId": defaults.private_subnet},
                },
                "clusterConfiguration": {"hpcIslandId": "ocid1.hpcisland.oc1.phx.one"},
            }),
            Operation::UpdateComputeCluster
            | Operation::UpdateClusterNetwork
            | Operation::UpdateInstanceConfiguration => json!({"displayName": "renamed"}),
            Operation::ChangeComputeClusterCompartment
            | Operation::ChangeClusterNetworkCompartment
            | Operation::ChangeInstanceConfigurationCompartment
            | Operation::ChangeInstancePoolCompartment => json!({"compartmentId": defaults.tenancy}),
            _ => return None,
        })
    }
}
