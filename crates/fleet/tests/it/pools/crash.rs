//! The process dies at any await: exactly the wanted number of members, and no pool or configuration twice or left.

use super::short::{large, tight};
use super::world::{configurations, living, nothing_left, plan, pools};
use crate::launch::crash::{Mortal, crash_and_resume_plan};
use crate::launch::world::World;
use fleet::history::find_unfinished;
use fleet::{Engine, LaunchOptions, no_sink};
use ledger::{Outcome, RunState};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

#[test]
fn a_death_doubles_neither_pool_nor_member() {
    for seed in 0..40 {
        played(async {
            let world = World::seeded("roomy", seed);
            let plan = plan(&world, 45);
            assert_eq!(plan.fleet.engine, Engine::InstancePool);
            let summary = crash_and_resume_plan(&world, &plan).await;
            assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), 45), "seed {seed}");
            let sizes: Vec<u32> = pools(&world).await.into_iter().map(|(_, size)| size).collect();
            assert_eq!((sizes, configurations(&world).await), (vec![45], 1), "seed {seed}");
            let known: BTreeSet<String> =
                summary.instances.iter().filter_map(|row| row.ocid.clone()).collect();
            assert_eq!(known, living(&world).into_iter().collect(), "seed {seed}");
            world.region.world().check_invariants().unwrap();
        });
    }
}

#[test]
fn a_death_in_a_growth_orders_no_member_twice() {
    for seed in 0..20 {
        played(async {
            let world = World::seeded("roomy", seed);
            world.launch(&plan(&world, 8)).await;
            let mut more = plan(&world, 7);
            more.joins = Some(living(&world));
            let summary = crash_and_resume_plan(&world, &more).await;
            assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), 7), "seed {seed}");
            let sizes: Vec<u32> = pools(&world).await.into_iter().map(|(_, size)| size).collect();
            assert_eq!((sizes, configurations(&world).await), (vec![15], 1), "seed {seed}");
            assert_eq!(living(&world).len(), 15, "seed {seed}");
        });
    }
}

#[test]
fn a_death_in_a_rollback_leaves_nothing() {
    for seed in 0..20 {
        played(async {
            let world = tight(seed);
            let mut plan = large(&world, 100);
            plan.min = Some(80);
            let summary = crash_and_resume_plan(&world, &plan).await;
            assert_eq!(summary.outcome, Some(Outcome::GivenBack), "seed {seed}: {:?}", summary.warnings);
            nothing_left(&world).await;
        });
    }
}

#[test]
fn every_await_of_a_creation_may_be_the_last() {
    for polls in 1..60 {
        played(async {
            let world = World::seeded("roomy", 7);
            world.store.set_sync_delay(Duration::from_millis(3));
            let (env, plan) = (world.environment(), plan(&world, 5));
            let (run, options) = (env.new_run_id(), LaunchOptions::default());
            let launch = fleet::launch(&env, run, &plan, &options, no_sink(), CancellationToken::new());
            if Mortal::new(launch, polls).await.is_none() {
                world.store.crash(0);
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
            // Another launch must not overlook what is there.
            let now = world.environment().clock.now();
            let unfinished = find_unfinished(&world.store, &plan.fleet, None, now).await.unwrap();
            let is_open = RunState::fold(run, &world.store.snapshot(run)).outcome.is_none();
            let is_there = is_open && configurations(&world).await > 0;
            assert!(!is_there || unfinished.is_some(), "dead after {polls} polls");
            if !world.store.snapshot(run).is_empty() {
                world.resume(run).await;
                let sizes: Vec<u32> = pools(&world).await.into_iter().map(|(_, size)| size).collect();
                assert_eq!((sizes, configurations(&world).await), (vec![5], 1), "dead after {polls} polls");
                assert_eq!(living(&world).len(), 5, "dead after {polls} polls");
            }
        });
    }
}

pub fn played(history: impl Future<Output = ()>) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(history);
}
