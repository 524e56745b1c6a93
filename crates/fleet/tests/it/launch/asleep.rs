//! A machine that sleeps while it waits for a response: the response shows what was there before, however long ago that is now.

use super::world::{World, recorder};
use bytes::Bytes;
use fleet::fleets::{FleetKey, take_census};
use fleet::{LaunchOptions, Plan, RunSummary};
use futures_util::future::BoxFuture;
use ledger::{Event, Outcome, Record};
use oci_client::transport::{Transport, TransportError};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const HIDDEN: &str =
    "faults: [{operations: [GetInstance], fault: {answer: {status: 404}}, for_seconds: 3600}]";

/// What is being read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    List,
    Instance,
}

/// The machine sleeps for 30 hours once, when this reading has received so many responses.
struct Sleepy {
    inner: Arc<dyn Transport>,
    at: (Reading, u32),
    read: AtomicU32,
}

impl Sleepy {
    fn new(world: &World, at: (Reading, u32)) -> Arc<Self> {
        Arc::new(Self { inner: world.wire(), at, read: AtomicU32::new(0) })
    }

    fn has_slept(&self) -> bool {
        self.read.load(Ordering::Relaxed) >= self.at.1
    }
}

impl Transport for Sleepy {
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'_, Result<http::Response<Bytes>, TransportError>> {
        let path = request.uri().path();
        let reading = if path.ends_with("/instances") { Reading::List } else { Reading::Instance };
        let counts =
            request.method() == http::Method::GET && path.contains("/instances") && reading == self.at.0;
        Box::pin(async move {
            let answer = self.inner.send(request).await;
            if counts && self.read.fetch_add(1, Ordering::Relaxed) + 1 == self.at.1 {
                tokio::time::advance(Duration::from_hours(30)).await;
            }
            answer
        })
    }
}

async fn launch(
    world: &World,
    at: (Reading, u32),
    plan: &Plan,
    options: &LaunchOptions,
) -> (RunSummary, Vec<Record>) {
    let wire = Sleepy::new(world, at);
    let env = world.environment_through(wire.clone());
    let (sink, seen) = recorder();
    let running = fleet::launch(&env, env.new_run_id(), plan, options, sink, CancellationToken::new());
    let summary = running.await.unwrap();
    assert!(wire.has_slept());
    let records = seen.lock().unwrap().clone();
    (summary, records)
}

/// The list lags, and no instance can be read: the first poll misses all four, the second one sleeps after its list.
#[tokio::test(start_paused = true)]
async fn a_list_from_before_a_sleep_proves_no_loss() {
    for reads in 5..=8 {
        let world = World::of(&format!("world: {{list_lag_seconds: 76}}\n{HIDDEN}"));
        let at = (Reading::Instance, reads);
        let (summary, records) = launch(&world, at, &world.plan(4, &[]), &LaunchOptions::default()).await;
        let died = records.iter().filter(|record| matches!(record.event, Event::InstanceDied { .. }));
        assert_eq!(died.count(), 0, "{reads}");
        assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), 4), "{reads}");
        world.check_books(&summary);
    }
}

/// A launch whose response is lost at the deadline, and a list that does not show its instance yet.
#[tokio::test(start_paused = true)]
async fn a_list_from_before_a_sleep_ends_no_rollback() {
    let lost = "faults: [{operations: [launch], fault: reset_after}]";
    for lists in 1..=3 {
        let world = World::of(&format!("world: {{list_lag_seconds: 60}}\n{lost}"));
        let plan = Plan { min: Some(2), ..world.plan(2, &[]) };
        let options = LaunchOptions { deadline: Some(Duration::from_secs(5)), ..LaunchOptions::default() };
        let (summary, _) = launch(&world, (Reading::List, lists), &plan, &options).await;
        let left = world.live();
        assert!(left.is_empty() || summary.outcome != Some(Outcome::GivenBack), "{lists}: {left:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_from_before_a_sleep_shortens_no_fleet() {
    for at in [(Reading::List, 1), (Reading::Instance, 1), (Reading::Instance, 3)] {
        let world = World::of(&format!("world: {{list_lag_seconds: 60}}\n{HIDDEN}"));
        let options = LaunchOptions { wait: false, ..LaunchOptions::default() };
        let (summary, _) = world.launch_with(&world.plan(3, &[]), &options, CancellationToken::new()).await;
        assert_eq!(summary.launched, 3);
        let wire = Sleepy::new(&world, at);
        let (env, fleet) = (world.environment_through(wire.clone()), world.fleet(0, &[1, 2, 3]));
        let census = take_census(&env, &fleet, &FleetKey::new(&fleet, None)).await.unwrap();
        assert_eq!(census.count(), 3);
        assert!(wire.has_slept());
    }
}
