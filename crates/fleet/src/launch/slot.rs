//! One slot, from its first placement to an instance or to the end of its attempts.

mod hunting;

use super::{
    attempt::{self, AttemptEnd},
    budgets::{Entry, UnderWay},
    capacity_cache::{PlacementState, REMEMBERED},
    context::{Context, Halted},
    hunt::Turn,
    memory::target_of,
};
use crate::engine::{failure::rule, pacer::Permit};
use crate::plan::Strategy;
use crate::tuning::LONGEST_TURN;
use ledger::{Action, ErrorClass, ErrorRecord, Intent, Next, SlotNumber};
use oci_client::FailureClass;
use std::time::Duration;
use tokio::time::Instant;

/// The maximum number of passes over a slot's placements if a later pass may succeed …
const PASSES: u32 = 3;
/// … and the pause between passes.
const BETWEEN_PASSES: Duration = Duration::from_secs(15);

/// How a slot's task ended.
pub(crate) enum SlotEnd {
    /// It has an instance.
    Launched { slot: SlotNumber, ocid: String },
    /// It has none, and its events state the reason; or the run was halted.
    Ended,
    /// It has none, and waits until another slot has found capacity, or has failed.
    Later { slot: SlotNumber },
}

/// The progress of a slot in this task.
struct SlotProgress {
    slot: SlotNumber,
    attempt: u32,
    tried: u32,
    in_this_pass: u32,
    passes: u32,
    /// Whether anything in this pass failed in a way that a later try may overcome.
    retryable: bool,
    error: Option<ErrorRecord>,
}

