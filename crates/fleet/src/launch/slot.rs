//! One slot, from its first placement to an instance or to the end of its chances.

use super::{
    attempt::{self, AttemptEnd},
    capacity_cache::{CapacityCache, PlacementState, REMEMBERED},
    context::{Context, Halted},
};
use crate::engine::failure::rule;
use ledger::{Action, ErrorClass, ErrorRecord, Intent, Next, SlotNumber};
use oci_client::FailureClass;
use std::{
    sync::{MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// How often a slot goes through all its placements when a later try may find what an earlier one did not …
const PASSES: u32 = 3;
/// … and the pause before it does.
const BETWEEN_PASSES: Duration = Duration::from_secs(15);

/// How a slot's task ended.
pub(crate) enum SlotEnd {
    /// It has an instance.
    Launched { slot: SlotNumber, ocid: String },
    /// It has none, and its events say why; or the run was halted.
    Ended,
}

/// What a slot has been through in this task.
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

enum Choice {
    Try,
    Pause(Duration),
    GiveUp(ErrorRecord),
}

/// Works on a slot until it has an instance, has used up its chances, or the run is halted.
pub(crate) async fn run(context: &Context<'_>, slot: SlotNumber, next: Next) -> SlotEnd {
    let (attempt, mut intent) = match next {
        Next::Launch { attempt } => (attempt, None),
        Next::Settle(intent) => (intent.attempt, Some(intent)),
        Next::Nothing | Next::Watch { .. } => return SlotEnd::Ended,
    };
    let mut progress =
        SlotProgress { slot, attempt, tried: 0, in_this_pass: 0, passes: 0, retryable: false, error: None };
    match walk(context, slot, &mut progress, &mut intent).await {
        Ok(Some(ocid)) => SlotEnd::Launched { slot, ocid },
        Ok(None) | Err(Halted) => SlotEnd::Ended,
    }
}

async fn walk(
    context: &Context<'_>,
    slot: SlotNumber,
    progress: &mut SlotProgress,
    intent: &mut Option<Intent>,
) -> Result<Option<String>, Halted> {
    loop {
        let permit = if intent.is_some() {
            None
        } else if context.options.settle_only {
            context.give_up(slot, progress.last_error()).await;
            return Ok(None);
        } else {
            let mut place_full = std::pin::pin!(context.place_full.notified());
            place_full.as_mut().enable();
            match progress.choose(context) {
                Choice::Try => {}
                Choice::Pause(wait) => {
                    let patience = context.options.retry_for;
                    let left = patience
                        .map(|all| all.saturating_sub(capacity(context).since_last_success(Instant::now())));
                    context.wait(slot, wait, left).await?;
                    continue;
                }
                Choice::GiveUp(error) => {
                    context.give_up(slot, error).await;
                    return Ok(None);
                }
            }
            tokio::select! {
                biased;
                // Found full by another slot while this one was in line: it chooses again.
                () = place_full => continue,
                permit = context.admit(None) => Some(permit?),
            }
        };
        let placement = intent
            .as_ref()
            .map_or_else(|| context.plan.placement(slot, progress.attempt), |known| known.placement.clone());
        let began = Instant::now();
        match attempt::run(context, slot, progress.attempt, intent.take(), permit).await? {
            AttemptEnd::Launched { ocid } => {
                capacity(context).accepted(&placement, Instant::now());
                context.limit_rechecks.over(&placement);
                return Ok(Some(ocid));
            }
            AttemptEnd::Next { class, error } => {
                if class != FailureClass::InvalidatedRetryToken {
                    context.place_refused(&placement, &error, waited(class).then(|| began.elapsed()));
                }
                progress.failed(class, error);
            }
            AttemptEnd::Died { class, error } => {
                context.place_failed_late(&placement, class, &error).await;
                progress.failed(class, error);
            }
            AttemptEnd::GiveUp { class, error } => {
                // What the service said last of the placement others need not find out again.
                if waited(class) {
                    context.place_refused(&placement, &error, Some(began.elapsed()));
                }
                context.give_up(slot, error).await;
                return Ok(None);
            }
        }
    }
}

/// Whether an attempt that ends so has waited, and asked again each time.
fn waited(class: FailureClass) -> bool {
    let rule = rule(class);
    (rule.action, rule.then) == (Action::Wait, Action::NextPlacement)
}

/// A plan has placements; those of a run that reserves are its reservations, and go with them.
fn nowhere() -> ErrorRecord {
    ErrorRecord {
        class: ErrorClass::ReservationGone,
        code: "NoReservation".to_owned(),
        message: "the reservations of the run were rolled back; start a new run".to_owned(),
        ..ErrorRecord::default()
    }
}

fn capacity<'a>(context: &'a Context<'_>) -> MutexGuard<'a, CapacityCache> {
    context.capacity.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SlotProgress {
    fn failed(&mut self, class: FailureClass, error: ErrorRecord) {
        self.attempt += 1;
        self.tried += 1;
        self.in_this_pass += 1;
        self.retryable |= rule(class).passes || class == FailureClass::InvalidatedRetryToken;
        self.error = Some(error);
    }

    /// Looks for the next placement worth a try, and moves the attempt there.
    fn choose(&mut self, context: &Context<'_>) -> Choice {
        if let Some(error) = context.time_is_over() {
            return Choice::GiveUp(error);
        }
        let placements = u32::try_from(context.plan.placements_of(self.slot)).unwrap_or(u32::MAX);
        if placements == 0 {
            return Choice::GiveUp(self.error.clone().unwrap_or_else(nowhere));
        }
        let now = Instant::now();
        let capacity = capacity(context);
        let patient =
            context.options.retry_for.is_some_and(|patience| capacity.since_last_success(now) < patience);
        if self.tried >= context.options.max_attempts && !patient {
            return Choice::GiveUp(self.last_error());
        }
        if self.in_this_pass >= placements {
            self.passes += 1;
            let again = std::mem::take(&mut self.retryable) && (patient || self.passes < PASSES);
            if !again {
                return Choice::GiveUp(self.last_error());
            }
            self.in_this_pass = 0;
            return Choice::Pause(context.spread(BETWEEN_PASSES, 0.5));
        }
        let mut suspect = None;
        let mut refusing = None;
        for attempt in self.attempt..self.attempt.saturating_add(placements) {
            match capacity.known(&context.plan.placement(self.slot, attempt), now) {
                PlacementState::Open => {
                    self.attempt = attempt;
                    return Choice::Try;
                }
                PlacementState::Suspect => suspect = suspect.or(Some(attempt)),
                PlacementState::Refusing(error, until) => refusing = refusing.or(Some((error, until))),
            }
        }
        match (suspect, refusing) {
            (Some(attempt), _) => {
                self.attempt = attempt;
                Choice::Try
            }
            (None, Some((_, until))) if patient => {
                let wait = until.saturating_duration_since(now).min(REMEMBERED);
                Choice::Pause(wait + context.jitter(Duration::from_secs(5)))
            }
            (None, Some((error, _))) => Choice::GiveUp(self.error.clone().unwrap_or(error)),
            (None, None) => Choice::Try,
        }
    }

    fn last_error(&self) -> ErrorRecord {
        self.error.clone().unwrap_or_default()
    }
}
