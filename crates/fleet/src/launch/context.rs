//! The state that all parts of a launch share.

use super::{
    LaunchOptions,
    budgets::Budgets,
    capacity_cache::{CapacityCache, PlacementState},
    claims::Claims,
    goal::Goal,
    hunt::{Hunt, Money, sign_of_suspension},
    limit_recheck::LimitRechecks,
    memory::{TargetMemory, target_of},
    watch_table::WatchTable,
};
use crate::engine::{
    env::Environment,
    journal::Journal,
    pacer::{Class, PaceChange, Pacer, Permit},
};
use crate::pace::{LEAST_RATE, LONGEST_HOLD, QueuePosition};
use crate::plan::{EXPIRY_TAG, Plan, Strategy, expiry_in};
use jiff::Timestamp;
use ledger::{ErrorClass, ErrorRecord, Event, Placement, RunId, SlotNumber};
use oci_client::{Client, FailureClass, retry::LONGEST_RETRY_AFTER};
use rand::{RngExt as _, rngs::StdRng};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

/// The state that all parts of a run share.
pub(crate) struct Context<'a> {
    pub env: &'a Environment,
    pub run: RunId,
    pub plan: &'a Plan,
    pub options: &'a LaunchOptions,
    pub journal: &'a Journal,
    /// How targets responded, in this run and earlier ones.
    pub memory: &'a TargetMemory,
    /// The limits on launches in flight per target.
    pub budgets: Budgets,
    /// Paces reads, deletions, and launches in the run's own region.
    pub pacer: Pacer,
    /// Paces launches in further regions: each has limits of its own.
    further_pacers: BTreeMap<String, Pacer>,
    /// The terms that make the launch a hunt.
    pub hunt: Option<Arc<Hunt>>,
    /// What the instances of the hunt may cost, if that is bounded.
    pub money: Money,
    /// The wanted totals, if the plan has them in place of a number of instances.
    pub goal: Option<Box<Goal>>,
    pub capacity: Mutex<CapacityCache>,
    pub limit_rechecks: LimitRechecks,
    /// Tells queued launches that a placement was found full, so that they can choose another.
    pub place_full: Notify,
    pub watch: WatchTable,
    /// The assignment of instances to slots.
    pub claims: Claims,
    /// When the fleet expires (`--ttl`): nothing should be launched after that.
    until: Option<Timestamp>,
    /// Whether a long wait requested by the service was reported.
    wait_told: AtomicBool,
    /// Cancelled when nothing new may be started, for any reason.
    pub halt: CancellationToken,
    /// The refused login that stopped the run.
    pub refused: Mutex<Option<ErrorRecord>>,
    /// Whether the service has responded to a launch with anything except a refused login. Until then launches are sent one at
    /// a time, so that a wrong key costs one request and not a hundred.
    answered: AtomicBool,
    /// Wakes the launcher.
    pub wake: Notify,
    /// Slots whose instance ran and was terminated, which was unnoticed until now. Only another `resume` launches them again,
    /// because the user who requested this one did not know.
    pub gone: BTreeSet<SlotNumber>,
    /// How many slots without a launch may be launched; any number without a bound.
    pub room: Option<u32>,
    /// When the deadline passes.
    pub ends_at: Option<jiff::Timestamp>,
    /// Placements that a slot had tried before this process resumed the run.
    pub tried_before: BTreeMap<SlotNumber, u32>,
    rng: Mutex<StdRng>,
}

