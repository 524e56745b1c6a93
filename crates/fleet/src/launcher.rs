//! Carries a launch out: keeps so many slots under way as are allowed, hands launched instances to the watcher, and
//! takes back the slots of those that died.
//!
//! All of it is one task: dropping it at any point is a crash, which the ledger must survive, and the same seed gives the
//! same events.

use crate::{
    Environment, LaunchOptions, Plan,
    alarm::Alarms,
    claims::Claims,
    cleanup::{self, EXPIRY_TAG},
    culprit,
    ending::{self, Cut},
    journal::Journal,
    pace::{LEAST_RATE, LONGEST_HOLD, Place},
    pacer::{Class, PaceChange, Pacer, Permit},
    places::Places,
    slot::{self, SlotEnd},
    watcher::{self, Watch},
};
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use jiff::Timestamp;
use ledger::{ErrorRecord, Event, Next, Placement, RunId, SlotNumber};
use oci_client::{FailureClass, retry::LONGEST_RETRY_AFTER};
use rand::{RngExt as _, rngs::StdRng};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{Notify, mpsc},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

/// What all parts of one run share.
pub(crate) struct Context<'a> {
    pub env: &'a Environment,
    pub run: RunId,
    pub plan: &'a Plan,
    pub options: &'a LaunchOptions,
    pub journal: &'a Journal,
    pub pacer: Pacer,
    pub places: Mutex<Places>,
    pub alarms: Alarms,
    /// Tells those in line for a launch that a placement was found full: they may have to choose another.
    pub place_full: Notify,
    pub watch: Watch,
    /// Which slot has which instance.
    pub claims: Claims,
    /// When the time of the fleet is over (`--ttl`): what is launched after that is not to live.
    until: Option<Timestamp>,
    /// Whether it was told that the service asks to wait for long.
    wait_told: AtomicBool,
    /// Cancelled when nothing new may be started, whatever the reason.
    pub halt: CancellationToken,
    /// The refused login that stopped the run.
    pub refused: Mutex<Option<ErrorRecord>>,
    /// Whether the service has answered a launch with anything but a refused login: until then one launch at a time
    /// is sent, so that a wrong key costs one request and not a hundred.
    answered: AtomicBool,
    /// Makes the launcher look again.
    pub wake: Notify,
    /// Slots whose instance ran and is gone, unnoticed until now. Only another `resume` launches them again: who asked for
    /// this one had not been told.
    pub gone: BTreeSet<SlotNumber>,
    /// When the deadline passes.
    pub ends_at: Option<jiff::Timestamp>,
    /// Placements that a slot had tried before this process took the run up.
    pub tried_before: BTreeMap<SlotNumber, u32>,
    rng: Mutex<StdRng>,
}

impl<'a> Context<'a> {
    pub fn new(
        env: &'a Environment,
        plan: &'a Plan,
        options: &'a LaunchOptions,
        journal: &'a Journal,
        halt: CancellationToken,
        rng: StdRng,
    ) -> Self {
        let (run, claims, tried_before) = journal.state(|state| {
            let tried = state.slots.iter().map(|(slot, state)| (*slot, state.attempts));
            (state.run, Claims::of(state), tried.filter(|(_, attempts)| *attempts > 0).collect())
        });
        Self {
            env,
            run,
            plan,
            options,
            journal,
            pacer: Pacer::new(options.rate, env.seed),
            places: Mutex::new(Places::new(Instant::now())),
            alarms: Alarms::default(),
            place_full: Notify::new(),
            watch: Watch::default(),
            claims,
            until: time_of(plan),
            wait_told: AtomicBool::new(false),
            halt,
            refused: Mutex::default(),
            answered: AtomicBool::new(false),
            wake: Notify::new(),
            gone: BTreeSet::new(),
            ends_at: options.deadline.and_then(|deadline| env.clock.now().checked_add(deadline).ok()),
            tried_before,
            rng: Mutex::new(rng),
        }
    }

    /// Full jitter: a part of `most` between nothing and all.
    pub fn jitter(&self, most: Duration) -> Duration {
        self.spread(most, 0.0)
    }

    /// A part of `most` between the share `least` and all.
    pub fn spread(&self, most: Duration, least: f64) -> Duration {
        let mut rng = self.rng.lock().unwrap_or_else(PoisonError::into_inner);
        most.mul_f64(rng.random_range(least..=1.0))
    }

