//! One history: processes that die and are followed by others, until one survives; then a calm region, in which the run must
//! come to its end.

use crate::{
    books,
    fuse::Fuse,
    kept::{Announced, Kept},
    region,
    setup::Setup,
    wanting::Wanting,
    wire::{Adrift, Wire},
};
use fleet::{Environment, LaunchOptions, Plan, RunError, RunSummary};
use ledger::{
    LedgerError, MemoryStore, Outcome, Record, RunId, RunState, SlotState, capacity::VolatileMemory,
};
use oci_client::RequestCounts;
use oci_simulator::server::Region;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use std::{
    sync::{Arc, Mutex, atomic::AtomicBool},
    time::Duration,
};
use testkit::RegionClock;
use tokio_util::sync::CancellationToken;

/// No process works longer on a run of this size with several launches in flight …
const LONGEST: Duration = Duration::from_hours(12);
/// … or, with one at a time, each of which may hang for a minute repeatedly, longer than this many times that.
const ALONE: u32 = 4;
/// A sleeping machine sleeps for longer than retry tokens last.
const NAP: Duration = Duration::from_hours(30);
/// The maximum number of processes in a calm region.
const CALM_PROCESSES: u32 = 4;

/// The statistics of a history.
#[derive(Debug, Default)]
pub struct Told {
    /// Launches that the region accepted.
    pub launches: u64,
    pub processes: u32,
    pub records: Vec<Record>,
    pub requests: u64,
    pub virtual_time: Duration,
}

pub struct History {
    setup: Setup,
    region: Region,
    clock: Arc<RegionClock>,
    store: MemoryStore,
    /// The machine's memory of targets, shared by its processes.
    memory: Arc<VolatileMemory>,
    announced: Arc<Announced>,
    broken: Arc<Mutex<Option<String>>>,
    adrift: Arc<Adrift>,
    chance: StdRng,
    /// For later additions: a seed draws everything else as before.
    apart: StdRng,
    /// Draws what the disk loses.
    disk: StdRng,
    damaged: bool,
    plan: Plan,
    run: RunId,
    processes: u32,
}

/// How a process ended.
enum Ended {
    Dead,
    /// By itself, with or without being told to stop before.
    Itself {
        summary: Box<RunSummary>,
        stopped: bool,
    },
    /// It could not begin.
    NotBegun,
}

/// Plays the history of a seed. The error says which promise was broken.
pub fn play(setup: Setup) -> Result<Told, String> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let start = tokio::time::Instant::now();
        let mut history = History::new(setup);
        history.storm().await?;
        if history.setup.amnesia {
            history.rebuild().await?;
        }
        history.calm().await?;
        let stats = history.region.stats();
        let launch = stats.operations.get("LaunchInstance");
        Ok(Told {
            launches: launch.map_or(0, |launch| launch.ok),
            processes: history.processes,
            records: history.store.snapshot(history.run),
            requests: stats.requests,
            virtual_time: start.elapsed(),
        })
    })
}

impl History {
    fn new(setup: Setup) -> Self {
        let (region, clock) = region::open(&setup);
        let plan = region::plan(&setup, &region);
        let store = MemoryStore::new();
        store.set_sync_delay(setup.sync);
        let chance = StdRng::seed_from_u64(setup.seed ^ 0x5AFE);
        let apart = StdRng::seed_from_u64(setup.seed ^ 0xA9A7);
        let disk = StdRng::seed_from_u64(setup.seed ^ 0xD15C);
        let mut history = Self {
            setup,
            region,
            clock,
            store,
            memory: Arc::default(),
            announced: Arc::default(),
            broken: Arc::default(),
            adrift: Arc::default(),
            chance,
            apart,
            disk,
            damaged: false,
            plan,
            run: RunId::new(jiff::Timestamp::UNIX_EPOCH, [0; 10]),
            processes: 0,
        };
        history.run = history.environment(&Arc::default()).new_run_id();
        history
    }

