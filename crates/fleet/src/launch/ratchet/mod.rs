//! A run that enlarges reservations as capacity appears, releases nothing meanwhile, and launches once enough is held.
//!
//! It sends requests as a hunt does: at once where the last request gained something, otherwise in turn and at most one per
//! floor. The records of the run contain everything that it needs to continue, so a process that resumes the run begins by
//! reading what the reservations hold.

mod ask;
mod end;
mod money;
mod place;
mod summary;

pub use summary::RatchetSummary;

use super::context::Context;
use super::hunt::Hunt;
use super::memory::TargetMemory;
use super::reserve::{drawing_on, drawn};
use super::{LaunchOptions, dispatcher, finish};
use crate::engine::env::Environment;
use crate::engine::journal::Journal;
use crate::launch::cut::Cut;
use crate::plan::{Plan, RatchetTerms, Reserve};
use crate::tuning::{RATCHET_COUNTS, RATCHET_LINGERS};
use ledger::{ErrorClass, ErrorRecord, Event, Outcome, Phase, RatchetEnd, SlotNumber};
use place::Place;
use rand::{SeedableRng as _, rngs::StdRng};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// What a ratchet needs to run.
pub(super) struct Setup<'a> {
    pub env: &'a Environment,
    pub plan: &'a Plan,
    pub options: &'a LaunchOptions,
    pub journal: &'a Journal,
    pub memory: &'a TargetMemory,
    pub halt: CancellationToken,
    pub gone: BTreeSet<SlotNumber>,
}

/// Why the reservations no longer grow.
enum Grown {
    /// Enough is held.
    Enough,
    /// The time or money of the ratchet has run out.
    Over(RatchetEnd),
    /// The run was interrupted, or its ledger cannot be written. What is held is kept.
    Stopped,
    /// Nothing can be reserved anywhere, for a reason that waiting does not remove.
    Hopeless(ErrorRecord),
}

/// The reservations of a run while they grow.
struct Ratchet<'a> {
    context: &'a Context<'a>,
    hunt: Arc<Hunt>,
    reserve: &'a Reserve,
    terms: &'a RatchetTerms,
    places: Vec<Place>,
    /// Since when enough has been held.
    enough_since: Option<Instant>,
    /// Whether the last launch used up what was held but started too few instances, so that more must be held first.
    needs_more: bool,
}

/// Carries out the run until it ends.
pub(super) async fn carry_out(setup: Setup<'_>, rng: StdRng, stop: &CancellationToken) {
    let Setup { env, plan, options, journal, memory, halt, gone } = setup;
    let context = Context::new(env, plan, options, (journal, memory), halt.clone(), rng);
    let Some(mut ratchet) = Ratchet::of(&context) else {
        // The plan of a ratchet contains its terms and those of a hunt. A plan without them is an ordinary launch.
        return Box::pin(dispatcher::drive(&context, stop)).await;
    };
    ratchet.find_what_is_held().await;
    let mut round = 0;
    loop {
        match ratchet.grow().await {
            Grown::Stopped => return ratchet.keep(stop).await,
            Grown::Over(reason) => return ratchet.end(reason, stop).await,
            Grown::Hopeless(error) => return ratchet.end_as_hopeless(error, stop).await,
            Grown::Enough => {}
        }
        let drawing = ratchet.drawing();
        let left = ratchet.hunt.until().duration_since(env.clock.now());
        let deadline = options.deadline.into_iter().chain(left.try_into().ok()).min();
        let options = LaunchOptions { deadline, retry_for: None, ..options.clone() };
        round += 1;
        let rng = StdRng::seed_from_u64(env.seed ^ round);
        let mut gang = Context::new(env, &drawing, &options, (journal, memory), halt.clone(), rng);
        // Reserved capacity is available, so the launch needs neither probes nor waiting.
        gang.hunt = None;
        gang.gone.clone_from(&gone);
        gang.room = Some(ratchet.room());
        let cut = Box::pin(dispatcher::work(&gang, stop)).await;
        if ratchet.lacks_reserved_capacity(cut) {
            ratchet.look_again(&gang).await;
            continue;
        }
        if cut == Cut::Not {
            ratchet.give_up_unreserved(&gang).await;
        }
        return Box::pin(finish::end(&gang, stop, cut)).await;
    }
}

impl<'a> Ratchet<'a> {
    fn of(context: &'a Context<'a>) -> Option<Self> {
        let reserve = context.plan.reserve.as_ref()?;
        let terms = reserve.ratchet.as_ref()?;
        let hunt = context.hunt.clone()?;
        let places = Place::all(context.plan);
        Some(Self { context, hunt, reserve, terms, places, enough_since: None, needs_more: false })
    }

    /// How many instances must be held before anything is launched.
    fn least(&self) -> u32 {
        self.reserve.min.clamp(1, self.context.plan.fleet.count)
    }

    /// How many instances the run has launched, or can launch, in its reservations.
    fn usable(&self) -> u32 {
        self.context.journal.state(|state| state.holding.usable_in_all())
    }

    /// How many of the instances have been launched, or may have been.
    fn launched(&self) -> u32 {
        self.context.journal.state(|state| {
            let known = self.places.iter().filter_map(|place| place.ocid.as_deref());
            known.map(|ocid| drawn(state, ocid)).map(|drawn| drawn.known + drawn.in_doubt).sum()
        })
    }