    /// Waits until a launch may leave, in the place that it had if it was refused, unless the run is halted before.
    pub async fn admit(&self, place: Option<Place>) -> Result<Permit<'_>, Halted> {
        let turn = async {
            match place {
                Some(place) => self.pacer.readmit(Class::Launch, place).await,
                None => self.pacer.admit(Class::Launch).await,
            }
        };
        tokio::select! {
            biased;
            () = self.halt.cancelled() => Err(Halted),
            permit = turn => Ok(permit),
        }
    }

    /// Waits, unless the run is halted before: then it says so at once. No longer than the fleet is to live.
    pub async fn pause(&self, wait: Duration) -> Result<(), Halted> {
        let now = self.env.clock.now();
        let left = self.until.filter(|until| *until > now).map(|until| until.duration_since(now));
        let left = left.and_then(|left| Duration::try_from(left).ok());
        let wait = wait.min(left.unwrap_or(Duration::MAX));
        tokio::select! {
            biased;
            () = self.halt.cancelled() => Err(Halted),
            () = tokio::time::sleep(wait) => Ok(()),
        }
    }

    /// Why nothing more is launched, once the time of the fleet is over.
    pub fn time_is_over(&self) -> Option<ErrorRecord> {
        let until = self.until.filter(|until| *until <= self.env.clock.now())?;
        Some(expired(until))
    }

    /// How long to wait where the service asks to wait: within the bounds of the pacing, and not past `--retry-for`. A long
    /// wait is told once.
    pub async fn bounded_wait(&self, asked: Option<Duration>) -> Option<Duration> {
        let asked = asked?;
        let mut wait = asked.min(LONGEST_HOLD);
        if let Some(patience) = self.options.retry_for {
            let places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
            wait = wait.min(patience.saturating_sub(places.dry_for(Instant::now())));
        }
        if asked >= WORTH_TELLING && !self.wait_told.swap(true, Ordering::Relaxed) {
            let asked_s = asked.as_secs();
            let bounded = if wait < asked {
                format!(
                    "; the launch waits {} s, since no answer may hold a run up for longer",
                    wait.as_secs()
                )
            } else {
                String::new()
            };
            let or_more = if asked >= LONGEST_RETRY_AFTER { " or more" } else { "" };
            let message = format!(
                "the service asks to wait {asked_s} s{or_more} before the next launch (Retry-After){bounded}"
            );
            self.journal.record(vec![Event::Warning { message }]).await;
        }
        Some(wait)
    }

    /// The service has answered a launch.
    pub fn answer_came(&self) {
        if !self.answered.swap(true, Ordering::Relaxed) {
            self.wake.notify_one();
        }
    }

    /// The login was refused: the first such answer is the one that is told, and nothing new is started.
    pub fn stop_for_login(&self, error: &ErrorRecord) -> bool {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let first = refused.is_none();
        refused.get_or_insert_with(|| error.clone());
        self.halt.cancel();
        first
    }

    /// Waits for an answer that may be thrown away, unless the run is halted before.
    ///
    /// Only for calls that change nothing, here or there: they are dropped in the middle.
    pub async fn ask<T>(&self, answer: impl Future<Output = T>) -> Result<T, Halted> {
        tokio::select! {
            biased;
            () = self.halt.cancelled() => Err(Halted),
            answer = answer => Ok(answer),
        }
    }

    /// Remembers that a placement refused an attempt; `waited` is how long it took if it was refused again each time after
    /// waiting.
    pub fn place_refused(&self, placement: &Placement, error: &ErrorRecord, waited: Option<Duration>) {
        let rate = self.pacer.snapshot(Class::Launch).rate.max(LEAST_RATE);
        let between = Duration::from_secs_f64(self.plan.fleet.placements.len() as f64 / rate);
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        // By the time that each placement was asked once, the first is still remembered.
        let waited =
            waited.map(|took| took * u32::try_from(self.plan.fleet.placements.len() + 1).unwrap_or(u32::MAX));
        if places.refused(placement, error, waited, between, Instant::now()) {
            self.place_full.notify_waiters();
        }
    }

    /// The same for an instance that was accepted in `placement` and died. A limit that the limits contradict speaks against
    /// nothing: what died held its share of it.
    pub async fn place_failed_late(&self, placement: &Placement, class: FailureClass, error: &ErrorRecord) {
        if class == FailureClass::Limit {
            // Once the run is halted it does not matter any more.
            let Ok((is_false, told)) = self.ask(self.alarms.is_false(self, placement, error)).await else {
                return;
            };
            self.journal.record(told.into_iter().collect()).await;
            if is_false {
                return;
            }
        }
        self.place_refused(placement, error, None);
    }

    /// Writes down a changed pace.
    pub async fn pace(&self, change: Option<PaceChange>) {
        if let Some(PaceChange { class, rate, reason }) = change {
            let event =
                Event::PaceChanged { class: class.name().to_owned(), rate, reason: reason.to_owned() };
            self.journal.record(vec![event]).await;
        }
    }

    fn concurrency(&self) -> usize {
        if self.answered.load(Ordering::Relaxed) { self.options.max_concurrency.max(1) } else { 1 }
    }
}

/// The run is to start nothing new.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Halted;

/// A wait that the service asks for is told when it is as long as this.
const WORTH_TELLING: Duration = Duration::from_mins(1);

/// Until when the instances of a plan are to live, by their tag.
pub(crate) fn time_of(plan: &Plan) -> Option<Timestamp> {
    cleanup::expiry_in(plan.fleet.template.freeform_tags.as_ref()?)
}

