//! The end of a launch: slots ended by the deadline, rollback, reservations, the outcome.

use super::{context::Context, cut::Cut, goal, pool, reserve, rollback};
use crate::engine::outcome::{Ending, Reached};
use crate::plan::{Engine, Reserve};
use ledger::{ErrorClass, ErrorRecord, Event, Next, Outcome, Phase, RunState};
use std::sync::PoisonError;
use tokio_util::sync::CancellationToken;

/// The steps after the last launch: rollback if too few are running, the reservations, the outcome.
pub(crate) async fn end(context: &Context<'_>, stop: &CancellationToken, cut: Cut) {
    if cut == Cut::Late {
        end_at_deadline(context).await;
    }
    let interrupted = matches!(cut, Cut::Interrupted | Cut::Paused);
    let rolled_back = match below_min(context, interrupted) {
        Some((reached, min)) => roll_back(context, stop, reached, min).await,
        None => None,
    };
    if let Some(of_plan) = &context.plan.reserve {
        let all = Reserve { release: true, ..of_plan.clone() };
        let of_plan = if rolled_back.is_some() { &all } else { of_plan };
        reserve::settle(&context.env.client, context.plan, of_plan, context.journal, interrupted).await;
    }
    if rolled_back.is_none() {
        context.report_displaced().await;
    }
    finish(context, cut, rolled_back).await;
}

/// The number reached and the minimum, for a run whose rollback was interrupted or that reached too few.
///
/// A run that was told to stop, whose login was refused or whose ledger failed can be resumed, so it keeps what it has.
fn below_min(context: &Context<'_>, interrupted: bool) -> Option<(u32, u32)> {
    let refused = context.refused.lock().unwrap_or_else(PoisonError::into_inner).is_some();
    if interrupted || refused || context.journal.broken().is_some() {
        return None;
    }
    context.journal.state(|state| {
        let reached = as_asked(state, context.options.wait);
        // Instances that ran and were terminated since count as reached. Nobody asked to delete the others too.
        let before = u32::try_from(context.gone.len()).unwrap_or(u32::MAX);
        let short = context.plan.min.filter(|min| reached.saturating_add(before) < *min);
        // Totals that are reached by fewer, larger instances need no more of them.
        let short =
            short.filter(|_| goal::has_reached(context.plan, state, context.options.wait) != Some(true));
        let short = short.map(|min| (reached, min)).or_else(|| context.below_totals(state, reached));
        state.giving_back.or_else(|| short.filter(|_| !context.options.keep_partial))
    })
}

/// The number of running or existing instances that match the request.
fn as_asked(state: &RunState, running: bool) -> u32 {
    let unlike = state.slots.values().filter(|slot| {
        let counts = if running { slot.phase == Phase::Running } else { slot.ocid.is_some() };
        counts && slot.differs.is_some()
    });
    let all = if running { state.counts.running } else { state.counts.launched };
    all.saturating_sub(u32::try_from(unlike.count()).unwrap_or(u32::MAX))
}

/// Rolls everything back. `None` if that could not begin because the ledger did not accept the intent.
async fn roll_back(
    context: &Context<'_>,
    stop: &CancellationToken,
    reached: u32,
    min: u32,
) -> Option<Outcome> {
    if context.journal.state(|state| state.giving_back.is_none()) {
        context.journal.intend(Event::GiveBackIntended { reached, min }).await.ok()?;
    }
    Some(match context.plan.fleet.engine {
        Engine::Instances | Engine::ComputeCluster => rollback::run(context, stop).await,
        Engine::InstancePool | Engine::ClusterNetwork => Box::pin(pool::roll_back(context, stop)).await,
    })
}