    /// How many more instances can be launched.
    fn room(&self) -> u32 {
        self.usable().saturating_sub(self.launched())
    }

    /// The plan of the launch, whose placements are the reservations.
    fn drawing(&self) -> Plan {
        let made = self.places.iter().map(|place| (&place.share, place.ocid.as_deref()));
        drawing_on(self.context.plan, made)
    }

    /// Enlarges the reservations until enough is held.
    async fn grow(&mut self) -> Grown {
        loop {
            if self.context.halt.is_cancelled() || self.context.journal.broken().is_some() {
                return Grown::Stopped;
            }
            if let Some(reason) = self.over() {
                return Grown::Over(reason);
            }
            if self.is_enough() {
                return Grown::Enough;
            }
            let Some(at) = self.choose() else {
                let dead = self.places.iter().find_map(|place| place.dead.clone());
                return Grown::Hopeless(dead.unwrap_or_default());
            };
            let (hunt, target) = (self.hunt.clone(), self.places[at].target.clone());
            // The first slot represents all slots, since none has been launched yet.
            let turn = tokio::select! {
                biased;
                () = self.until_over() => continue,
                turn = hunt.pass(self.context, 1, &target, None) => turn,
            };
            let Ok(turn) = turn else { continue };
            self.ask(at).await;
            drop(turn);
        }
    }

    /// Whether to launch now. While capacity is still being gained, the ratchet waits a little longer.
    fn is_enough(&mut self) -> bool {
        let usable = self.usable();
        if usable < self.least() || self.needs_more {
            self.enough_since = None;
            return false;
        }
        let since = *self.enough_since.get_or_insert_with(Instant::now);
        let may_come = self
            .places
            .iter()
            .any(|place| place.dead.is_none() && (!place.was_asked || self.hunt.is_yielding(&place.target)));
        usable >= self.context.plan.fleet.count || !may_come || since.elapsed() >= RATCHET_LINGERS
    }

    /// Where to send the next request: where the last request gained something, otherwise where the last request is oldest.
    /// Targets at which a limit or quota recently refused a request come last.
    fn choose(&self) -> Option<usize> {
        let (fleet, now) = (&self.context.plan.fleet, self.context.env.clock.now());
        let alive = self.places.iter().enumerate().filter(|(_, place)| place.dead.is_none());
        let key = |place: &Place| {
            let is_limited = self.context.memory.is_limited(fleet, &place.share.placement, now);
            (!self.hunt.is_yielding(&place.target), is_limited, self.hunt.probed(&place.target))
        };
        alive.min_by_key(|(_, place)| key(place)).map(|(at, _)| at)
    }

    /// Whether the launch started too few instances because others use reserved capacity, so that more must be reserved.
    fn lacks_reserved_capacity(&self, cut: Cut) -> bool {
        if cut != Cut::Not || self.context.halt.is_cancelled() || self.over().is_some() {
            return false;
        }
        self.context.journal.state(|state| {
            let failed = state.slots.values().filter(|slot| slot.phase == Phase::Failed);
            let classes: BTreeSet<_> = failed.filter_map(|slot| Some(&slot.error.as_ref()?.class)).collect();
            let is_lack = |class: &&ErrorClass| {
                matches!(class, ErrorClass::Capacity | ErrorClass::ReservationExhausted)
            };
            state.counts.launched < self.least() && !classes.is_empty() && classes.iter().all(is_lack)
        })
    }

    /// Called after a launch that found less than was held. The counts of the service lag behind, so they are read again a
    /// little later, and only what is gained from then on leads to another launch.
    async fn look_again(&mut self, gang: &Context<'_>) {
        self.needs_more = true;
        self.enough_since = None;
        if gang.pause(RATCHET_COUNTS).await.is_ok() {
            self.find_what_is_held().await;
        }
    }

    /// Records why the slots without reserved capacity were not launched.
    async fn give_up_unreserved(&self, gang: &Context<'_>) {
        let (usable, wanted) = (self.usable(), self.context.plan.fleet.count);
        let error = ErrorRecord {
            class: ErrorClass::ReservationExhausted,
            code: "NotReserved".to_owned(),
            message: format!("{usable} of {wanted} were reserved when the launch began"),
            ..ErrorRecord::default()
        };
        for slot in self.untried() {
            gang.give_up(slot, error.clone()).await;
        }
    }

    /// Slots that were never launched and for which the records give no reason.
    fn untried(&self) -> Vec<SlotNumber> {
        self.context.journal.state(|state| {
            let untried = state.remaining().filter(|(slot, next)| {
                let is_open = matches!(next, ledger::Next::Launch { .. });
                is_open && state.slot(*slot).phase != Phase::Failed
            });
            untried.map(|(slot, _)| slot).collect()
        })
    }

    /// Keeps what is held, since the run can be resumed, and reports what that costs.
    async fn keep(&self, stop: &CancellationToken) {
        let journal = self.context.journal;
        let outcome = if journal.broken().is_some() {
            Outcome::LedgerFailed
        } else if stop.is_cancelled() {
            journal.record(vec![Event::Interrupted]).await;
            Outcome::Interrupted
        } else {
            // Only a sign of a suspended account stops a ratchet.
            Outcome::NotAuthenticated
        };
        self.tell_what_is_kept().await;
        journal.finish(self.context.env.requests.as_deref(), outcome).await;
    }
}
