//! Replaces members that differ from the config, a few at a time.
//!
//! Each round reads the remaining work from the cloud, so that another process can simply continue after a crash. If nothing
//! may be unavailable, each new instance is launched first under the same name, and the old one is terminated when the new one
//! runs; for that time the fleet has one member too many. Otherwise, up to that many old members are terminated first, and then
//! the missing ones are launched.

use super::census::{Census, CensusError, FleetMember, take_census};
use super::drift::drift;
use super::identity::FleetKey;
use super::lives::Lives;
use super::numbers::grown;
use super::shrink::is_protected;
use super::spreading::{spread_beside, spread_in_place};
use super::successors::{Lifetimes, Successors, ends_at, successors};
use crate::action::{self, ActionSummary};
use crate::cleanup::expiry;
use crate::engine::env::{Environment, RunError, no_sink};
use crate::launch::{self, LaunchOptions, RunSummary};
use crate::plan::{FleetSpec, Plan};
use crate::query::select::{Selection, Tag};
use crate::tuning::CENSUS_PAUSE;
use jiff::Timestamp;
use ledger::Outcome;
use oci_api::models::InstanceLifecycleState as State;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How members are replaced.
#[derive(Clone, Debug)]
pub struct ReplaceOptions {
    /// How many members may be missing at once; with 0, each new instance runs before the old one is terminated.
    pub max_unavailable: u32,
    /// The number of members when nothing is being replaced; missing members are launched first.
    pub size: u32,
    /// How new members are launched.
    pub launch: LaunchOptions,
    /// How old members are terminated.
    pub terminate: action::Options,
    /// Members with any of these tags stay.
    pub protect: Vec<Tag>,
}

/// The steps that are reported.
#[derive(Clone, Debug, PartialEq)]
pub enum ReplaceStep {
    /// These are launched to replace others.
    Launching(Vec<String>),
    /// The result of the launch.
    Launched(Box<RunSummary>),
    /// These are terminated.
    Ending(Vec<String>),
    /// The result of the termination.
    Ended(Box<ActionSummary>),
}

/// The result of a replacement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replacement {
    /// The number of old members that were terminated.
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

/// The members that differ from the config and may be replaced, lowest number first. A member whose name no longer belongs to
/// the fleet is left alone, because nothing would identify its successor. So is an expired member, which gets no successor.
pub fn drifted<'a>(
    census: &'a Census,
    fleet: &FleetSpec,
    protect: &[Tag],
    now: Timestamp,
) -> Vec<&'a FleetMember> {
    let members = census.members.iter().filter(|member| member.number.is_some());
    members
        .filter(|member| expiry(&member.machine).is_none_or(|until| until > now))
        .filter(|member| !drift(&member.machine, fleet).is_empty() && !is_protected(&member.machine, protect))
        .collect()
}

/// The number of members when nothing is being replaced: the wanted number, or the present number if it is larger. A number
/// that two members have counts once, because one is the successor of the other.
pub fn size_meanwhile(census: &Census, wanted: u32) -> u32 {
    let numbers: BTreeSet<u32> = census.members.iter().filter_map(|member| member.number).collect();
    let without = census.members.iter().filter(|member| member.number.is_none()).count();
    u32::try_from(numbers.len() + without).unwrap_or(u32::MAX).max(wanted)
}

