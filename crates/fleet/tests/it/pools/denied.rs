//! The service says 404 to somebody who may not do something, as it does for what is gone.

use super::world::{configurations, living, plan, pools};
use crate::launch::world::World;
use fleet::action::{self, Options, Verb};
use fleet::cleanup::{self, Leftovers};
use fleet::fleets::{FleetKey, take_census};
use fleet::no_sink;
use fleet::pool;
use fleet::select::Selection;
use ledger::{EnginePart, Store as _};
use serde_json::json;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

fn deny(world: &World, operation: &str) {
    let answer = json!({"status": 404, "code": "NotAuthorizedOrNotFound"});
    let rules = json!([{"operations": [operation], "fault": {"answer": answer}}]);
    world.region.replace_faults(&serde_json::from_value::<Vec<_>>(rules).unwrap());
}

/// Deletes the pools and configurations of the region; how many were deleted, and how many were not.
async fn delete(world: &World) -> (usize, usize) {
    let (env, compartment) = (world.environment(), &world.defaults.compartment);
    let client = env.client.at(None);
    let left = |part, row: pool::EngineRow| cleanup::LeftPart {
        part,
        ocid: row.ocid,
        name: row.name,
        run: row.run.unwrap().to_string(),
        why: String::new(),
    };
    let owners = pool::with_owners(&client, compartment).await.unwrap();
    let rows = pool::configurations(&client, compartment).await.unwrap();
    let owners = owners.into_iter().map(|(_, (part, row))| left(part, row));
    let rows = rows.into_iter().map(|row| left(EnginePart::InstanceConfiguration, row));
    let mut found = Leftovers { parts: owners.chain(rows).collect(), ..Leftovers::default() };
    for head in world.store.runs().await.unwrap() {
        found.read_to.insert(head.run, world.store.snapshot(head.run).last().unwrap().seq);
    }
    let done = cleanup::delete(&env, &found, |_, _| no_sink(), CancellationToken::new()).await.unwrap();
    (done.deleted.len(), done.failed.len())
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_may_not_be_deleted_is_not_told_as_gone() {
    for operation in ["TerminateInstancePool", "DeleteInstanceConfiguration"] {
        let world = World::of("roomy");
        world.launch(&plan(&world, 4)).await;
        deny(&world, operation);
        let (deleted, failed) = delete(&world).await;
        assert!(failed > 0, "{operation}: {deleted} deleted, {failed} not");
        assert_eq!(configurations(&world).await, 1, "{operation}");
        world.region.replace_faults(&[]);
        assert_eq!(delete(&world).await.1, 0, "{operation}");
        assert_eq!((living(&world).len(), configurations(&world).await), (0, 0), "{operation}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_member_that_may_not_leave_is_not_terminated() {
    let world = World::of("roomy");
    let plan = plan(&world, 4);
    world.launch(&plan).await;
    let env = world.environment();
    let census = take_census(&env, &plan.fleet, &FleetKey::new(&plan.fleet, None)).await.unwrap();
    let machine = census.members[0].machine.clone();
    let selection = Selection::freeze(vec![machine.clone()]);
    let options = Options::new(Verb::Terminate);
    let end =
        || action::run(&env, env.new_run_id(), &selection, &options, no_sink(), CancellationToken::new());
    deny(&world, "DetachInstancePoolInstance");
    let refused = end().await.unwrap();
    assert_ne!(refused.outcome, Some(ledger::Outcome::Complete));
    tokio::time::sleep(Duration::from_mins(10)).await;
    // The pool would have launched another one.
    assert!(living(&world).contains(&machine.ocid));
    world.region.replace_faults(&[]);
    end().await.unwrap();
    tokio::time::sleep(Duration::from_mins(10)).await;
    assert_eq!((living(&world).len(), pools(&world).await[0].1), (3, 3));
}
