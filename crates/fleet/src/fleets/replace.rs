//! Replaces members that differ from the config, a few at a time.
//!
//! What is left to do is read from the cloud in each round, so that a process that dies is simply followed by another. With
//! nothing allowed to be unavailable, the new instance is launched first, under the same name, and the old one is ended when
//! it runs: the fleet has one member too many for that time. Otherwise so many old ones are ended first.

use super::census::{Census, CensusError, FleetMember, take_census};
use super::drift::drift;
use super::identity::FleetKey;
use super::numbers::grown;
use super::shrink::is_protected;
use super::spreading::spread_in_place;
use crate::action::{self, ActionSummary};
use crate::engine::env::{Environment, RunError, no_sink};
use crate::launch::{self, LaunchOptions, RunSummary};
use crate::plan::{FleetSpec, Plan};
use crate::query::select::{Selection, Tag};
use ledger::Outcome;
use oci_api::models::InstanceLifecycleState as State;
use std::collections::BTreeSet;
use tokio_util::sync::CancellationToken;

/// How members are replaced.
#[derive(Clone, Debug)]
pub struct ReplaceOptions {
    /// So many may be missing at once; with 0, each new instance runs before the old one is ended.
    pub max_unavailable: u32,
    /// How the new ones are launched.
    pub launch: LaunchOptions,
    /// How the old ones are ended.
    pub terminate: action::Options,
    /// Members with any of these tags stay.
    pub protect: Vec<Tag>,
}

/// What is told meanwhile.
#[derive(Clone, Debug, PartialEq)]
pub enum ReplaceStep {
    /// These are launched in place of others.
    Launching(Vec<String>),
    /// What came of it.
    Launched(Box<RunSummary>),
    /// These are ended.
    Ending(Vec<String>),
    /// What came of it.
    Ended(Box<ActionSummary>),
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replacement {
    /// How many old ones were ended.
    pub ended: u32,
    /// How many members still differ and may be replaced.
    pub left: u32,
    /// Why it stopped before all were replaced, if it did.
    pub stopped: Option<Outcome>,
}

/// Why members could not be replaced.
#[derive(Debug, thiserror::Error)]
pub enum ReplaceError {
    /// The fleet could not be counted.
    #[error(transparent)]
    Census(#[from] CensusError),
    /// A run could not begin.
    #[error(transparent)]
    Run(#[from] RunError),
}

/// The members that differ from the config and may be ended, the lowest number first.
pub fn drifted<'a>(census: &'a Census, fleet: &FleetSpec, protect: &[Tag]) -> Vec<&'a FleetMember> {
    let members = census.members.iter();
    members
        .filter(|member| !drift(&member.machine, fleet).is_empty() && !is_protected(&member.machine, protect))
        .collect()
}

/// Members that differ and whose place another one has already taken.
fn superseded<'a>(census: &Census, fleet: &FleetSpec, drifted: &[&'a FleetMember]) -> Vec<&'a FleetMember> {
    let fresh: BTreeSet<u32> = census
        .members
        .iter()
        .filter(|member| member.machine.state == State::Running && drift(&member.machine, fleet).is_empty())
        .filter_map(|member| member.number)
        .collect();
    drifted
        .iter()
        .filter(|member| member.number.is_some_and(|number| fresh.contains(&number)))
        .copied()
        .collect()
}

/// Replaces the members that differ.
///
/// # Errors
/// When the fleet cannot be counted, or a run cannot be written to the ledger.
pub async fn replace(
    env: &Environment,
    plan: &Plan,
    key: &FleetKey,
    options: &ReplaceOptions,
    tell: &(dyn Fn(ReplaceStep) + Sync),
    stop: &CancellationToken,
) -> Result<Replacement, ReplaceError> {
    let mut done = Replacement { ended: 0, left: 0, stopped: None };
    loop {
        let census = take_census(env, &plan.fleet, key).await?;
        let drifted = drifted(&census, &plan.fleet, &options.protect);
        done.left = u32::try_from(drifted.len()).unwrap_or(u32::MAX);
        if drifted.is_empty() || stop.is_cancelled() {
            done.stopped = (!drifted.is_empty()).then_some(Outcome::Interrupted);
            return Ok(done);
        }
        let round = Round { env, plan, options, tell, stop };
        let over = superseded(&census, &plan.fleet, &drifted);
        let outcome = if !over.is_empty() {
            let (ended, outcome) = round.end(&over).await?;
            done.ended += ended;
            outcome
        } else if options.max_unavailable == 0 {
            let Some(first) = drifted.first() else { return Ok(done) };
            round.launch(&census, &[*first]).await?
        } else {
            let most = usize::try_from(options.max_unavailable).unwrap_or(usize::MAX);
            let batch: Vec<&FleetMember> = drifted.into_iter().take(most).collect();
            let (ended, outcome) = round.end(&batch).await?;
            done.ended += ended;
            match outcome {
                None => round.launch(&census, &batch).await?,
                ended => ended,
            }
        };
        if outcome.is_some() {
            done.stopped = outcome;
            return Ok(done);
        }
    }
}

/// One step of a replacement.
struct Round<'a> {
    env: &'a Environment,
    plan: &'a Plan,
    options: &'a ReplaceOptions,
    tell: &'a (dyn Fn(ReplaceStep) + Sync),
    stop: &'a CancellationToken,
}

impl Round<'_> {
    /// Launches one in the place of each. `None`: all of them run, or are launched where nobody waits.
    async fn launch(&self, census: &Census, old: &[&FleetMember]) -> Result<Option<Outcome>, RunError> {
        let own: BTreeSet<u32> = old.iter().filter_map(|member| member.number).collect();
        // Their own numbers are free for them, and the lowest others for those that have none.
        let taken: BTreeSet<u32> = census.numbers.difference(&own).copied().collect();
        let count = u32::try_from(old.len()).unwrap_or(u32::MAX);
        let mut fleet = grown(&self.plan.fleet, count, &taken);
        if own.len() == old.len() {
            fleet.numbers = own.into_iter().collect();
        }
        spread_in_place(&mut fleet, &census.members, old);
        let plan = Plan { fleet, ..self.plan.clone() };
        (self.tell)(ReplaceStep::Launching(plan.slots().map(|slot| plan.name(slot)).collect()));
        let run = self.env.new_run_id();
        let options = &self.options.launch;
        let launched =
            launch::run::launch(self.env, run, &plan, options, no_sink(), self.stop.clone()).await?;
        let outcome = launched.outcome;
        (self.tell)(ReplaceStep::Launched(Box::new(launched)));
        Ok(outcome.filter(|outcome| *outcome != Outcome::Complete))
    }

    /// Ends these. How many are ended, and the outcome unless all are.
    async fn end(&self, old: &[&FleetMember]) -> Result<(u32, Option<Outcome>), RunError> {
        let selection = Selection::freeze(old.iter().map(|member| member.machine.clone()).collect());
        let names = selection.machines().iter().map(|machine| machine.label().to_owned()).collect();
        (self.tell)(ReplaceStep::Ending(names));
        let run = self.env.new_run_id();
        let options = &self.options.terminate;
        let ended = action::run(self.env, run, &selection, options, no_sink(), self.stop.clone()).await?;
        let (count, outcome) = (ended.done + ended.accepted, ended.outcome);
        (self.tell)(ReplaceStep::Ended(Box::new(ended)));
        Ok((count, outcome.filter(|outcome| *outcome != Outcome::Complete)))
    }
}
