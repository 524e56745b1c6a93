//! What is told of pools whose records are lost, or whose members no record knows.

use super::world::{living, plan};
use crate::launch::world::World;
use fleet::cleanup::{Scope, find, gather};
use fleet::price::Prices;
use fleet::{Engine, Plan};
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn a_replacement_of_a_pool_is_no_leftover() {
    let world = World::of("roomy");
    let (summary, _) = world.launch(&plan(&world, 4)).await;
    let env = world.environment();
    env.client.terminate_instance(&living(&world)[0], false, false, None).await.unwrap();
    tokio::time::sleep(Duration::from_mins(30)).await;
    assert_eq!(living(&world).len(), 4);
    let evidence = gather(&world.store).await.unwrap();
    let scope = Scope {
        compartment: world.defaults.compartment.clone(),
        run: None,
        expired_only: false,
        kept_volumes: false,
        made_reservations: false,
        networks: true,
        now: env.clock.now(),
    };
    let left = find(&env.client, &evidence, &scope, &[], &Prices::default()).await.unwrap();
    assert!(left.instances.is_empty() && left.parts.is_empty(), "{left:?}");
    let [note] = left.notes.as_slice() else { panic!("{:?}", left.notes) };
    assert!(note.contains("an instance pool of the fleet launched it"), "{note}");
    assert!(note.contains(&summary.run_id.to_string()) && !note.contains("terminate"), "{note}");
}

#[tokio::test(start_paused = true)]
async fn lost_records_of_pools_are_told_with_what_to_do() {
    let mut world = World::of("roomy");
    let plan = plan(&world, 4);
    let (summary, _) = world.launch(&plan).await;
    world.store = ledger::MemoryStore::new();
    let env = world.environment();
    let rebuilt = fleet::rebuild_from_cloud(&env, summary.run_id, &plan, Duration::ZERO).await;
    let said = rebuilt.unwrap_err().to_string();
    assert!(said.contains("it launched by instance pools") && said.contains("4 members"), "{said}");
    assert!(said.contains("`scale N`") && said.contains(&summary.run_id.to_string()), "{said}");
}

#[tokio::test(start_paused = true)]
async fn single_launches_are_not_rebuilt_as_members() {
    let mut world = World::of("roomy");
    let mut single = plan(&world, 2).fleet;
    single.engine = Engine::Instances;
    let (summary, _) = world.launch(&Plan::offline(single).unwrap()).await;
    world.store = ledger::MemoryStore::new();
    let env = world.environment();
    let rebuilt = fleet::rebuild_from_cloud(&env, summary.run_id, &plan(&world, 2), Duration::ZERO).await;
    let said = rebuilt.unwrap_err().to_string();
    assert!(said.contains("launched one by one") && said.contains("--set"), "{said}");
}
