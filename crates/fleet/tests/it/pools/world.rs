//! A region, and a fleet whose members come from instance pools.

use crate::launch::world::World;
use fleet::{Engine, Plan};
use oci_api::Operation;
use oci_api::models::{InstanceConfigurationSummary, InstancePoolSummary};
use oci_client::Call;

/// A plan of pools in one availability domain.
pub fn plan(world: &World, count: u32) -> Plan {
    let mut fleet = world.fleet(count, &[1]);
    fleet.engine = Engine::InstancePool;
    Plan::offline(fleet).unwrap()
}

/// The pools of the region that exist, with their sizes.
pub async fn pools(world: &World) -> Vec<(String, u32)> {
    let client = world.environment().client;
    let call = Call::new(Operation::ListInstancePools).query("compartmentId", &world.defaults.compartment);
    let pools: Vec<InstancePoolSummary> = client.all(call).await.unwrap();
    let living = pools.into_iter().filter(|pool| fleet::pool::lives(&pool.lifecycle_state.to_string()));
    living.map(|pool| (pool.id, u32::try_from(pool.size).unwrap())).collect()
}

/// The number of instance configurations of the region.
pub async fn configurations(world: &World) -> usize {
    let client = world.environment().client;
    let compartment = &world.defaults.compartment;
    let call = Call::new(Operation::ListInstanceConfigurations).query("compartmentId", compartment);
    client.all::<InstanceConfigurationSummary>(call).await.unwrap().len()
}

/// The living instances of the region.
pub fn living(world: &World) -> Vec<String> {
    world.region.world().live_instances().map(|entry| entry.id).collect()
}

/// Checks that the region has nothing left of a run: instances, pools, configurations, volumes.
pub async fn nothing_left(world: &World) {
    assert_eq!(living(world), Vec::<String>::new());
    assert_eq!(pools(world).await, []);
    assert_eq!(configurations(world).await, 0);
    assert_eq!(world.region.world().boot_volumes().count(), 0, "boot volumes");
}
