//! A region in which a hunt runs for days, with a witness of each launch that is sent.

use crate::launch::world::{World, recorder};
use bytes::Bytes;
use fleet::launch::{Begin, Hunting, carry_on};
use fleet::plan::HuntTerms;
use fleet::{Environment, FleetSpec, LaunchOptions, Plan, RunSummary, Sink};
use futures_util::future::BoxFuture;
use ledger::{Event, Placement, Record, RunId};
use oci_client::transport::{Transport, TransportError};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub const DAY: Duration = Duration::from_hours(24);
/// The shapes of a hunt's targets in each domain.
pub const SHAPES: [&str; 4] =
    ["VM.Standard.E5.Flex", "VM.Standard.E4.Flex", "VM.Standard.E3.Flex", "VM.Standard3.Flex"];

/// The families of these shapes.
pub const FAMILIES: [&str; 4] = ["standard-e5", "standard-e4", "standard-e3", "standard3"];

/// Records when each launch is sent.
pub struct Tap {
    inner: Arc<dyn Transport>,
    began: Instant,
    sent: Mutex<Vec<Duration>>,
    reports: Mutex<Vec<Duration>>,
}

impl Transport for Tap {
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'_, Result<http::Response<Bytes>, TransportError>> {
        if request.method() == http::Method::POST && request.uri().path().ends_with("/instances") {
            self.sent.lock().unwrap().push(self.began.elapsed());
        }
        if request.uri().path().ends_with("/computeCapacityReports") {
            self.reports.lock().unwrap().push(self.began.elapsed());
        }
        self.inner.send(request)
    }
}

/// A region with a hunt in it.
pub struct Ground {
    pub world: World,
    pub tap: Arc<Tap>,
    pub env: Environment,
}

impl Ground {
    pub fn of(scenario: &str) -> Self {
        Self::seeded(scenario, 1)
    }

    pub fn seeded(scenario: &str, seed: u64) -> Self {
        let world = World::seeded(scenario, seed);
        let tap = Arc::new(Tap {
            inner: world.wire(),
            began: Instant::now(),
            sent: Mutex::default(),
            reports: Mutex::default(),
        });
        let env = world.environment_through(tap.clone());
        Self { world, tap, env }
    }

    /// A hunt for this many instances, with the first `targets` of twelve targets.
    pub fn plan(&self, count: u32, targets: usize, floor: Duration, lasts: Duration) -> Plan {
        let places = (1..=3).flat_map(|domain| SHAPES.map(|shape| (domain, shape)));
        let placements = places.map(|(domain, shape)| Placement {
            availability_domain: self.world.domain(domain),
            shape: shape.to_owned(),
            ..Placement::default()
        });
        let fleet = self.world.fleet(count, &[1]);
        let fleet = FleetSpec { placements: placements.take(targets).collect(), ..fleet };
        let until = self.env.clock.now() + jiff::SignedDuration::try_from(lasts).unwrap();
        Plan { hunt: Some(HuntTerms::new(until, floor)), ..Plan::offline(fleet).unwrap() }
    }

    /// Hunts to the end.
    pub async fn hunt(&self, plan: &Plan) -> (RunSummary, Vec<Record>) {
        let (sink, seen) = recorder();
        let summary = self.hunt_with(plan, Hunting::default(), sink, CancellationToken::new()).await;
        let records = seen.lock().unwrap().clone();
        (summary, records)
    }

    pub async fn hunt_with(
        &self,
        plan: &Plan,
        hunting: Hunting,
        sink: Sink,
        stop: CancellationToken,
    ) -> RunSummary {
        let options = LaunchOptions { hunting, ..LaunchOptions::default() };
        let run = self.env.new_run_id();
        let hunted = carry_on(&self.env, run, Begin::New(plan), &options, sink, stop);
        tokio::time::timeout(60 * DAY, Box::pin(hunted)).await.unwrap().unwrap()
    }

    /// Resumes a hunt in another process.
    pub async fn take_up(&self, run: RunId, hunting: Hunting, stop: CancellationToken) -> RunSummary {
        let options = LaunchOptions { hunting, ..LaunchOptions::default() };
        let hunted = carry_on(&self.env, run, Begin::TakenUp, &options, fleet::no_sink(), stop);
        tokio::time::timeout(60 * DAY, Box::pin(hunted)).await.unwrap().unwrap()
    }

    /// One process of a hunt: the first, or one that resumes it.
    pub async fn begin_or_take_up(&self, run: RunId, plan: &Plan, is_first: bool) -> RunSummary {
        let is_known = !is_first && !self.world.store.snapshot(run).is_empty();
        let begin = if is_known { Begin::TakenUp } else { Begin::New(plan) };
        let (options, stop) = (LaunchOptions::default(), CancellationToken::new());
        carry_on(&self.env, run, begin, &options, fleet::no_sink(), stop).await.unwrap()
    }

    /// When each launch was sent, since the start.
    pub fn sent(&self) -> Vec<Duration> {
        self.tap.sent.lock().unwrap().clone()
    }
}

impl Ground {
    /// When each capacity report was asked for, since the start.
    pub fn reports(&self) -> Vec<Duration> {
        self.tap.reports.lock().unwrap().clone()
    }
}

/// The shortest interval between two of these times.
pub fn least_gap(sent: &[Duration]) -> Duration {
    sent.windows(2).map(|two| two[1].saturating_sub(two[0])).min().unwrap_or(Duration::MAX)
}

/// When the first instance was accepted, since `began`.
pub fn first_launched(records: &[Record], began: jiff::Timestamp) -> Duration {
    let first = records.iter().find(|record| matches!(record.event, Event::Launched { .. })).unwrap();
    first.at.duration_since(began).try_into().unwrap()
}

/// A number from the environment, for longer runs than the usual tests.
pub fn limit(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// The first seed: `HUNT_FIRST`, or one that nobody has chosen.
pub fn first_seed() -> u64 {
    let first = limit("HUNT_FIRST", testkit::random_base());
    println!("seeds from HUNT_FIRST={first}");
    first
}

/// Plays each seed from the start of virtual time, on as many threads as `HUNT_THREADS` says. A broken promise ends its thread,
/// and the test once the others are done. Returns the last seed.
pub fn play(seeds: impl Iterator<Item = u64> + Send, one: impl AsyncFn(u64) + Sync) -> u64 {
    let seeds = Mutex::new((seeds, 0));
    let next = || {
        let (seeds, last) = &mut *seeds.lock().unwrap();
        seeds.next().inspect(|seed| *last = *seed)
    };
    let work = || {
        while let Some(seed) = next() {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
            runtime.unwrap().block_on(one(seed));
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..limit("HUNT_THREADS", 1) {
            scope.spawn(work);
        }
        work();
    });
    seeds.into_inner().unwrap().1
}
