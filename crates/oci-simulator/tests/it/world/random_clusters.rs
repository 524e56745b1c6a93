//! Random histories of clusters: whatever clients do, instances and clusters agree, and no block has more instances than hosts.

use super::clusters::{cluster, launch_in, rdma_details};
use super::region::Region;
use oci_api::Operation;
use oci_simulator::world::WorldSettings;
use proptest::prelude::*;
use serde_json::{Value, json};

#[derive(Clone, Debug)]
enum RandomStep {
    Cluster,
    Launch { which: usize },
    Terminate { which: usize },
    Delete { which: usize },
    Network { size: u32 },
    Resize { which: usize, size: u32 },
    End { which: usize },
    Wait { seconds: f64 },
}

fn random_step() -> impl Strategy<Value = RandomStep> {
    prop_oneof![
        2 => Just(RandomStep::Cluster),
        8 => any::<usize>().prop_map(|which| RandomStep::Launch { which }),
        4 => any::<usize>().prop_map(|which| RandomStep::Terminate { which }),
        3 => any::<usize>().prop_map(|which| RandomStep::Delete { which }),
        2 => (1..5_u32).prop_map(|size| RandomStep::Network { size }),
        2 => (any::<usize>(), 0..6_u32).prop_map(|(which, size)| RandomStep::Resize { which, size }),
        1 => any::<usize>().prop_map(|which| RandomStep::End { which }),
        6 => prop_oneof![0.0..1500.0_f64, Just(90_000.0)].prop_map(|seconds| RandomStep::Wait { seconds }),
    ]
}

fn pick(all: &[String], which: usize) -> Option<String> {
    (!all.is_empty()).then(|| all[which % all.len()].clone())
}

fn network(region: &mut Region, size: u32) -> Option<String> {
    let launch = rdma_details(region, "ignored");
    let made = region.request(Operation::CreateInstanceConfiguration).body(json!({
        "source": "NONE", "compartmentId": region.defaults.compartment,
        "instanceDetails": {"instanceType": "compute", "launchDetails": launch},
    }));
    let configuration = region.world.handle(&made).ok()?.json()["id"].clone();
    let request = region.request(Operation::CreateClusterNetwork).body(json!({
        "compartmentId": region.defaults.compartment,
        "instancePools": [{"instanceConfigurationId": configuration, "size": size}],
        "placementConfiguration": {
            "availabilityDomain": region.defaults.availability_domains[0],
            "primarySubnetId": region.defaults.private_subnet,
        },
    }));
    Some(region.world.handle(&request).ok()?.json()["id"].as_str()?.to_owned())
}

fn resize(region: &mut Region, id: &str, size: u32) {
    let Ok(shown) = region.get(Operation::GetClusterNetwork, "clusterNetworkId", id) else { return };
    let pool: Value = shown.json()["instancePools"][0]["id"].clone();
    let request = region
        .request(Operation::UpdateClusterNetwork)
        .path("clusterNetworkId", id)
        .body(json!({"instancePools": [{"id": pool, "size": size}]}));
    // Refused unless it is RUNNING.
    let _ = region.world.handle(&request);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn clusters_and_their_instances_agree(seed: u64, steps in proptest::collection::vec(random_step(), 1..60)) {
        let settings = WorldSettings { rdma_blocks: vec![3, 6], ..WorldSettings::default() };
        let mut region = Region::seeded(settings, seed);
        let (mut clusters, mut networks, mut nodes) = (Vec::new(), Vec::new(), Vec::new());
        for step in steps {
            match step {
                RandomStep::Cluster => clusters.push(cluster(&mut region)),
                RandomStep::Launch { which } => {
                    let launched = pick(&clusters, which).map(|ring| launch_in(&mut region, &ring, |_, _| {}));
                    nodes.extend(launched.and_then(Result::ok));
                }
                RandomStep::Terminate { which } => {
                    if let Some(node) = pick(&nodes, which) {
                        let _ = region.get(Operation::TerminateInstance, "instanceId", &node);
                    }
                }
                RandomStep::Delete { which } => {
                    if let Some(ring) = pick(&clusters, which) {
                        let _ = region.get(Operation::DeleteComputeCluster, "computeClusterId", &ring);
                    }
                }
                RandomStep::Network { size } => networks.extend(network(&mut region, size)),
                RandomStep::Resize { which, size } => {
                    if let Some(id) = pick(&networks, which) {
                        resize(&mut region, &id, size);
                    }
                }
                RandomStep::End { which } => {
                    if let Some(id) = pick(&networks, which) {
                        let _ = region.get(Operation::TerminateClusterNetwork, "clusterNetworkId", &id);
                    }
                }
                RandomStep::Wait { seconds } => region.advance(seconds),
            }
            region.world.check_invariants().map_err(TestCaseError::fail)?;
        }
    }
}
