//! What people do with a run besides launching it: clean up, terminate, extend and resume, with the newest ledger, an old copy,
//! a damaged one, none, or one rebuilt on another machine. Whatever they do, nothing is deleted that the records show as
//! wanted.

use crate::{
    books,
    fuse::Fuse,
    history,
    kept::{Announced, Kept},
    region,
    setup::Setup,
    wanted::Books,
    wire::{Adrift, Wire},
};
use bytes::Bytes;
use fleet::action::{self, Options, Verb};
use fleet::cleanup::{self, EXPIRY_TAG, Scope, expiry_value};
use fleet::price::Prices;
use fleet::select::{Filter, Machine, Selection, find};
use fleet::{Environment, Plan, Sink, no_sink};
use futures_util::future::BoxFuture;
use jiff::SignedDuration;
use ledger::{Event, MemoryStore, RunId, Store};
use oci_api::Operation;
use oci_client::transport::{Transport, TransportError};
use oci_client::{Client, Clock as _};
use oci_simulator::server::Region;
use oci_simulator::world::{ApiRequest, Caller};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use std::collections::BTreeSet;
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicU64, Ordering},
};
use std::time::Duration;
use testkit::RegionClock;
use tokio_util::sync::CancellationToken;

/// No launch of this size takes longer.
const LONGEST: Duration = Duration::from_hours(48);
/// A process that dies does so at one of this many points.
const POINTS: u64 = 60;

/// The statistics of a history.
#[derive(Debug, Default)]
pub struct Told {
    pub cleanups: u64,
    /// Deletions that cleanups have sent.
    pub deletions: u64,
}

/// The wire of a cleanup: it must not delete anything wanted.
struct Guard {
    wire: Wire,
    wanted: BTreeSet<String>,
    deletions: Arc<AtomicU64>,
}

impl Transport for Guard {
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'_, Result<http::Response<Bytes>, TransportError>> {
        if request.method() == http::Method::DELETE {
            let ocid = request.uri().path().rsplit('/').next().unwrap_or_default();
            if self.wanted.contains(ocid) {
                let mut broken = self.wire.broken.lock().unwrap();
                broken.get_or_insert(format!("a cleanup deletes {ocid}, which the books want"));
            }
            self.deletions.fetch_add(1, Ordering::Relaxed);
        }
        self.wire.send(request)
    }
}

pub struct Upkeep {
    setup: Setup,
    region: Region,
    clock: Arc<RegionClock>,
    /// The complete ledger.
    books: MemoryStore,
    /// Ledgers with less information.
    copies: Vec<MemoryStore>,
    announced: Arc<Announced>,
    broken: Arc<Mutex<Option<String>>>,
    adrift: Arc<Adrift>,
    deletions: Arc<AtomicU64>,
    chance: StdRng,
    plan: Plan,
    run: RunId,
    /// Volumes that terminations have kept, whatever a ledger knows …
    kept: BTreeSet<String>,
    /// … and those that somebody kept in the console, unless the run was rolled back, which deletes all of them.
    kept_by_hand: BTreeSet<String>,
    processes: u64,
    cleanups: u64,
}

/// Plays the history of a seed. The error says which promise was broken.
pub fn play(setup: Setup) -> Result<Told, String> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let mut upkeep = Upkeep::new(setup);
        upkeep.work().await?;
        for _ in 0..upkeep.chance.random_range(4..14) {
            let pause = upkeep.chance.random_range(0..600);
            tokio::time::sleep(Duration::from_secs(pause)).await;
            upkeep.act().await?;
        }
        let deletions = upkeep.deletions.load(Ordering::Relaxed);
        Ok(Told { cleanups: upkeep.cleanups, deletions })
    })
}

impl Upkeep {
    fn new(mut setup: Setup) -> Self {
        let mut chance = StdRng::seed_from_u64(setup.seed ^ 0xC1EA);
        setup.reserve = chance.random_bool(0.3);
        setup.options.wait_timeout = Duration::from_mins(20);
        let (region, clock) = region::open(&setup);
        let mut plan = region::plan(&setup, &region);
        if let Some(reserve) = &mut plan.reserve {
            reserve.release = chance.random_bool(0.5);
        }
        if chance.random_bool(0.3) {
            let until = clock.now() + SignedDuration::from_mins(chance.random_range(1..90));
            let tags = plan.fleet.template.freeform_tags.get_or_insert_default();
            tags.insert(EXPIRY_TAG.to_owned(), expiry_value(until));
        }
        let books = MemoryStore::new();
        let run = RunId::new(clock.now(), [7; 10]);
        Self {
            setup,
            region,
            clock,
            books,
            copies: vec![MemoryStore::new()],
            announced: Arc::default(),
            broken: Arc::default(),
            adrift: Arc::default(),
            deletions: Arc::default(),
            chance,
            plan,
            run,
            kept: BTreeSet::new(),
            kept_by_hand: BTreeSet::new(),
            processes: 0,
            cleanups: 0,
        }
    }

