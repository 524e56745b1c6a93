//! Brings a fleet to its wanted size.
//!
//! The order is what makes it exact. Launches that an earlier process left in doubt are found out first, then the members
//! are counted, then the difference is launched or terminated by one run. Killed anywhere, the same steps lead to the same
//! size again: each run keeps its intents, and the next census counts what came of them.

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

/// What has to change.
#[derive(Clone, Debug, PartialEq)]
pub enum SizeChange {
    /// Nothing.
    Nothing,
    /// These are launched.
    Grow(Box<FleetSpec>),
    /// These are terminated.
    Shrink(Picked),
}

/// What has to change so that the fleet has `wanted` members.
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

/// Finds out what the unfinished launches of a fleet have made, and ends them: nothing more is launched for them. A launch
/// that was under way is sent again with its own token, so that it makes one instance at most.
///
/// # Errors
/// When another process has taken one up, or it has to be resumed since it holds reservations or is being rolled back.
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

/// How a fleet is changed.
#[derive(Clone, Copy, Debug)]
pub enum Means<'a> {
    /// By a launch.
    Grow {
        /// What is launched.
        plan: &'a Plan,
        /// How.
        options: &'a LaunchOptions,
    },
    /// By a termination.
    Shrink {
        /// What is terminated.
        selection: &'a Selection,
        /// How.
        options: &'a action::Options,
    },
    /// Not at all: only the wanted size is kept.
    Keep,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Converged {
    /// The run that keeps the wanted size.
    pub scale: RunId,
    /// How it ended.
    pub outcome: Outcome,
    /// What was launched.
    pub launched: Option<RunSummary>,
    /// What was terminated.
    pub terminated: Option<ActionSummary>,
}

/// Keeps the wanted size, and changes the fleet. `run` is the id of the run that changes it.
///
/// # Errors
/// When a run could not be written to the ledger: nothing was changed.
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

/// Writes the wanted size down before anything is changed.
async fn begin(env: &Environment, scale: &ScalePlan) -> Result<(RunId, Journal), RunError> {
    // Another stream of ids than that of the run which follows in the same moment.
    let run = Environment { seed: env.seed ^ SCALES, ..env.clone() }.new_run_id();
    let unreadable = |error: serde_json::Error| RunError::NotResumable { run, reason: error.to_string() };
    let first = Event::RunStarted {
        kind: RunKind::Scale,
        requested: scale.wanted,
        plan: serde_json::to_value(scale).map_err(unreadable)?,
    };
    Ok((run, Journal::create(env, run, first, no_sink(), CancellationToken::new()).await?))
}

/// Sets the ids of scales apart.
const SCALES: u64 = 0x7363_616C_6573;