impl<'a> Context<'a> {
    pub fn new(
        env: &'a Environment,
        plan: &'a Plan,
        options: &'a LaunchOptions,
        (journal, memory): (&'a Journal, &'a TargetMemory),
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
            memory,
            hunt: memory.hunt(),
            money: Money::default(),
            goal: journal.state(|state| Goal::of(plan, state)).map(Box::new),
            budgets: Budgets::default(),
            pacer: Pacer::new(options.rate, env.seed),
            further_pacers: (1..)
                .zip(&plan.fleet.regions)
                .map(|(at, region)| (region.region.clone(), Pacer::new(options.rate, env.seed ^ (at << 32))))
                .collect(),
            capacity: Mutex::new(CapacityCache::new(Instant::now())),
            limit_rechecks: LimitRechecks::default(),
            place_full: Notify::new(),
            watch: WatchTable::default(),
            claims,
            until: time_of(plan),
            wait_told: AtomicBool::new(false),
            halt,
            refused: Mutex::default(),
            answered: AtomicBool::new(false),
            wake: Notify::new(),
            gone: BTreeSet::new(),
            room: None,
            ends_at: options.deadline.and_then(|deadline| env.clock.now().checked_add(deadline).ok()),
            tried_before,
            rng: Mutex::new(rng),
        }
    }

    /// Full jitter: a random part of `most`, between nothing and all.
    pub fn jitter(&self, most: Duration) -> Duration {
        self.spread(most, 0.0)
    }

    /// A random part of `most`, between the share `least` and all.
    pub fn spread(&self, most: Duration, least: f64) -> Duration {
        let mut rng = self.rng.lock().unwrap_or_else(PoisonError::into_inner);
        most.mul_f64(rng.random_range(least..=1.0))
    }

    /// Waits until a launch in a placement may be sent, at its previous queue position if it was refused, unless the run is
    /// halted first.
    pub async fn admit(
        &self,
        placement: &Placement,
        position: Option<QueuePosition>,
    ) -> Result<Permit<'_>, Halted> {
        let pacer = self.launch_pacer(placement);
        let turn = async {
            match position {
                Some(position) => pacer.readmit(Class::Launch, position).await,
                None => pacer.admit(Class::Launch).await,
            }
        };
        tokio::select! {
            biased;
            () = self.halt.cancelled() => Err(Halted),
            permit = turn => Ok(permit),
        }
    }

    /// What paces launches in the region of a placement.
    fn launch_pacer(&self, placement: &Placement) -> &Pacer {
        let further = placement.region.as_ref().and_then(|region| self.further_pacers.get(region));
        further.unwrap_or(&self.pacer)
    }

    /// The client of the region of a placement.
    pub fn client_at(&self, placement: &Placement) -> Client {
        self.env.client.at(placement.region.as_deref())
    }

    /// Waits, but no longer than until the fleet expires or the bound on its cost is reached. Returns an error at once if the run is halted.
    pub async fn pause(&self, wait: Duration) -> Result<(), Halted> {
        let now = self.env.clock.now();
        let left = self.until.filter(|until| *until > now).map(|until| until.duration_since(now));
        let left = left.and_then(|left| Duration::try_from(left).ok());
        let wait = wait.min(left.unwrap_or(Duration::MAX)).min(self.money_lasts());
        tokio::select! {
            biased;
            () = self.halt.cancelled() => Err(Halted),
            () = tokio::time::sleep(wait) => Ok(()),
        }
    }

    /// Why nothing more is launched, once the fleet has expired.
    pub(super) fn time_is_over(&self) -> Option<ErrorRecord> {
        let until = self.until.filter(|until| *until <= self.env.clock.now())?;
        Some(expired(until))
    }

    /// How long to wait if the service requests a wait: within the limits of the pacing, and not past `--retry-for`. A long
    /// wait is reported once.
    pub async fn bounded_wait(&self, asked: Option<Duration>) -> Option<Duration> {
        let asked = asked?;
        let mut wait = asked.min(LONGEST_HOLD);
        if let Some(patience) = self.options.retry_for {
            let capacity = self.capacity.lock().unwrap_or_else(PoisonError::into_inner);
            wait = wait.min(patience.saturating_sub(capacity.since_last_success(Instant::now())));
        }
        if asked >= WORTH_TELLING && !self.wait_told.swap(true, Ordering::Relaxed) {
            let asked_s = asked.as_secs();
            let bounded = if wait < asked {
                format!("; the launch waits {} s, the longest wait that a response can cause", wait.as_secs())
            } else {
                String::new()
            };
            let or_more = if asked >= LONGEST_RETRY_AFTER { " or more" } else { "" };
            let message = format!(
                "OCI asks to wait {asked_s} s{or_more} before the next launch (Retry-After){bounded}"
            );
            self.journal.record(vec![Event::Warning { message }]).await;
        }
        Some(wait)
    }

    /// Records that the service has responded to a launch.
    pub fn answer_came(&self) {
        if !self.answered.swap(true, Ordering::Relaxed) {
            self.wake.notify_one();
        }
    }

    /// Handles a refused login: the first such response is reported, and nothing new is started.
    pub fn stop_for_login(&self, error: &ErrorRecord) -> bool {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let first = refused.is_none();
        refused.get_or_insert_with(|| error.clone());
        self.halt.cancel();
        first
    }

    /// Whether the run continues although the login was refused: a hunt waits until it is renewed.
    pub async fn outlasts_refused_login(&self, error: &ErrorRecord) -> bool {
        let Some(hunt) = self.hunt.as_ref().filter(|_| sign_of_suspension(error).is_none()) else {
            return false;
        };
        let alert = hunt.alert(error, self.env.clock.now());
        self.journal.record(alert.into_iter().collect()).await;
        true
    }

    /// Waits for a response that may be discarded, unless the run is halted first.
    ///
    /// Only for calls without side effects on either side, because they are dropped in the middle.
    pub async fn ask<T>(&self, answer: impl Future<Output = T>) -> Result<T, Halted> {
        tokio::select! {
            biased;
            () = self.halt.cancelled() => Err(Halted),
            answer = answer => Ok(answer),
        }
    }

    /// Records that a placement refused an attempt. `waited` is the duration of the attempt if it was refused again after each
    /// wait.
    pub fn place_refused(&self, placement: &Placement, error: &ErrorRecord, waited: Option<Duration>) {
        if matches!(error.class, ErrorClass::Capacity | ErrorClass::ReservationExhausted) {
            self.budgets.refused(&target_of(&self.plan.fleet, placement));
        }
        let rate = self.launch_pacer(placement).snapshot(Class::Launch).rate.max(LEAST_RATE);
        let between = Duration::from_secs_f64(self.plan.fleet.placements.len() as f64 / rate);
        let mut capacity = self.capacity.lock().unwrap_or_else(PoisonError::into_inner);
        // After each placement was asked once, the first refusal must still be remembered.
        let waited =
            waited.map(|took| took * u32::try_from(self.plan.fleet.placements.len() + 1).unwrap_or(u32::MAX));
        if capacity.refused(placement, error, waited, between, Instant::now()) {
            self.place_full.notify_waiters();
        }
    }

    /// Records that a placement accepted a launch.
    pub fn place_accepted(&self, placement: &Placement) {
        self.lock_capacity().accepted(placement, Instant::now());
        self.budgets.accepted(&target_of(&self.plan.fleet, placement));
        self.limit_rechecks.over(placement);
    }

    /// What this run and earlier ones know about a placement. Earlier runs can only make it suspect.
    pub fn known_of(&self, capacity: &CapacityCache, placement: &Placement, now: Instant) -> PlacementState {
        match capacity.known(placement, now) {
            PlacementState::Open
                if self.memory.is_waiting(&self.plan.fleet, placement, self.env.clock.now()) =>
            {
                PlacementState::Suspect
            }
            known => known,
        }
    }

    /// Whether a launch that a limit refused does not wait at its placement: either another shape, or the same one in another
    /// region, may be launched instead and is not known to be refused, or the run does not wait at all.
    pub fn moves_on_at_once(&self, refused: &Placement) -> bool {
        if self.plan.strategy == Strategy::BestEffort {
            return true;
        }
        let fleet = &self.plan.fleet;
        let mut others = fleet
            .placements
            .iter()
            .filter(|other| (&other.shape, &other.region) != (&refused.shape, &refused.region))
            .filter(|other| fleet.may_move(refused, other));
        let (capacity, now) = (self.lock_capacity(), Instant::now());
        others.any(|other| self.known_of(&capacity, other, now) == PlacementState::Open)
    }

    /// The cache of this run.
    pub fn lock_capacity(&self) -> MutexGuard<'_, CapacityCache> {
        self.capacity.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the limit that refused a launch has room after all, so that the launch is worth repeating.
    pub async fn is_transient_limit(
        &self,
        placement: &Placement,
        error: &ErrorRecord,
    ) -> (bool, Option<Event>) {
        let (client, fleet) = (&self.env.client, &self.plan.fleet);
        let patience = self.options.retry_for;
        self.limit_rechecks.is_transient(client, fleet, &self.capacity, patience, placement, error).await
    }

    /// The same for an instance that was accepted in `placement` and then terminated. A refusal by a limit that has room does
    /// not count against the placement, because the terminated instance held its share of the limit.
    pub async fn place_failed_late(&self, placement: &Placement, class: FailureClass, error: &ErrorRecord) {
        if class == FailureClass::Limit && self.hunt.is_none() {
            // Once the run is halted this no longer matters.
            let Ok((is_transient, told)) = self.ask(self.is_transient_limit(placement, error)).await else {
                return;
            };
            self.journal.record(told.into_iter().collect()).await;
            if is_transient {
                return;
            }
        }
        self.place_refused(placement, error, None);
    }

    /// Records a changed pace.
    pub async fn pace(&self, change: Option<PaceChange>) {
        if let Some(PaceChange { class, rate, reason }) = change {
            let event =
                Event::PaceChanged { class: class.name().to_owned(), rate, reason: reason.to_owned() };
            self.journal.record(vec![event]).await;
        }
    }

    /// How many launches may be in flight now.
    pub fn concurrency(&self) -> usize {
        let most = self.options.max_concurrency.max(1);
        match &self.hunt {
            // One slot probes, and as many launch as the targets that provide instances allow.
            Some(hunt) => self.budgets.room(&hunt.yielding()).clamp(1, most),
            None if self.answered.load(Ordering::Relaxed) => most,
            None => 1,
        }
    }
}

/// The run must not start anything new.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Halted;

/// The minimum length of a requested wait that is reported.
const WORTH_TELLING: Duration = Duration::from_mins(1);

/// The expiry of a plan's instances, from their tag.
pub(crate) fn time_of(plan: &Plan) -> Option<Timestamp> {
    expiry_in(plan.fleet.template.freeform_tags.as_ref()?)
}

/// The failure of a slot that was not launched because the fleet has expired.
pub(crate) fn expired(until: Timestamp) -> ErrorRecord {
    ErrorRecord {
        class: ErrorClass::Expired,
        code: "TimeIsOver".to_owned(),
        message: format!(
            "the fleet expired at {until:.0} (tag `{EXPIRY_TAG}`), so nothing more is launched for it"
        ),
        ..ErrorRecord::default()
    }
}
