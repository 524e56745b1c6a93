//! One history: two machines that work on one run with one database, while machines, links and the server fail; then calm, in
//! which the run must come to its end.

use super::{
    audit,
    link::Link,
    machine::Machine,
    setup::{Ending, Fault, Strike, TAKEOVER, TeamSetup},
    station::{Station, TeamWire, Witness},
};
use crate::{
    books,
    fuse::Fuse,
    history::tell,
    region,
    wire::{Adrift, Wire},
};
use fleet::{Environment, LaunchOptions, Plan, RunError, RunSummary};
use ledger::{LedgerError, Outcome, RunId, RunState, Store as _, store::Records};
use ledger_postgres::{Options, PostgresStore};
use oci_client::RequestCounts;
use oci_simulator::server::Region;
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};
use testkit::{RegionClock, postgres::PostgresServer};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// No history takes longer, its calm included.
const LONGEST: Duration = Duration::from_hours(200);
/// What did not strike by then strikes.
const LATEST: Duration = Duration::from_secs(90);
/// The maximum number of processes in a calm region.
const CALM_PROCESSES: u32 = 4;

/// The statistics of a history.
#[derive(Debug, Default)]
pub struct Told {
    pub launches: u64,
    pub processes: u32,
    /// How often another process took the run.
    pub takeovers: u64,
    /// Processes that found out that they had been taken over.
    pub beaten: u32,
    pub strikes: u32,
    pub restarts: u32,
}

/// One history.
pub struct History {
    setup: TeamSetup,
    options: Mutex<LaunchOptions>,
    server: Arc<PostgresServer>,
    start: Instant,
    /// Held while the server is away.
    serving: tokio::sync::Mutex<()>,
    region: Region,
    clock: Arc<RegionClock>,
    plan: Plan,
    run: RunId,
    machines: [Arc<Machine>; 2],
    witness: Arc<Witness>,
    adrift: Arc<Adrift>,
    processes: AtomicU32,
    strikes: AtomicU32,
    restarts: AtomicU32,
    /// Cancelled when nothing more is to befall anybody.
    over: CancellationToken,
}

/// How a process ended.
enum Ended {
    Dead,
    NotBegun,
    Itself(Box<RunSummary>),
}

/// Plays a history. The error says which promise was broken.
pub fn play(setup: TeamSetup, server: &Arc<PostgresServer>) -> Result<Told, String> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let told = runtime.block_on(async {
        let history = History::new(setup, server);
        let told = tokio::time::timeout(LONGEST, Box::pin(history.play())).await;
        told.unwrap_or_else(|_| Err(format!("the run goes on after {LONGEST:?}")))
    });
    runtime.shutdown_background();
    told
}

impl History {
    fn new(setup: TeamSetup, server: &Arc<PostgresServer>) -> Self {
        let (region, clock) = region::open(&setup.common);
        let plan = region::plan(&setup.common, &region);
        let run =
            RunId::new(testkit::start(), setup.common.seed.to_be_bytes().repeat(2)[..10].try_into().unwrap());
        let options = Mutex::new(setup.common.options.clone());
        Self {
            setup,
            options,
            server: Arc::clone(server),
            start: Instant::now(),
            serving: tokio::sync::Mutex::default(),
            region,
            clock,
            plan,
            run,
            machines: ["ann", "bob"].map(|name| Arc::new(Machine::new(name))),
            witness: Arc::default(),
            adrift: Arc::default(),
            processes: AtomicU32::new(0),
            strikes: AtomicU32::new(0),
            restarts: AtomicU32::new(0),
            over: CancellationToken::new(),
        }
    }

    async fn play(&self) -> Result<Told, String> {
        self.on_server(audit::prepare).await;
        Box::pin(self.storm()).await?;
        Box::pin(self.calm()).await?;
        let takeovers = self.on_server(audit::check).await?;
        let stats = self.region.stats();
        let launch = stats.operations.get("LaunchInstance");
        Ok(Told {
            launches: launch.map_or(0, |launch| launch.ok),
            processes: self.processes.load(Ordering::Relaxed),
            takeovers,
            beaten: self.witness.beaten.load(Ordering::Relaxed),
            strikes: self.strikes.load(Ordering::Relaxed),
            restarts: self.restarts.load(Ordering::Relaxed),
        })
    }