    /// Processes die, are interrupted, or find their disk full, until one ends by itself.
    async fn storm(&mut self) -> Result<(), String> {
        for _ in 0..=self.setup.deaths {
            let ended = self.process(true).await?;
            self.check(&ended)?;
            match ended {
                Ended::Itself { stopped: false, .. } => return Ok(()),
                Ended::Dead => self.store.crash(self.chance.random_range(0..4)),
                Ended::Itself { .. } | Ended::NotBegun => {}
            }
            if self.disk.random_bool(self.setup.damage) {
                self.damage();
            }
            let pause = if self.chance.random_bool(self.setup.next_day) {
                Duration::from_hours(30)
            } else {
                Duration::from_millis(self.chance.random_range(0..10_000))
            };
            tokio::time::sleep(pause).await;
        }
        Ok(())
    }

    /// A bad disk: records are lost, except the first, which contains the plan.
    fn damage(&mut self) {
        let last = self.store.snapshot(self.run).last().map_or(1, |record| record.seq);
        self.damaged = true;
        let lost = self.disk.random_range(1..=8);
        for _ in 0..lost {
            if last > 1 {
                self.store.ruin(self.run, self.disk.random_range(2..=last));
            }
        }
    }

    /// Only what the region lacks can fail any more: the run must come to its end.
    async fn calm(&mut self) -> Result<(), String> {
        self.region.replace_faults(&[]);
        self.setup.options = LaunchOptions { max_attempts: 12, ..LaunchOptions::default() };
        let mut reason = String::new();
        for _ in 0..CALM_PROCESSES {
            tokio::time::sleep(Duration::from_mins(2)).await;
            let ended = self.process(false).await?;
            self.check(&ended)?;
            let live = books::live(&self.region, self.run);
            match self.settled(&live).await {
                Ok(()) => return Ok(()),
                Err(still) => reason = still,
            }
        }
        Err(reason)
    }

    /// Whether everything is as it should be at the end.
    async fn settled(&self, live: &books::Live) -> Result<(), String> {
        let state = self.state();
        let given_back = state.giving_back.is_some();
        if given_back && !live.is_empty() {
            return Err(format!("the run was given back, and {} instances live", live.len()));
        }
        if let Some(wanting) = &self.setup.wanting {
            wanting.settled(&self.region, live, &state, self.setup.roomy())?;
        } else if !given_back {
            // A run that reserves ends if nothing could be reserved; then no slot was tried.
            let all = self.setup.roomy() && !self.setup.reserve;
            let tried = !self.setup.reserve || !state.slots.is_empty();
            if tried {
                books::settled(&self.region, live, &state, all)?;
            }
        }
        // A run that reaches its totals is never rolled back.
        let reached = |wanting: &Wanting| wanting.is_reached(&self.region, self.run);
        let reached = self.setup.wanting.as_ref().is_some_and(reached);
        if let Some(min) = self.plan.min.filter(|_| !reached) {
            books::at_least_or_nothing(&self.region, live, &state, min)?;
            if books::obtained(&self.region, live, &state) < min as usize {
                books::no_volume_left(&self.region, live).await?;
            }
        }
        books::nothing_held(&self.region)
    }

    fn state(&self) -> RunState {
        RunState::fold(self.run, &self.store.snapshot(self.run))
    }