enum Choice<'a> {
    /// A launch that counts until its response arrives.
    Try(UnderWay<'a>),
    /// A launch that probes a target once the floor allows it.
    Probe(Turn<'a>),
    /// Other slots probe.
    Later,
    /// The maximum number of launches is in flight at every target worth trying: one of them has to end first.
    Hold,
    Pause(Duration),
    GiveUp(ErrorRecord),
}

/// The target of a probe.
enum Aim<'a> {
    At(UnderWay<'a>),
    /// Something has changed: choose again.
    Again,
    /// A launch is in flight at each target.
    Nowhere,
}

/// Works on a slot until it has an instance, has used all its attempts, or the run is halted.
pub(crate) async fn run(context: &Context<'_>, slot: SlotNumber, next: Next) -> SlotEnd {
    let (attempt, mut intent) = match next {
        Next::Launch { attempt } => (attempt, None),
        Next::Settle(intent) => (intent.attempt, Some(intent)),
        Next::Nothing | Next::Watch { .. } => return SlotEnd::Ended,
    };
    let mut progress =
        SlotProgress { slot, attempt, tried: 0, in_this_pass: 0, passes: 0, retryable: false, error: None };
    walk(context, slot, &mut progress, &mut intent).await.unwrap_or(SlotEnd::Ended)
}

/// What a slot may do now.
enum Ready<'a> {
    /// Launch, with the permissions that it received.
    Go(Option<Permit<'a>>, Option<Turn<'a>>, Option<UnderWay<'a>>),
    End(SlotEnd),
}

async fn walk(
    context: &Context<'_>,
    slot: SlotNumber,
    progress: &mut SlotProgress,
    intent: &mut Option<Intent>,
) -> Result<SlotEnd, Halted> {
    loop {
        let (permit, turn, _held) = if intent.is_some() {
            (None, None, None)
        } else if context.options.settle_only {
            context.give_up(slot, progress.last_error()).await;
            return Ok(SlotEnd::Ended);
        } else {
            match ready(context, progress).await? {
                Ready::Go(permit, turn, held) => (permit, turn, held),
                Ready::End(end) => return Ok(end),
            }
        };
        let placement = intent
            .as_ref()
            .map_or_else(|| context.plan.placement(slot, progress.attempt), |known| known.placement.clone());
        if intent.is_none() && !context.claim(slot, &placement) {
            // Others reach the wanted totals, unless one of them fails.
            return Ok(SlotEnd::Later { slot });
        }
        let began = Instant::now();
        match attempt::run(context, slot, progress.attempt, intent.take(), (permit, turn)).await? {
            AttemptEnd::Launched { ocid } => {
                context.place_accepted(&placement);
                context.recount(slot);
                return Ok(SlotEnd::Launched { slot, ocid });
            }
            AttemptEnd::Next { class, error, waited } => {
                if class != FailureClass::InvalidatedRetryToken {
                    context.place_refused(&placement, &error, waited.then(|| began.elapsed()));
                }
                progress.failed(class, error);
            }
            AttemptEnd::Died { class, error } => {
                context.place_failed_late(&placement, class, &error).await;
                progress.failed(class, error);
            }
            AttemptEnd::GiveUp { class, error } => {
                // Other slots need not repeat what the service said about the placement.
                if waited(class) {
                    context.place_refused(&placement, &error, Some(began.elapsed()));
                }
                *intent = context.in_doubt(slot);
                if intent.is_none() {
                    context.give_up(slot, error).await;
                    return Ok(SlotEnd::Ended);
                }
            }
        }
    }
}

/// Waits until the slot may launch somewhere.
async fn ready<'a>(context: &'a Context<'_>, progress: &mut SlotProgress) -> Result<Ready<'a>, Halted> {
    let slot = progress.slot;
    loop {
        let mut place_full = std::pin::pin!(context.place_full.notified());
        place_full.as_mut().enable();
        let mut freed = std::pin::pin!(context.budgets.freed.notified());
        freed.as_mut().enable();
        let (held, turn) = match progress.choose(context) {
            Choice::Try(held) => (held, None),
            Choice::Probe(turn) => match progress.aim(context).await? {
                Aim::At(held) => (held, Some(turn)),
                Aim::Again => continue,
                Aim::Nowhere => return Ok(Ready::End(SlotEnd::Later { slot })),
            },
            Choice::Later => return Ok(Ready::End(SlotEnd::Later { slot })),
            Choice::Hold => {
                tokio::select! {
                    biased;
                    () = freed => {}
                    () = place_full => {}
                    halted = context.pause(LONGEST_TURN) => halted?,
                }
                continue;
            }
            Choice::Pause(wait) => {
                let patience = context.options.retry_for;
                let left = patience.map(|all| {
                    all.saturating_sub(context.lock_capacity().since_last_success(Instant::now()))
                });
                // The last try is when the patience ends, not after that.
                context.wait(slot, left.map_or(wait, |left| wait.min(left)), left).await?;
                continue;
            }
            Choice::GiveUp(error) => {
                context.give_up(slot, error).await;
                return Ok(Ready::End(SlotEnd::Ended));
            }
        };
        let placement = context.plan.placement(slot, progress.attempt);
        return tokio::select! {
            biased;
            // Another slot found the placement full while this one was queued, so it chooses again.
            () = place_full => continue,
            permit = context.admit(&placement, None) => Ok(Ready::Go(Some(permit?), turn, Some(held))),
        };
    }
}

/// Whether an attempt that ends with this class has waited and repeated its request.
fn waited(class: FailureClass) -> bool {
    let rule = rule(class);
    (rule.action, rule.then) == (Action::Wait, Action::NextPlacement)
}

/// The failure without a placement. A plan has placements; those of a run that reserves are its reservations, and disappear
/// with them.
fn nowhere() -> ErrorRecord {
    ErrorRecord {
        class: ErrorClass::ReservationGone,
        code: "NoReservation".to_owned(),
        message: "the reservations of the run were rolled back; start a new run".to_owned(),
        ..ErrorRecord::default()
    }
}

impl SlotProgress {
    fn failed(&mut self, class: FailureClass, error: ErrorRecord) {
        self.attempt += 1;
        self.tried += 1;
        self.in_this_pass += 1;
        self.retryable |= rule(class).passes || class == FailureClass::InvalidatedRetryToken;
        self.error = Some(error);
    }

    /// Looks for the next placement worth trying, and moves the attempt there.
    fn choose<'a>(&mut self, context: &'a Context<'_>) -> Choice<'a> {
        if let Some(error) = context.is_over() {
            return Choice::GiveUp(error);
        }
        let placements = u32::try_from(context.plan.placements_of(self.slot)).unwrap_or(u32::MAX);
        if placements == 0 {
            return Choice::GiveUp(self.error.clone().unwrap_or_else(nowhere));
        }
        if let Some(hunt) = &context.hunt {
            return self.choose_hunting(context, hunt, placements);
        }
        let now = Instant::now();
        let capacity = context.lock_capacity();
        let patient =
            context.options.retry_for.is_some_and(|patience| capacity.since_last_success(now) < patience);
        if self.tried >= context.options.max_attempts && !patient {
            return Choice::GiveUp(self.last_error());
        }
        if self.in_this_pass >= placements {
            self.passes += 1;
            let passes = if context.plan.strategy == Strategy::BestEffort { 1 } else { PASSES };
            // A patience that was asked for may be shorter than the usual one, too.
            let in_time = context.options.retry_for.map_or(self.passes < passes, |_| patient);
            let again = std::mem::take(&mut self.retryable) && in_time;
            if !again {
                return Choice::GiveUp(self.last_error());
            }
            self.in_this_pass = 0;
            return Choice::Pause(context.spread(BETWEEN_PASSES, 0.5));
        }
        let mut suspects = Vec::new();
        let (mut refusing, mut full) = (None, false);
        for attempt in self.attempt..self.attempt.saturating_add(placements) {
            let placement = context.plan.placement(self.slot, attempt);
            match context.known_of(&capacity, &placement, now) {
                PlacementState::Open => match self.enter(context, attempt) {
                    Entry::Open(held) => return Choice::Try(held),
                    Entry::Full => full = true,
                },
                PlacementState::Suspect => suspects.push(attempt),
                PlacementState::Refusing(error, until) => refusing = refusing.or(Some((error, until))),
            }
        }
        if full {
            return Choice::Hold;
        }
        if let Some(attempt) = suspects.first() {
            return match self.enter(context, *attempt) {
                Entry::Open(held) => Choice::Try(held),
                Entry::Full => Choice::Hold,
            };
        }
        match refusing {
            Some((_, until)) if patient => {
                let wait = until.saturating_duration_since(now).min(REMEMBERED);
                Choice::Pause(wait + context.jitter(Duration::from_secs(5)))
            }
            Some((error, _)) => Choice::GiveUp(self.error.clone().unwrap_or(error)),
            // There are placements, and each has one of the three states.
            None => Choice::GiveUp(self.last_error()),
        }
    }

    /// Moves the attempt there, if another launch may be in flight there.
    fn enter<'a>(&mut self, context: &'a Context<'_>, attempt: u32) -> Entry<'a> {
        let target = target_of(&context.plan.fleet, &context.plan.placement(self.slot, attempt));
        let remembered = context.memory.budget(&target);
        let entry = context.budgets.enter(target, remembered);
        if matches!(entry, Entry::Open(_)) {
            self.attempt = attempt;
        }
        entry
    }

    fn last_error(&self) -> ErrorRecord {
        self.error.clone().unwrap_or_default()
    }
}