    async fn act(&mut self) -> Result<(), String> {
        let what = self.chance.random_range(0..20);
        self.tell(&format!("{}: act {what}", self.clock.now()));
        match what {
            0..=3 => self.work().await?,
            4..=5 => {
                let copy = self.copy(false).await;
                self.copies.push(copy);
            }
            6 => {
                let copy = self.copy(true).await;
                self.copies.push(copy);
            }
            7..=8 => self.terminate().await,
            9 => self.extend().await,
            10..=11 => self.end_by_hand(),
            12 => self.rebuild().await,
            _ => self.clean_up().await?,
        }
        self.broken.lock().unwrap().take().map_or(Ok(()), Err)
    }

    /// A process launches or resumes the run; it may die.
    async fn work(&mut self) -> Result<(), String> {
        let fuse = self.fuse(0.5);
        let env = self.environment(&self.books.clone(), &fuse, BTreeSet::new());
        let known = !self.books.snapshot(self.run).is_empty();
        let (options, stop) = (&self.setup.options, CancellationToken::new());
        let working = async {
            // Other tests check why a process could not start.
            if known {
                let _ = fleet::resume(&env, self.run, options, self.sink(), stop).await;
            } else {
                let _ = fleet::launch(&env, self.run, &self.plan, options, self.sink(), stop).await;
            }
        };
        let dead = tokio::select! {
            biased;
            () = fuse.blown() => true,
            () = working => false,
            () = tokio::time::sleep(LONGEST) => true,
        };
        if dead {
            self.books.crash(self.chance.random_range(0..4));
        }
        self.broken.lock().unwrap().take().map_or(Ok(()), Err)
    }

    /// A cleanup with any existing ledger, started by a person or by cron.
    async fn clean_up(&mut self) -> Result<(), String> {
        self.cleanups += 1;
        let at = self.chance.random_range(0..=self.copies.len());
        let store = self.copies.get(at).unwrap_or(&self.books).clone();
        let named = self.chance.random_bool(0.3);
        let known = Books::read(&self.books, self.run).await;
        let mut wanted = known.wanted(&self.region, self.clock.now(), named);
        wanted.extend(self.kept.iter().cloned());
        if !known.is_rolled_back() {
            wanted.extend(self.kept_by_hand.iter().cloned());
        }
        let fuse = self.fuse(0.2);
        let env = self.environment(&store, &fuse, wanted);
        let scope = Scope {
            compartment: self.plan.fleet.compartment.clone(),
            run: named.then_some(self.run),
            expired_only: self.chance.random_bool(0.3),
            kept_volumes: false,
            made_reservations: self.chance.random_bool(0.5),
            networks: false,
            now: self.clock.now(),
        };
        self.tell(&format!("ledger {at} of {}, {scope:?}", self.copies.len()));
        let sink = self.sink();
        let domains = self.region.world().defaults().availability_domains;
        let cleaning = async {
            let evidence = cleanup::gather(&store).await.unwrap();
            let prices = Prices::default();
            let Ok(left) = cleanup::find(&env.client, &evidence, &scope, &domains, &prices).await else {
                return;
            };
            let watch = |_, _: &[String]| Arc::clone(&sink);
            // A cleanup that fails has deleted what it could.
            let _ = cleanup::delete(&env, &left, watch, CancellationToken::new()).await;
        };
        tokio::select! {
            biased;
            () = fuse.blown() => store.crash(0),
            () = cleaning => {}
        }
        self.broken.lock().unwrap().take().map_or(Ok(()), Err)
    }

    /// Somebody terminates a part of the fleet and may keep its volumes.
    async fn terminate(&mut self) {
        let fuse = self.fuse(0.3);
        let env = self.environment(&self.books.clone(), &fuse, BTreeSet::new());
        let some = self.some_machines(&env.client).await;
        let options = Options {
            keep_boot_volumes: self.chance.random_bool(0.5),
            keep_data_volumes: self.chance.random_bool(0.5),
            ..Options::new(Verb::Terminate)
        };
        let run = RunId::new(self.clock.now(), self.chance.random());
        let selection = Selection::freeze(some);
        let terminating = action::run(&env, run, &selection, &options, self.sink(), CancellationToken::new());
        let dead = tokio::select! {
            biased;
            () = fuse.blown() => true,
            // An instance whose termination the service refused still exists.
            _ = terminating => false,
        };
        if dead {
            self.books.crash(0);
        }
        self.kept.extend(Books::read(&self.books, self.run).await.kept().iter().cloned());
    }