    fn check(&self, ended: &Ended) -> Result<(), String> {
        if let Some(reason) = self.broken.lock().unwrap().take() {
            return Err(reason);
        }
        let live = books::live(&self.region, self.run);
        books::nothing_doubled(&self.region, &live)?;
        books::of_listed_kinds(&self.region, self.run, &self.plan.fleet)?;
        if let Some(wanting) = &self.setup.wanting {
            wanting.no_more_than_needed(&self.region, self.run, &live)?;
        }
        match ended {
            Ended::Itself { summary, stopped } => {
                let short = matches!(summary.outcome, Some(Outcome::NotAuthenticated | Outcome::Interrupted));
                // Nothing could be reserved: no slot was tried, and the warnings say why.
                let none = self.setup.reserve && summary.instances.iter().all(|row| row.attempts == 0);
                let state = self.state();
                books::nothing_forgotten(&state)?;
                // A process that was told to stop had no time to look for what the lost records knew.
                if !(self.damaged && (*stopped || short)) {
                    // Slots that were not needed never began.
                    let some = *stopped || short || none || self.setup.wanting.is_some();
                    books::nothing_unknown(&live, &state, some)?;
                }
                if *stopped || short {
                    return Ok(());
                }
                self.check_end(&live, &state)
            }
            Ended::Dead | Ended::NotBegun => Ok(()),
        }
    }

    /// Checks what a process that has ended by itself leaves behind, before another one resumes the run.
    fn check_end(&self, live: &books::Live, state: &RunState) -> Result<(), String> {
        // Unknown results are reported as such, and the run continues.
        let known = state.outcome != Some(Outcome::InDoubt);
        // A run that does not wait has counted what was accepted; some of it may fail later.
        let counts = known && self.setup.options.wait && !self.setup.options.keep_partial;
        // An instance that ran and was terminated without a record counts as reached, and is no reason to roll the rest back.
        let gone = |slot: &SlotState| slot.error.as_ref().is_some_and(|error| error.class == "gone");
        let counts = counts && !state.slots.values().any(|slot| gone(slot));
        let reached = |wanting: &Wanting| wanting.is_reached(&self.region, self.run);
        let reached = self.setup.wanting.as_ref().is_some_and(reached);
        if let Some(min) = self.plan.min.filter(|_| counts && !reached) {
            books::at_least_or_nothing(&self.region, live, state, min)?;
        }
        books::nothing_held_untold(&self.region, state)
    }

    /// The ledger is lost, and the run is rebuilt from the tags of its instances by processes that may die as well.
    async fn rebuild(&mut self) -> Result<(), String> {
        if self.plan.reserve.is_some() || books::live(&self.region, self.run).is_empty() {
            return Ok(());
        }
        // The tags do not contain the minimum.
        (self.setup.min, self.plan.min) = (None, None);
        self.region.replace_faults(&[]);
        // The machine may have been about to sleep when the last process ended.
        self.adrift.wake();
        let lost = std::mem::replace(&mut self.store, MemoryStore::new());
        self.store.set_sync_delay(self.setup.sync);
        for point in [self.chance.random_range(1..8), 0] {
            let fuse = Arc::new(Fuse::at(point));
            let env = self.environment(&fuse);
            let rebuilding =
                fleet::rebuild_from_cloud(&env, self.run, &self.plan, fleet::launch::LONGEST_LAG);
            tokio::select! {
                biased;
                () = fuse.blown() => self.store.crash(0),
                rebuilt = rebuilding => match rebuilt {
                    // The process that died had come far enough for `resume`.
                    Ok(_) | Err(RunError::Ledger(LedgerError::RunExists { .. })) => return Ok(()),
                    // All its instances have been terminated: only the ledger still knows the run.
                    Err(RunError::NotResumable { .. }) => {
                        self.store = lost;
                        return Ok(());
                    }
                    Err(error) => return Err(format!("the run could not be rebuilt: {error}")),
                },
            }
        }
        Err("the run was not rebuilt".to_owned())
    }

    fn environment(&self, fuse: &Arc<Fuse>) -> Environment {
        let requests = Arc::new(RequestCounts::default());
        let wire = Wire {
            region: self.region.clone(),
            fuse: Arc::clone(fuse),
            announced: Arc::clone(&self.announced),
            broken: Arc::clone(&self.broken),
            arrives: AtomicBool::new(self.setup.seed.is_multiple_of(2)),
            adrift: Arc::clone(&self.adrift),
        };
        let seed = self.setup.seed.wrapping_add(u64::from(self.processes));
        let client = testkit::client(&self.clock, seed, Arc::new(wire), &requests);
        let store = Kept {
            store: self.store.clone(),
            fuse: Arc::clone(fuse),
            announced: Arc::clone(&self.announced),
        };
        Environment {
            client,
            requests: Some(requests),
            store: Arc::new(store),
            memory: Some(self.memory.clone()),
            clock: self.clock.clone(),
            seed,
        }
    }

