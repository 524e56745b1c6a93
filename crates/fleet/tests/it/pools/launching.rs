//! Launches that reach their number.

use super::world::{configurations, living, plan, pools};
use crate::launch::world::World;
use ledger::Outcome;
use std::collections::BTreeSet;

#[tokio::test(start_paused = true)]
async fn two_hundred_members_take_few_requests() {
    let world = World::of("roomy");
    let (summary, records) = world.launch(&plan(&world, 200)).await;
    assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), 200));
    world.check_ledger(&summary, &records);
    let requests: u64 =
        summary.requests.values().map(|count| count.ok + count.failed + count.throttled).sum();
    assert!(requests <= 40, "{requests} requests: {:?}", summary.requests);
    assert_eq!(summary.requests.get("LaunchInstance"), None);
    let known: BTreeSet<String> = summary.instances.iter().filter_map(|row| row.ocid.clone()).collect();
    assert_eq!(known, living(&world).into_iter().collect());
}

#[tokio::test(start_paused = true)]
async fn more_than_five_hundred_take_several_pools() {
    let world = World::of("roomy");
    let (summary, _) = world.launch(&plan(&world, 620)).await;
    assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), 620));
    let sizes: BTreeSet<u32> = pools(&world).await.into_iter().map(|(_, size)| size).collect();
    assert_eq!(sizes, BTreeSet::from([120, 500]));
    assert_eq!(configurations(&world).await, 1);
    assert_eq!(living(&world).len(), 620);
}

#[tokio::test(start_paused = true)]
async fn members_carry_the_fleet_and_the_run() {
    let world = World::of("roomy");
    let (summary, _) = world.launch(&plan(&world, 3)).await;
    for entry in world.region.world().live_instances() {
        assert_eq!(entry.tags[fleet::plan::FLEET_TAG], "web");
        assert_eq!(entry.tags[fleet::plan::RUN_TAG], summary.run_id.to_string());
        assert!(fleet::plan::is_of_pool(&entry.tags[fleet::plan::ENGINE_TAG]));
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_joins_lets_the_pool_grow() {
    let world = World::of("roomy");
    let (first, _) = world.launch(&plan(&world, 10)).await;
    let mut more = plan(&world, 5);
    more.joins = Some(living(&world));
    let (second, _) = world.launch(&more).await;
    assert_eq!((second.outcome, second.running), (Some(Outcome::Complete), 5));
    let sizes: Vec<u32> = pools(&world).await.into_iter().map(|(_, size)| size).collect();
    assert_eq!((sizes, configurations(&world).await), (vec![15], 1));
    let of = |run: ledger::RunId| {
        let region = world.region.world();
        let tagged = region.live_instances().map(|entry| entry.tags[fleet::plan::RUN_TAG].clone());
        tagged.filter(|tag| *tag == run.to_string()).count()
    };
    assert_eq!(
        (of(first.run_id), of(second.run_id)),
        (10, 5),
        "members are tagged with the run that asked for them"
    );
    // Another shape of member does not join.
    let mut other = plan(&world, 2);
    other.joins = Some(living(&world));
    other.fleet.template = testkit::template(&world.defaults, 2.0);
    world.launch(&other).await;
    assert_eq!((pools(&world).await.len(), configurations(&world).await), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_refused_configuration_fails_every_slot() {
    let world = World::of("roomy");
    let mut plan = plan(&world, 4);
    plan.fleet.placements[0].shape = "VM.Standard.E99.Flex".to_owned();
    let (summary, _) = world.launch(&plan).await;
    assert_eq!((summary.outcome, summary.failed), (Some(Outcome::Nothing), 4), "{summary:?}");
}
