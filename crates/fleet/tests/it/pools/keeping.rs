//! A fleet of pools is kept at its size, whoever changes it.

use super::world::{living, plan, pools};
use crate::launch::world::{World, count};
use fleet::fleets::{FleetKey, KeepEnd, KeepOptions, Keeper};
use fleet::history::find_namesakes;
use fleet::{Engine, LaunchOptions};
use ledger::Event;
use oci_api::models::UpdateInstancePoolDetails;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Keeps the fleet of this size once.
async fn keep(world: &World, count: u32) -> KeepEnd {
    let plan = plan(world, count);
    assert_eq!(plan.fleet.engine, Engine::InstancePool);
    let every = Duration::from_secs(30);
    let options = KeepOptions { every, once: true, restart_stopped: false, launch: LaunchOptions::default() };
    let (env, key, tell) = (world.environment(), FleetKey::new(&plan.fleet, None), |_| ());
    let mut keeper = Keeper::new(&env, &plan, key, &options, &tell, CancellationToken::new()).await.unwrap();
    keeper.keep().await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_terminated_member_is_replaced_once() {
    for pause_s in [0, 1, 5, 20, 60, 300] {
        let world = World::of("roomy");
        world.launch(&plan(&world, 12)).await;
        let client = world.environment().client;
        for victim in &living(&world)[..2] {
            client.terminate_instance(victim, false, false, None).await.unwrap();
        }
        // The pool replaces them meanwhile, or not yet.
        tokio::time::sleep(Duration::from_secs(pause_s)).await;
        assert_eq!(keep(&world, 12).await, KeepEnd::Kept, "after {pause_s} s");
        tokio::time::sleep(Duration::from_mins(10)).await;
        assert_eq!((living(&world).len(), pools(&world).await[0].1), (12, 12), "after {pause_s} s");
    }
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_was_changed_by_hand_gets_its_size_back() {
    let world = World::of("roomy");
    world.launch(&plan(&world, 12)).await;
    let pool = pools(&world).await[0].0.clone();
    let smaller = UpdateInstancePoolDetails { size: Some(7), ..UpdateInstancePoolDetails::default() };
    world.environment().client.update_instance_pool(&pool, &smaller).await.unwrap();
    tokio::time::sleep(Duration::from_mins(10)).await;
    assert_eq!(living(&world).len(), 7);
    assert_eq!(keep(&world, 12).await, KeepEnd::Kept);
    assert_eq!((living(&world).len(), pools(&world).await), (12, vec![(pool, 12)]));
}

#[tokio::test(start_paused = true)]
async fn a_complete_run_undoes_no_later_change() {
    let world = World::of("roomy");
    let (summary, _) = world.launch(&plan(&world, 12)).await;
    let pool = pools(&world).await[0].0.clone();
    let smaller = UpdateInstancePoolDetails { size: Some(7), ..UpdateInstancePoolDetails::default() };
    world.environment().client.update_instance_pool(&pool, &smaller).await.unwrap();
    tokio::time::sleep(Duration::from_mins(10)).await;
    let (again, records) = world.resume(summary.run_id).await;
    assert_eq!((again.outcome, again.running), (summary.outcome, 12));
    assert_eq!(count(&records, |event| matches!(event, Event::Warning { .. })), 0);
    tokio::time::sleep(Duration::from_mins(10)).await;
    assert_eq!((living(&world).len(), pools(&world).await), (7, vec![(pool, 7)]));
}

#[tokio::test(start_paused = true)]
async fn a_second_launch_finds_the_members_by_their_tags() {
    let world = World::of("roomy");
    let plan = plan(&world, 12);
    world.launch(&plan).await;
    let env = world.environment();
    let (client, now) = (env.client, env.clock.now());
    // Another machine has no records of it.
    let found = find_namesakes(&client, None, &plan.fleet, None, now).await.unwrap().found;
    assert_eq!(found.map(|found| (found.living, found.runs.len())), Some((12, 1)));
    let mut direct = plan.fleet.clone();
    direct.engine = Engine::Instances;
    let found = find_namesakes(&client, None, &direct, None, now).await.unwrap().found;
    assert_eq!(found.map(|found| found.living), Some(12));
    let mut other = plan.fleet.clone();
    (other.name, other.name_prefix) = ("other".to_owned(), "other".to_owned());
    assert!(find_namesakes(&client, None, &other, None, now).await.unwrap().found.is_none());
}