/// The next step.
#[derive(Debug, PartialEq)]
enum Step<'a> {
    /// Nothing: no member differs, or none may be replaced now.
    Done,
    /// Wait: successors do not run yet.
    Wait,
    /// Terminate these.
    End(Vec<&'a FleetMember>),
    /// Launch missing members.
    Fill,
    /// Launch a successor for this member, which stays until then.
    Succeed(&'a FleetMember),
}

/// Decides by what exists, so that no process has to remember what another one was about to do.
fn next<'a>(
    census: &'a Census,
    fleet: &FleetSpec,
    size: u32,
    max_unavailable: u32,
    drifted: &[&'a FleetMember],
) -> Step<'a> {
    let fresh = census.members.iter().filter(|member| drift(&member.machine, fleet).is_empty());
    let fresh: Vec<&FleetMember> = fresh.collect();
    let states: BTreeMap<u32, &State> =
        fresh.iter().filter_map(|member| Some((member.number?, &member.machine.state))).collect();
    let successor = |member: &FleetMember| states.get(&member.number?).copied();
    let on_its_way = |state: &State| matches!(state, State::Provisioning | State::Starting);
    let over: Vec<_> =
        drifted.iter().copied().filter(|member| successor(member) == Some(&State::Running)).collect();
    if !over.is_empty() {
        return Step::End(over);
    }
    if census.count() < size {
        return Step::Fill;
    }
    let left: Vec<_> = drifted.iter().copied().filter(|member| successor(member).is_none()).collect();
    let unavailable = fresh.iter().filter(|member| on_its_way(&member.machine.state)).count();
    let most = usize::try_from(max_unavailable).unwrap_or(usize::MAX);
    match left.first() {
        None if drifted.iter().any(|member| successor(member).is_some_and(on_its_way)) => Step::Wait,
        None => Step::Done,
        // One at a time, because the fleet would otherwise have more than one member too many.
        Some(_) if unavailable > 0 && unavailable >= most => Step::Wait,
        // There is already one too many, for example beside a protected member with a successor.
        Some(_) if census.count() > size => {
            let surplus = usize::try_from(census.count() - size).unwrap_or(usize::MAX);
            Step::End(left.into_iter().take(surplus).collect())
        }
        Some(first) if most == 0 => Step::Succeed(first),
        Some(_) => Step::End(left.into_iter().take(most - unavailable).collect()),
    }
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
    let round = Round { env, plan, options, tell, stop };
    let mut done = Replacement { ended: 0, left: 0, stopped: None };
    let mut waited = Duration::ZERO;
    loop {
        let census = take_census(env, &plan.fleet, key).await?;
        let now = env.clock.now();
        let drifted = drifted(&census, &plan.fleet, &options.protect, now);
        done.left = u32::try_from(drifted.len()).unwrap_or(u32::MAX);
        if stop.is_cancelled() {
            done.stopped = Some(Outcome::Interrupted);
            return Ok(done);
        }
        let lives = Lives::read(&*env.store, &plan.fleet, key).await.map_err(RunError::from)?;
        let lifetimes = Lifetimes::of(&census, &lives);
        let missing = options.size.saturating_sub(census.count());
        // The user who replaces members has looked at those that died.
        let none = Lives::default();
        let missing = successors(&plan.fleet, missing, &census.numbers, &none, &lifetimes, now);
        let size = options.size.saturating_sub(u32::try_from(missing.expired.len()).unwrap_or(u32::MAX));
        let step = next(&census, &plan.fleet, size, options.max_unavailable, &drifted);
        let waits = step == Step::Wait;
        done.stopped = match step {
            Step::Done => return Ok(done),
            Step::Wait if waited >= options.launch.wait_timeout => Some(Outcome::CutShort),
            Step::Wait => {
                waited += CENSUS_PAUSE;
                tokio::select! {
                    () = tokio::time::sleep(CENSUS_PAUSE) => None,
                    () = stop.cancelled() => Some(Outcome::Interrupted),
                }
            }
            Step::End(old) => {
                let (ended, outcome) = round.end(&old).await?;
                done.ended += ended;
                outcome
            }
            Step::Fill => round.fill(&census, missing).await?,
            Step::Succeed(old) => round.succeed(&census, old).await?,
        };
        if done.stopped.is_some() {
            return Ok(done);
        }
        waited = if waits { waited } else { Duration::ZERO };
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
    /// Launches missing members under free numbers; first those with the same expiry.
    async fn fill(&self, census: &Census, missing: Successors) -> Result<Option<Outcome>, RunError> {
        let Some(mut fleet) = missing.fleet else { return Ok(Some(Outcome::Nothing)) };
        // The domains are chosen even if that is uneven, because the members they replace are already gone.
        let _ = spread_beside(&mut fleet, &census.members);
        self.launch(fleet).await
    }

    /// Launches a successor under the number of a member that still exists.
    async fn succeed(&self, census: &Census, old: &FleetMember) -> Result<Option<Outcome>, RunError> {
        let mut fleet = grown(&self.plan.fleet, 1, &BTreeSet::new());
        fleet.numbers = old.number.into_iter().collect();
        if let Some(until) = expiry(&old.machine) {
            ends_at(&mut fleet, until);
        }
        spread_in_place(&mut fleet, &census.members, &[old]);
        self.launch(fleet).await
    }

    /// Returns `None` if all of them run, or were accepted and the run does not wait.
    async fn launch(&self, fleet: FleetSpec) -> Result<Option<Outcome>, RunError> {
        let plan = Plan { fleet, ..self.plan.clone() };
        (self.tell)(ReplaceStep::Launching(plan.slots().map(|slot| plan.label(slot)).collect()));
        let run = self.env.new_run_id();
        let options = &self.options.launch;
        let launched =
            launch::run::launch(self.env, run, &plan, options, no_sink(), self.stop.clone()).await?;
        let outcome = launched.outcome;
        (self.tell)(ReplaceStep::Launched(Box::new(launched)));
        Ok(outcome.filter(|outcome| *outcome != Outcome::Complete))
    }

    /// Terminates these. Returns how many were terminated, and the outcome unless all were.
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

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::Placement;

    /// A census of members given as number, shape and state.
    fn census(members: &[(u32, &str, State)]) -> Census {
        let member = |(number, shape, state): &(u32, &str, State)| FleetMember {
            machine: crate::query::select::Machine {
                ocid: format!("{number}-{shape}"),
                shape: (*shape).into(),
                state: state.clone(),
                ..crate::query::select::Machine::default()
            },
            number: Some(*number),
            never_ran: false,
        };
        Census { members: members.iter().map(member).collect(), ..Census::default() }
    }

    /// Describes the next step for a fleet of this size whose members should have the shape `new`.
    fn next_of(members: &[(u32, &str, State)], size: u32, max_unavailable: u32) -> String {
        let placements = vec![Placement { shape: "new".to_owned(), ..Placement::default() }];
        let fleet = FleetSpec { placements, ..FleetSpec::default() };
        let census = census(members);
        let drifted = drifted(&census, &fleet, &[], Timestamp::UNIX_EPOCH);
        match next(&census, &fleet, size, max_unavailable, &drifted) {
            Step::Done => "done".to_owned(),
            Step::Wait => "wait".to_owned(),
            Step::Fill => format!("fill {}", size - census.count()),
            Step::Succeed(old) => format!("succeed {}", old.machine.ocid),
            Step::End(old) => {
                old.iter().fold("end".to_owned(), |text, member| text + " " + &member.machine.ocid)
            }
        }
    }

    #[test]
    fn one_successor_at_a_time_runs_before_an_end() {
        use State::{Provisioning, Running};
        let two = [(1, "old", Running), (2, "old", Running)];
        assert_eq!(next_of(&two, 2, 0), "succeed 1-old");
        let mut three = [(1, "old", Running), (2, "old", Running), (1, "new", Provisioning)];
        assert_eq!(next_of(&three, 2, 0), "wait");
        three[2].2 = Running;
        assert_eq!(next_of(&three, 2, 0), "end 1-old");
        assert_eq!(next_of(&[(1, "new", Running), (2, "old", Running)], 2, 0), "succeed 2-old");
        assert_eq!(next_of(&[(1, "new", Running), (2, "new", Running)], 2, 0), "done");
        assert_eq!(next_of(&[(1, "new", Provisioning), (2, "old", Running)], 2, 0), "wait");
        // A member that was protected after it got its successor cannot be terminated, so no other member gets a successor.
        assert_eq!(
            next_of(&[(1, "new", Running), (7, "new", Running), (2, "old", Running)], 2, 0),
            "end 2-old"
        );
    }

    #[test]
    fn no_more_are_missing_than_allowed() {
        use State::{Provisioning, Running, Stopped};
        let old = [(1, "old", Running), (2, "old", Running), (3, "old", Running)];
        assert_eq!(next_of(&old, 3, 2), "end 1-old 2-old");
        assert_eq!(next_of(&old[2..], 3, 2), "fill 2");
        let mut coming = [(1, "new", Provisioning), (2, "new", Running), (3, "old", Running)];
        assert_eq!(next_of(&coming, 3, 1), "wait");
        assert_eq!(next_of(&coming, 3, 2), "end 3-old");
        // Somebody stopped a new member on purpose, so it is not waited for.
        coming[0].2 = Stopped;
        assert_eq!(next_of(&coming, 3, 1), "end 3-old");
    }

    #[test]
    fn a_killed_replacement_is_one_too_many_only_once() {
        use State::{Provisioning, Running};
        let killed = census(&[(1, "old", Running), (2, "old", Running), (1, "new", Provisioning)]);
        assert_eq!(size_meanwhile(&killed, 2), 2);
        assert_eq!(size_meanwhile(&killed, 5), 5);
        assert_eq!(size_meanwhile(&census(&[(1, "old", Running), (7, "old", Running)]), 1), 2);
    }

    #[test]
    fn a_renamed_member_is_left_alone() {
        let mut fleet = census(&[(1, "old", State::Running)]);
        for member in &mut fleet.members {
            member.number = None;
        }
        let spec = FleetSpec {
            placements: vec![Placement { shape: "new".to_owned(), ..Placement::default() }],
            ..FleetSpec::default()
        };
        assert!(drifted(&fleet, &spec, &[], Timestamp::UNIX_EPOCH).is_empty());
    }
}
