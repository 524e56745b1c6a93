//! A region without a network of the fleet, and what is made in it.

use crate::launch::world::World;
use fleet::network::{NetworkStanding, NetworkSummary, find, make, resume};
use fleet::no_sink;
use fleet::plan::network::{NETWORK_TAG, NetworkPlan, OwnNetwork, USUAL_BLOCK};
use ledger::RunId;
use oci_api::models::Vcn;
use tokio_util::sync::CancellationToken;

/// The network of a fleet named `web`.
pub fn plan(world: &World, public: bool) -> NetworkPlan {
    let mut fleet = world.fleet(2, &[1]);
    fleet.network = Some(OwnNetwork {
        block: USUAL_BLOCK.parse().unwrap(),
        public,
        ssh_from: vec!["203.0.113.7/32".parse().unwrap()],
    });
    fleet.network_plan(None).unwrap()
}

pub async fn made(world: &World, plan: &NetworkPlan) -> NetworkSummary {
    let env = world.environment();
    make(&env, env.new_run_id(), plan, no_sink(), &CancellationToken::new()).await.unwrap()
}

pub async fn resumed(world: &World, run: RunId) -> NetworkSummary {
    resume(&world.environment(), run, no_sink(), &CancellationToken::new()).await.unwrap()
}

pub async fn standing(world: &World, plan: &NetworkPlan) -> NetworkStanding {
    find(&world.environment().client, &world.store, plan).await.unwrap()
}

/// The networks that exist and that this tool made.
pub async fn vcns(world: &World) -> Vec<Vcn> {
    let client = world.environment().client;
    let all = client.list_vcns(&world.defaults.compartment).await.unwrap();
    let is_ours = |vcn: &Vcn| vcn.freeform_tags.as_ref().is_some_and(|tags| tags.contains_key(NETWORK_TAG));
    all.into_iter().filter(is_ours).collect()
}

/// Checks that the region has exactly one network of the fleet, and that it has exactly its five parts.
pub async fn check_only_one(world: &World, plan: &NetworkPlan, what: &str) {
    let networks = vcns(world).await;
    assert_eq!(networks.len(), 1, "{what}");
    let client = world.environment().client;
    let found = fleet::network::contents(&client, &plan.compartment, &networks[0].id).await.unwrap().unwrap();
    let kinds: Vec<&str> = found.parts.iter().map(|part| part.kind.key()).collect();
    let gateway = if plan.network.as_ref().unwrap().public { "internet_gateway" } else { "nat_gateway" };
    assert_eq!(kinds, ["subnet", "route_table", "security_list", gateway, "vcn"], "{what}");
    assert_eq!(found.others, [""; 0], "{what}");
    world.region.world().check_invariants().unwrap();
}