    /// Somebody extends the expiry of a part of the fleet.
    async fn extend(&mut self) {
        let fuse = self.fuse(0.0);
        let env = self.environment(&self.books.clone(), &fuse, BTreeSet::new());
        let some = self.some_machines(&env.client).await;
        let timed: Vec<Machine> =
            some.into_iter().filter(|machine| cleanup::expiry(machine).is_some()).collect();
        let until = self.clock.now() + SignedDuration::from_mins(self.chance.random_range(1..120));
        cleanup::extend(&env.client, &timed, until, &CancellationToken::new()).await;
    }

    /// Somebody terminates an instance in the console and keeps its boot volume.
    fn end_by_hand(&mut self) {
        let live: Vec<String> = self.region.world().live_instances().map(|entry| entry.id).collect();
        if live.is_empty() {
            return;
        }
        let ocid = &live[self.chance.random_range(0..live.len())];
        let defaults = self.region.world().defaults();
        let caller = Caller { tenancy: defaults.tenancy, user: defaults.user };
        let request = ApiRequest::new(Operation::TerminateInstance, caller)
            .path("instanceId", ocid)
            .query("preserveBootVolume", "true");
        let volumes: Vec<_> = self.region.world().boot_volumes().collect();
        let ended = self.region.world().handle(&request).is_ok();
        let kept = volumes.into_iter().filter(|volume| ended && volume.used_by.as_ref() == Some(ocid));
        self.kept_by_hand.extend(kept.map(|volume| volume.id));
    }

    /// The run continues on another machine, so this one's ledger is outdated from then on.
    async fn rebuild(&mut self) {
        let rolled_back = Books::read(&self.books, self.run).await.is_rolled_back();
        if self.plan.reserve.is_some() || rolled_back || books::live(&self.region, self.run).is_empty() {
            return;
        }
        let anew = MemoryStore::new();
        let fuse = self.fuse(0.0);
        let env = self.environment(&anew, &fuse, BTreeSet::new());
        let plan = Plan { min: None, ..self.plan.clone() };
        if fleet::rebuild_from_cloud(&env, self.run, &plan, fleet::launch::LONGEST_LAG).await.is_ok() {
            self.plan = plan;
            self.copies.push(std::mem::replace(&mut self.books, anew));
        }
    }

    async fn some_machines(&mut self, client: &Client) -> Vec<Machine> {
        let filter = Filter { run: Some(self.run.to_string()), ..Filter::default() };
        let found = find(client, &self.plan.fleet.compartment, &filter).await;
        let mut machines = found.map(|found| found.machines).unwrap_or_default();
        machines.retain(|_| self.chance.random_bool(0.4));
        machines
    }

    /// A copy of the present ledger for later; in a damaged one some records cannot be read.
    async fn copy(&mut self, damaged: bool) -> MemoryStore {
        let copy = MemoryStore::new();
        for head in self.books.runs().await.unwrap() {
            let records = self.books.snapshot(head.run);
            for record in &records {
                let event: Event = record.event.clone();
                if record.seq == records[0].seq {
                    copy.create_run(head.run, record.at, event).await.unwrap();
                } else {
                    copy.append(head.run, record.at, vec![event]).await.unwrap();
                }
            }
            if damaged {
                let last = records.len() as u64;
                for _ in 0..self.chance.random_range(0..4) {
                    copy.ruin(head.run, self.chance.random_range(1..=last));
                }
            }
        }
        copy
    }

    /// Prints what happens when a single seed is replayed.
    fn tell(&self, what: &str) {
        if self.setup.loud {
            println!("{what}");
        }
    }

    fn sink(&self) -> Sink {
        if self.setup.loud { Arc::new(history::tell) } else { no_sink() }
    }

    fn fuse(&mut self, dies: f64) -> Arc<Fuse> {
        let point = if self.chance.random_bool(dies) { self.chance.random_range(1..=POINTS) } else { 0 };
        self.processes += 1;
        self.adrift.wake();
        Arc::new(Fuse::at(point))
    }

    fn environment(&self, store: &MemoryStore, fuse: &Arc<Fuse>, wanted: BTreeSet<String>) -> Environment {
        let wire = Wire {
            region: self.region.clone(),
            fuse: Arc::clone(fuse),
            announced: Arc::clone(&self.announced),
            broken: Arc::clone(&self.broken),
            arrives: AtomicBool::new(self.setup.seed.is_multiple_of(2)),
            adrift: Arc::clone(&self.adrift),
        };
        let cleans = !wanted.is_empty();
        let deletions = if cleans { Arc::clone(&self.deletions) } else { Arc::default() };
        let guard = Guard { wire, wanted, deletions };
        let seed = self.setup.seed.wrapping_add(self.processes);
        let client = testkit::client(&self.clock, seed, Arc::new(guard), &Arc::default());
        let announced = Arc::clone(&self.announced);
        let store = Kept { store: store.clone(), fuse: Arc::clone(fuse), announced };
        Environment {
            client,
            requests: None,
            store: Arc::new(store),
            memory: None,
            clock: self.clock.clone(),
            seed,
        }
    }
}