    fn say(&self, what: std::fmt::Arguments<'_>) {
        if self.setup.common.loud {
            println!("{:.1} s: {what}", self.start.elapsed().as_secs_f64());
        }
    }

    /// Both machines work on the run, one at a time, until a process ends by itself or everything has happened.
    async fn storm(&self) -> Result<(), String> {
        let strikes = self.setup.strikes.iter().map(|strike| self.strike(*strike));
        let befalls = async {
            futures_util::future::join_all(strikes).await;
            self.over.cancel();
            Ok(())
        };
        let [ann, bob] = &self.machines;
        tokio::try_join!(befalls, self.live(ann, true), self.live(bob, false)).map(drop)
    }

    /// Processes of one machine, one after the other.
    async fn live(&self, machine: &Arc<Machine>, begins: bool) -> Result<(), String> {
        // The last process that held the run, and when it ended.
        let (mut held, mut ends) = (0, Instant::now());
        while !self.over.is_cancelled() {
            machine.is_up().await;
            if ends.elapsed() > TAKEOVER {
                // It may have ended while it could not give its lease back.
                self.expire(held).await;
            }
            let ended = Box::pin(self.process(machine, begins)).await?;
            if self.holds(machine.number()) {
                ends = Instant::now();
                held = machine.number();
            }
            self.check()?;
            if let Ended::Itself(summary) = ended
                && !was_cut_short(&summary)
            {
                self.over.cancel();
            }
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
        Ok(())
    }

    /// Lets time pass, unless the history is over.
    async fn wait(&self, time: Duration) {
        tokio::select! {
            biased;
            () = self.over.cancelled() => {}
            () = tokio::time::sleep(time) => {}
        }
    }

    /// The machine that works on the run, or the other one.
    fn target(&self, on_holder: bool) -> &Arc<Machine> {
        let holder = *self.witness.holder.lock().unwrap();
        let is_ann = holder.is_none_or(|(name, _)| name == self.machines[0].name);
        &self.machines[usize::from(is_ann != on_holder)]
    }

    /// One fault, from its beginning to its end.
    async fn strike(&self, strike: Strike) {
        self.wait(strike.after).await;
        let mut machine = self.target(strike.on_holder);
        let mut alone = machine.befallen.lock().await;
        // The run may have changed hands while something else befell the machine.
        while machine.name != self.target(strike.on_holder).name {
            drop(alone);
            machine = self.target(strike.on_holder);
            alone = machine.befallen.lock().await;
        }
        if self.over.is_cancelled() {
            return;
        }
        machine.arm(strike.point, strike.fault);
        tokio::select! {
            biased;
            () = machine.struck.notified() => {}
            () = self.wait(LATEST) => {
                machine.strike();
                machine.struck.notified().await;
            }
        }
        self.strikes.fetch_add(1, Ordering::Relaxed);
        let number = machine.number();
        let Strike { fault, lasts, .. } = strike;
        self.say(format_args!("{fault:?} strikes {}, process {number}, for {lasts:?}", machine.name));
        match fault {
            Fault::Server(ending) => self.restart(ending, lasts).await,
            Fault::Interrupt => {}
            Fault::Kill | Fault::Pause | Fault::Partition(_) => {
                self.wait(lasts.min(TAKEOVER)).await;
                if lasts > TAKEOVER {
                    self.expire(number).await;
                    self.wait(lasts.saturating_sub(TAKEOVER)).await;
                }
                machine.recover();
                if matches!(fault, Fault::Kill) && lasts <= TAKEOVER {
                    self.wait(TAKEOVER.saturating_sub(lasts)).await;
                    self.expire(number).await;
                }
            }
        }
        self.say(format_args!("{} is well again", machine.name));
    }

    /// Whether a process was the last one to take the run.
    fn holds(&self, number: u32) -> bool {
        self.witness.holder.lock().unwrap().is_some_and(|(_, holder)| holder == number)
    }

    /// The lease of a process that gives no sign of life comes to its end.
    async fn expire(&self, number: u32) {
        let _serving = self.serving.lock().await;
        if self.holds(number) {
            self.say(format_args!("the lease of process {number} ends"));
            self.on_server(audit::expire).await;
        }
    }

    /// The server ends, is away for this long, and comes back.
    async fn restart(&self, ending: Ending, lasts: Duration) {
        let _serving = self.serving.lock().await;
        self.restarts.fetch_add(1, Ordering::Relaxed);
        self.on_server(move |server| match ending {
            Ending::Stopped(mode) => server.stop(mode),
            Ending::Killed => server.kill(),
        })
        .await;
        for machine in &self.machines {
            machine.set_served(false);
        }
        self.wait(lasts).await;
        self.on_server(PostgresServer::go_on).await;
        if lasts > TAKEOVER {
            self.on_server(audit::expire).await;
        }
        for machine in &self.machines {
            machine.set_served(true);
        }
    }

    /// Does something to the server, while virtual time stands still.
    async fn on_server<T: Send + 'static>(
        &self,
        work: impl FnOnce(&PostgresServer) -> T + Send + 'static,
    ) -> T {
        let server = Arc::clone(&self.server);
        tokio::task::spawn_blocking(move || work(&server)).await.unwrap()
    }