/// The failure of a slot that was not launched since the time of its fleet was over.
pub(crate) fn expired(until: Timestamp) -> ErrorRecord {
    ErrorRecord {
        class: "expired".to_owned(),
        code: "TimeIsOver".to_owned(),
        message: format!(
            "the time of the fleet was over at {until:.0} (tag `{EXPIRY_TAG}`), so nothing more is launched for it"
        ),
        ..ErrorRecord::default()
    }
}

/// Carries out what is left of the run, and writes how it ended.
pub(crate) async fn drive(context: &Context<'_>, stop: &CancellationToken) {
    let (mut queue, watched) = split(context);
    let (freed, mut died) = mpsc::unbounded_channel();
    let enough = CancellationToken::new();
    if context.options.wait {
        for (slot, ocid) in watched {
            context.watch.add(context, slot, &ocid);
        }
    }
    if context.journal.state(|state| state.giving_back.is_some()) {
        return ending::end(context, stop, Cut::Not).await;
    }
    let mut watching = std::pin::pin!(watcher::run(context, &enough, freed));
    let mut watcher_ended = false;
    let mut flying = FuturesUnordered::new();
    let mut interrupted = false;
    let mut late = context.options.deadline.is_some_and(|deadline| deadline.is_zero());
    if late {
        context.halt.cancel();
    }
    let mut deadline = std::pin::pin!(sleep_until(context.options.deadline));
    loop {
        while !context.halt.is_cancelled() && flying.len() < context.concurrency() {
            let Some(slot) = queue.pop_front() else { break };
            let next = context.journal.state(|state| state.slot(slot).next());
            flying.push(slot::run(context, slot, next));
        }
        let halted = context.halt.is_cancelled();
        let launched_all = flying.is_empty() && (queue.is_empty() || halted);
        if launched_all && died.is_empty() && (halted || context.watch.is_empty()) {
            enough.cancel();
        }
        if flying.is_empty() && watcher_ended && died.is_empty() {
            break;
        }
        tokio::select! {
            biased;
            () = stop.cancelled(), if !interrupted => {
                interrupted = true;
                context.halt.cancel();
                context.journal.record(vec![Event::Interrupted]).await;
            }
            () = &mut deadline, if !late => {
                late = true;
                context.halt.cancel();
            }
            Some(slot) = died.recv() => requeue(context, &mut queue, slot).await,
            Some(end) = flying.next() => {
                if let SlotEnd::Launched { slot, ocid } = end
                    && context.options.wait
                {
                    context.watch.add(context, slot, &ocid);
                }
            }
            () = &mut watching, if !watcher_ended => watcher_ended = true,
            () = context.wake.notified() => {}
        }
    }
    let cut = match (interrupted, late) {
        (true, _) => Cut::Interrupted,
        (false, true) => Cut::Late,
        (false, false) => Cut::Not,
    };
    name_culprits(context).await;
    ending::end(context, stop, cut).await;
}

/// Warns of what OCI has hidden behind "not found or not authorised", unless the run is to stop.
async fn name_culprits(context: &Context<'_>) {
    if !context.journal.state(culprit::is_wanted) {
        return;
    }
    let asking = Box::pin(culprit::find(&context.env.client, &context.plan.fleet));
    let Ok(messages) = context.ask(asking).await else { return };
    let events = messages.into_iter().map(|message| Event::Warning { message });
    context.journal.record(events.collect()).await;
}

/// Slots that wait for their turn. What there is to do for each, the state tells when it comes.
type Queue = VecDeque<SlotNumber>;

/// What there is to launch, and what there is to wait for.
fn split(context: &Context<'_>) -> (Queue, Vec<(SlotNumber, String)>) {
    let mut queue = VecDeque::new();
    let mut watched = Vec::new();
    context.journal.state(|state| {
        for (slot, next) in state.remaining() {
            match next {
                Next::Watch { ocid } => watched.push((slot, ocid)),
                _ if context.gone.contains(&slot) => {}
                _ => queue.push_back(slot),
            }
        }
    });
    (queue, watched)
}

/// A slot whose instance died is tried again, unless it has been often enough.
async fn requeue(context: &Context<'_>, queue: &mut Queue, slot: SlotNumber) {
    let (tried, error) = context.journal.state(|state| {
        let state = state.slot(slot);
        (state.attempts, state.error.clone().unwrap_or_default())
    });
    let before = context.tried_before.get(&slot).copied().unwrap_or_default();
    if tried - before.min(tried) < context.options.max_attempts {
        queue.push_back(slot);
    } else {
        context.journal.record(vec![Event::SlotFailed { slot, error }]).await;
    }
}

/// Waits so long; for ever when there is no deadline.
async fn sleep_until(deadline: Option<Duration>) {
    match deadline {
        Some(deadline) => tokio::time::sleep(deadline).await,
        None => std::future::pending().await,
    }
}
