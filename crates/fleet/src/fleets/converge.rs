//! Brings a fleet to its wanted size.
//!
//! The order of the steps makes the result exact. First, launches that an earlier process left in doubt are resolved; then the
//! members are counted; then one run launches or terminates the difference. If the process is killed at any point, the same
//! steps lead to the same size again: each run records its intents, and the next census counts their results.

use super::census::Census;
use super::numbers::grown;
use super::shrink::{LeavingOrder, Picked, pick};
use super::wanted::ScalePlan;
use crate::action::{self, ActionSummary};
use crate::engine::env::{Environment, RunError, Sink, no_sink};
use crate::engine::journal::Journal;
use crate::launch::{self, LaunchOptions, RunSummary};
use crate::plan::{FleetSpec, Plan};
use crate::query::select::{Selection, Tag};
use ledger::{Event, Outcome, RunId, RunKind};
use std::cmp::Ordering;
use tokio_util::sync::CancellationToken;

/// The change that a fleet needs.
#[derive(Clone, Debug, PartialEq)]
pub enum SizeChange {
    /// Nothing.
    Nothing,
    /// Launch these.
    Grow(Box<FleetSpec>),
    /// Terminate these.
    Shrink(Picked),
}

/// The change that gives the fleet `wanted` members.
pub fn change(
    fleet: &FleetSpec,
    census: &Census,
    wanted: u32,
    order: &LeavingOrder,
    protect: &[Tag],
) -> SizeChange {
    match census.count().cmp(&wanted) {
        Ordering::Equal => SizeChange::Nothing,
        Ordering::Less => SizeChange::Grow(Box::new(grown(fleet, wanted - census.count(), &census.numbers))),
        Ordering::Greater => {
            SizeChange::Shrink(pick(&census.members, census.count() - wanted, order, protect))
        }
    }
}

/// Determines what the unfinished launches of a fleet created, and ends them, so that they launch nothing more. A launch that
/// was in flight is sent again with its own token and therefore creates at most one instance.
///
/// # Errors
/// When another process has resumed one, or one must be resumed because it holds reservations or is being rolled back.
pub async fn settle_unfinished(
    env: &Environment,
    runs: &[RunId],
    stop: &CancellationToken,
) -> Result<Vec<RunSummary>, RunError> {
    let options =
        LaunchOptions { settle_only: true, wait: false, keep_partial: true, ..LaunchOptions::default() };
    let mut settled = Vec::new();
    for run in runs {
        settled.push(launch::run::resume(env, *run, &options, no_sink(), stop.clone()).await?);
    }
    Ok(settled)
}

/// How to change a fleet.
#[derive(Clone, Copy, Debug)]
pub enum Means<'a> {
    /// By a launch.
    Grow {
        /// The launch plan.
        plan: &'a Plan,
        /// The options.
        options: &'a LaunchOptions,
    },
    /// By a termination.
    Shrink {
        /// The instances to terminate.
        selection: &'a Selection,
        /// The options.
        options: &'a action::Options,
    },
    /// Not at all: only the wanted size is recorded.
    Keep,
}

/// The result of a change.
#[derive(Clone, Debug, PartialEq)]
pub struct Converged {
    /// The run that records the wanted size.
    pub scale: RunId,
    /// How it ended.
    pub outcome: Outcome,
    /// The launch, if there was one.
    pub launched: Option<RunSummary>,
    /// The termination, if there was one.
    pub terminated: Option<ActionSummary>,
}

/// Records the wanted size and changes the fleet. `run` is the id of the run that changes it.
///
/// # Errors
/// When a run could not be written to the ledger. Nothing was changed then.
pub async fn carry_out(
    env: &Environment,
    scale: &ScalePlan,
    run: RunId,
    means: Means<'_>,
    sink: Sink,
    stop: CancellationToken,
) -> Result<Converged, RunError> {
    let (id, journal) = begin(env, scale).await?;
    let mut converged = Converged { scale: id, outcome: Outcome::Complete, launched: None, terminated: None };
    let ended = match means {
        Means::Grow { plan, options } => {
            let launched = launch::run::launch(env, run, plan, options, sink, stop).await;
            launched.map(|summary| {
                converged.outcome = summary.outcome.unwrap_or(Outcome::Nothing);
                converged.launched = Some(summary);
            })
        }
        Means::Shrink { selection, options } => {
            let terminated = action::run(env, run, selection, options, sink, stop).await;
            terminated.map(|summary| {
                converged.outcome = summary.outcome.unwrap_or(Outcome::Nothing);
                converged.terminated = Some(summary);
            })
        }
        Means::Keep => Ok(()),
    };
    let outcome = if ended.is_ok() { converged.outcome } else { Outcome::Nothing };
    journal.finish(None, outcome).await;
    ended.map(|()| converged)
}

/// Records the wanted size before anything is changed.
async fn begin(env: &Environment, scale: &ScalePlan) -> Result<(RunId, Journal), RunError> {
    // Uses a different stream of ids from the run that follows in the same moment.
    let run = Environment { seed: env.seed ^ SCALES, ..env.clone() }.new_run_id();
    let unreadable = |error: serde_json::Error| RunError::NotResumable { run, reason: error.to_string() };
    let first = Event::RunStarted {
        kind: RunKind::Scale,
        requested: scale.wanted,
        plan: serde_json::to_value(scale).map_err(unreadable)?,
    };
    Ok((run, Journal::create(env, run, first, no_sink(), CancellationToken::new()).await?))
}

/// Distinguishes the ids of scales.
const SCALES: u64 = 0x7363_616C_6573;