    /// A process resumes the run, and lives as long as the seed says.
    async fn process(&mut self, mortal: bool) -> Result<Ended, String> {
        self.processes += 1;
        self.adrift.wake();
        if self.setup.loud {
            println!("process {}, {}", self.processes, if mortal { "in the storm" } else { "in the calm" });
        }
        let dies = mortal && self.processes <= self.setup.deaths;
        let by_clock = dies && self.chance.random_bool(self.setup.by_clock);
        let point = if dies && !by_clock { self.chance.random_range(1..=self.setup.points) } else { 0 };
        let naps = mortal && self.apart.random_bool(self.setup.naps);
        let tired = Duration::from_millis(self.apart.random_range(0..30_000));
        let longest = if self.setup.options.max_concurrency == 1 { LONGEST * ALONE } else { LONGEST };
        let longest = if naps { longest + NAP } else { longest };
        let moment =
            if by_clock { Duration::from_millis(self.chance.random_range(0..120_000)) } else { longest };
        let full = mortal && self.chance.random_bool(self.setup.disk_full);
        self.store.fail_after(full.then(|| self.chance.random_range(1..100)));
        let stop = CancellationToken::new();
        let interrupted = mortal && self.chance.random_bool(self.setup.interrupts);
        let patience = Duration::from_millis(self.chance.random_range(0..60_000));
        let fuse = Arc::new(Fuse::at(point));
        let running = self.work(&fuse, stop.clone());
        let interrupting = async {
            if interrupted {
                tokio::time::sleep(patience).await;
                stop.cancel();
            }
            std::future::pending::<()>().await;
        };
        let napping = async {
            if naps {
                tokio::time::sleep(tired).await;
                self.adrift.nap(NAP).await;
            }
            std::future::pending::<()>().await;
        };
        let ended = tokio::select! {
            biased;
            () = fuse.blown() => Ok(Ended::Dead),
            () = interrupting => Ok(Ended::Dead),
            () = napping => Ok(Ended::Dead),
            ended = running => ended,
            () = tokio::time::sleep(moment) => {
                if by_clock { Ok(Ended::Dead) } else { Err(format!("a process is still busy after {longest:?}")) }
            }
        };
        self.store.fail_after(None);
        let broke = |summary: &RunSummary| summary.outcome == Some(Outcome::LedgerFailed);
        match ended? {
            Ended::Itself { summary, .. } => {
                let stopped = stop.is_cancelled() || broke(&summary);
                Ok(Ended::Itself { summary, stopped })
            }
            other => Ok(other),
        }
    }

    async fn work(&self, fuse: &Arc<Fuse>, stop: CancellationToken) -> Result<Ended, String> {
        let env = self.environment(fuse);
        let options = &self.setup.options;
        let sink = if self.setup.loud { Arc::new(tell) } else { fleet::no_sink() };
        let known = !self.store.snapshot(self.run).is_empty();
        let ended = if known {
            fleet::resume(&env, self.run, options, sink, stop).await
        } else {
            fleet::launch(&env, self.run, &self.plan, options, sink, stop).await
        };
        match ended {
            Ok(summary) => Ok(Ended::Itself { summary: Box::new(summary), stopped: false }),
            Err(error) => {
                if self.setup.loud {
                    println!("the process could not begin: {error}");
                }
                Ok(Ended::NotBegun)
            }
        }
    }
}

pub fn tell(record: &Record) {
    println!("{}", serde_json::to_string(record).unwrap());
}