/// Records for each unfinished slot that the deadline ended it.
async fn end_at_deadline(context: &Context<'_>) {
    let error = |what: &str| ErrorRecord {
        class: ErrorClass::Deadline,
        code: "DeadlinePassed".to_owned(),
        message: format!("the deadline passed {what}"),
        ..ErrorRecord::default()
    };
    let events = context.journal.state(|state| {
        // With wanted totals, more slots remain than are needed.
        let mut needed = goal::missing(context.plan, state);
        let ended = state.remaining().filter_map(|(slot, next)| match next {
            Next::Launch { .. } if needed == Some(0) => None,
            Next::Launch { .. } => {
                needed = needed.map(|left| left - 1);
                let known = state.slot(slot).error.as_deref().cloned();
                let error = known.unwrap_or_else(|| error("before an instance was launched"));
                Some(Event::SlotFailed { slot, error })
            }
            Next::Settle(_) => {
                let what = "before the outcome of a launch was known (the instance may exist)";
                Some(Event::SlotFailed { slot, error: error(what) })
            }
            Next::Watch { ocid } if context.options.wait => {
                let seen = state.slot(slot).state.clone().unwrap_or_default().into_owned();
                let what = format!("while the instance was {seen}; it exists and may still start");
                Some(Event::WaitEnded { slot, ocid, state: seen, error: Some(error(&what)) })
            }
            Next::Watch { .. } | Next::Nothing => None,
        });
        ended.collect()
    });
    context.journal.record(events).await;
}

/// The outcome of a process that could reserve nothing and launched nothing, although an earlier process may have.
pub(crate) fn without_launching(state: &RunState, outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Nothing | Outcome::GivenBack if state.counts.unsettled > 0 => Outcome::InDoubt,
        Outcome::Nothing | Outcome::GivenBack if state.counts.launched > 0 => Outcome::Partial,
        outcome => outcome,
    }
}

/// The failure of a slot whose instance ran and was terminated, if the record of its end is lost.
pub(crate) fn gone(ocid: &str) -> ErrorRecord {
    ErrorRecord {
        class: ErrorClass::Gone,
        code: "InstanceGone".to_owned(),
        message: format!(
            "{ocid} was running and is gone, and no readable record says why; `resume` launches a replacement"
        ),
        ..ErrorRecord::default()
    }
}

/// Whether only time ended the run, so that resuming it is worthwhile. A refused slot is decided; a run that launched nothing
/// and was refused is over, even if its deadline came before each slot was tried.
fn is_cut_short(state: &RunState, cut: Cut, is_hunt: bool) -> bool {
    if state.slots.values().any(|slot| slot.wait_ended) {
        return true;
    }
    let failed = |of: fn(&ErrorClass) -> bool| {
        let classes = state.slots.values().filter_map(|slot| Some(&slot.error.as_ref()?.class));
        classes.filter(|class| of(class)).count()
    };
    if cut == Cut::Paused {
        return true;
    }
    // A hunt has used all the time that it was given.
    cut == Cut::Late
        && !is_hunt
        && failed(|class| *class == ErrorClass::Deadline) > 0
        && (state.counts.launched > 0 || failed(|class| *class != ErrorClass::Deadline) == 0)
}

async fn finish(context: &Context<'_>, cut: Cut, rolled_back: Option<Outcome>) {
    let refused = context.refused.lock().unwrap_or_else(PoisonError::into_inner).is_some();
    let broken = context.journal.broken().is_some();
    let outcome = context.journal.state(|state| {
        let reached = as_asked(state, context.options.wait);
        if let Some(outcome) = rolled_back.filter(|_| !broken) {
            return outcome;
        }
        let ending = Ending {
            ledger_failed: broken,
            refused,
            interrupted: cut == Cut::Interrupted,
            in_doubt: state.counts.unsettled > 0 || state.engine.is_in_doubt(),
            cut_short: is_cut_short(state, cut, context.plan.hunt.is_some()),
            reached: match (
                goal::has_reached(context.plan, state, context.options.wait)
                    .unwrap_or(reached >= state.requested),
                state.counts.launched,
            ) {
                (true, _) => Reached::All,
                (false, 0) => Reached::Nothing,
                (false, _) => Reached::Part,
            },
        };
        match ending.outcome() {
            Outcome::CutShort | Outcome::Nothing | Outcome::Partial if context.options.settle_only => {
                Outcome::Stopped
            }
            outcome => outcome,
        }
    });
    context.journal.finish(context.env.requests.as_deref(), outcome).await;
}