    /// One process of a machine, as long as it lives.
    async fn process(&self, machine: &Arc<Machine>, begins: bool) -> Result<Ended, String> {
        let number = self.processes.fetch_add(1, Ordering::Relaxed) + 1;
        self.adrift.wake();
        let (link, stop) = machine.begin(number, self.server.port());
        let ended = Box::pin(machine.run(self.work(machine, number, &link, stop, begins))).await;
        let told = ended.as_ref().map(|ended| ended.as_ref().map(|summary| summary.outcome));
        self.say(format_args!("process {number} of {} ended: {told:?}", machine.name));
        Ok(match ended {
            None => Ended::Dead,
            Some(Ok(summary)) => Ended::Itself(summary),
            Some(Err(error)) => {
                self.say(format_args!("it could not begin: {error}"));
                Ended::NotBegun
            }
        })
    }

    async fn work(
        &self,
        machine: &Arc<Machine>,
        number: u32,
        link: &Arc<Link>,
        stop: CancellationToken,
        begins: bool,
    ) -> Result<Box<RunSummary>, RunError> {
        let address =
            self.server.address().replace(&format!(":{}/", self.server.port()), &format!(":{}/", link.port));
        let (belief, patience) = (self.setup.belief, self.setup.patience);
        let (opened, opening) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            let options = Options { takeover_after: belief, patience, tell: |_| {} };
            // Nobody may wait for it any more.
            let _ = opened.send(PostgresStore::open(&address.parse().unwrap(), options));
        });
        machine.point().await;
        let store = link.through(opening).await.unwrap()?;
        machine.point().await;
        let store = Closing(Some(Arc::new(store)));
        let env = self.environment(machine, number, link, &store);
        let sink = if self.setup.common.loud { Arc::new(tell) } else { fleet::no_sink() };
        let options = &self.options.lock().unwrap().clone();
        let ended = match fleet::resume(&env, self.run, options, sink.clone(), stop.clone()).await {
            Err(RunError::Ledger(LedgerError::UnknownRun { .. })) if begins => {
                fleet::launch(&env, self.run, &self.plan, options, sink, stop).await
            }
            ended => ended,
        };
        drop(env);
        link.through(store.close()).await;
        ended.map(Box::new)
    }

    fn environment(
        &self,
        machine: &Arc<Machine>,
        number: u32,
        link: &Arc<Link>,
        store: &Closing,
    ) -> Environment {
        let requests = Arc::new(RequestCounts::default());
        let wire = Wire {
            region: self.region.clone(),
            fuse: Arc::new(Fuse::at(0)),
            announced: Arc::clone(&self.witness.announced),
            broken: Arc::clone(&self.witness.broken),
            arrives: AtomicBool::new(self.setup.common.seed.is_multiple_of(2)),
            adrift: Arc::clone(&self.adrift),
        };
        let wire = Arc::new(TeamWire { machine: Arc::clone(machine), wire });
        let seed = self.setup.common.seed.wrapping_add(u64::from(number));
        let station = Station {
            number,
            store: store.0.clone().unwrap(),
            link: Arc::clone(link),
            machine: Arc::clone(machine),
            witness: Arc::clone(&self.witness),
            is_beaten: AtomicBool::new(false),
            hesitates: self.setup.hesitates,
        };
        Environment {
            client: testkit::client(&self.clock, seed, wire, &requests),
            requests: Some(requests),
            store: Arc::new(station),
            memory: Some(machine.memory.clone()),
            clock: self.clock.clone(),
            seed,
        }
    }

    /// What must hold at any moment.
    fn check(&self) -> Result<(), String> {
        if let Some(reason) = self.witness.broken.lock().unwrap().take() {
            return Err(reason);
        }
        books::nothing_doubled(&self.region, &books::live(&self.region, self.run))?;
        books::of_listed_kinds(&self.region, self.run, &self.plan.fleet)
    }

    /// Only what the region lacks can fail any more: the run must come to its end, on whichever machine.
    async fn calm(&self) -> Result<(), String> {
        self.region.replace_faults(&[]);
        let options = LaunchOptions { max_attempts: 12, ..LaunchOptions::default() };
        *self.options.lock().unwrap() = options;
        let mut reason = String::new();
        for turn in 0..CALM_PROCESSES {
            tokio::time::sleep(TAKEOVER * 2).await;
            // The last process may have ended while it could not give its lease back.
            self.on_server(audit::expire).await;
            let machine = &self.machines[(turn as usize + 1) % 2];
            let ended = Box::pin(self.process(machine, true)).await?;
            self.check()?;
            let found = self.found().await?;
            self.witness.all_kept(&found)?;
            let state = RunState::fold(self.run, &found.records);
            match self.settled(&ended, &state) {
                Ok(()) => return Ok(()),
                Err(still) => reason = still,
            }
        }
        Err(reason)
    }

    /// Whether everything is as it should be at the end.
    fn settled(&self, ended: &Ended, state: &RunState) -> Result<(), String> {
        if !matches!(ended, Ended::Itself(summary) if !was_cut_short(summary)) {
            return Err("the last process did not end by itself".to_owned());
        }
        let live = books::live(&self.region, self.run);
        books::nothing_forgotten(state)?;
        books::nothing_unknown(&live, state, false)?;
        if state.giving_back.is_some() {
            return match live.len() {
                0 => Ok(()),
                left => Err(format!("the run was given back, and {left} instances live")),
            };
        }
        books::settled(&self.region, &live, state, self.setup.common.roomy())?;
        self.plan.min.map_or(Ok(()), |min| books::at_least_or_nothing(&self.region, &live, state, min))
    }

    /// The records of the run, read past all links.
    async fn found(&self) -> Result<Records, String> {
        let run = self.run;
        self.on_server(move |server| {
            let options = Options { takeover_after: TAKEOVER, patience: TAKEOVER, tell: |_| {} };
            let store = PostgresStore::open(&server.address().parse().unwrap(), options);
            let store = store.map_err(|error| error.to_string())?;
            let found = tokio::runtime::Handle::current().block_on(store.records(run));
            found.map_err(|error| error.to_string())
        })
        .await
    }
}

/// Whether a process ended before it had done all that it could.
fn was_cut_short(summary: &RunSummary) -> bool {
    matches!(
        summary.outcome,
        None | Some(Outcome::NotAuthenticated | Outcome::Interrupted | Outcome::LedgerFailed)
    )
}

/// The store of a process. Its thread ends beside the history, because it may wait for a database that a dead process never
/// reaches.
struct Closing(Option<Arc<PostgresStore>>);

impl Closing {
    /// Gives back what the process holds, as at its regular end.
    async fn close(mut self) {
        let (closed, closing) = tokio::sync::oneshot::channel();
        let store = self.0.take();
        std::thread::spawn(move || {
            drop(store);
            // Nobody may wait for it any more.
            let _ = closed.send(());
        });
        // It is closed even if the thread cannot say so.
        let _ = closing.await;
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        let store = self.0.take();
        std::thread::spawn(move || drop(store));
    }
}
