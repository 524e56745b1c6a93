//! Fleets with `engine: cluster-network`: the same with the one pool of a cluster network.

use super::world::{configurations, living, nothing_left, pools};
use crate::launch::crash::crash_and_resume_plan;
use crate::launch::world::World;
use fleet::{Engine, Plan};
use ledger::Outcome;
use oci_api::Operation;
use oci_api::models::ClusterNetworkSummary;
use oci_client::Call;

const RDMA: &str = "BM.Optimized3.36";

fn plan(world: &World, count: u32) -> Plan {
    let mut fleet = world.fleet_of(RDMA, count, &[1]);
    fleet.engine = Engine::ClusterNetwork;
    fleet.template.shape_config = None;
    Plan::offline(fleet).unwrap()
}

/// The cluster networks that exist.
async fn networks(world: &World) -> usize {
    let client = world.environment().client;
    let call = Call::new(Operation::ListClusterNetworks).query("compartmentId", &world.defaults.compartment);
    let networks: Vec<ClusterNetworkSummary> = client.all(call).await.unwrap();
    networks.iter().filter(|network| fleet::pool::lives(&network.lifecycle_state.to_string())).count()
}

#[tokio::test(start_paused = true)]
async fn a_network_is_launched_and_grows() {
    let world = World::of("roomy");
    let (summary, _) = world.launch(&plan(&world, 9)).await;
    assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), 9), "{summary:?}");
    let mut more = plan(&world, 4);
    more.joins = Some(living(&world));
    let (grown, _) = world.launch(&more).await;
    assert_eq!((grown.outcome, grown.running), (Some(Outcome::Complete), 4), "{grown:?}");
    assert_eq!((networks(&world).await, configurations(&world).await), (1, 1));
    assert_eq!((pools(&world).await[0].1, living(&world).len()), (13, 13));
}

#[tokio::test(start_paused = true)]
async fn two_hundred_take_few_requests_in_a_network() {
    let world = World::seeded("world: {hosts: {per_fault_domain: 100}}", 1);
    let (summary, _) = world.launch(&plan(&world, 200)).await;
    assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), 200), "{:?}", summary.warnings);
    let requests: u64 =
        summary.requests.values().map(|count| count.ok + count.failed + count.throttled).sum();
    assert!(requests <= 40, "{requests} requests: {:?}", summary.requests);
}

#[test]
fn a_death_doubles_no_network() {
    for seed in 0..15 {
        super::crash::played(async {
            let world = World::seeded("roomy", seed);
            let summary = crash_and_resume_plan(&world, &plan(&world, 14)).await;
            assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), 14), "seed {seed}");
            assert_eq!((networks(&world).await, configurations(&world).await), (1, 1), "seed {seed}");
            assert_eq!((pools(&world).await.len(), living(&world).len()), (1, 14), "seed {seed}");
        });
    }
}

#[test]
fn a_network_that_stays_provisioning_is_rolled_back() {
    for seed in 0..8 {
        super::crash::played(async {
            let world = World::seeded("world: {hosts: {per_fault_domain: 5}}", seed);
            let mut plan = plan(&world, 40);
            plan.min = Some(30);
            let summary = crash_and_resume_plan(&world, &plan).await;
            assert_eq!(summary.outcome, Some(Outcome::GivenBack), "seed {seed}: {:?}", summary.warnings);
            assert_eq!(networks(&world).await, 0, "seed {seed}");
            nothing_left(&world).await;
        });
    }
}
