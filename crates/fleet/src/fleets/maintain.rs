//! Maintains a fleet at its size until it is stopped: replaces members that failed, were reclaimed or have vanished.
//!
//! It never terminates anything: surplus members are reported, and `scale` removes them. A member that the list shows as
//! terminated is replaced at once. One that has merely vanished from the list is replaced only after [`MAY_BE_UNSEEN`], because
//! a temporary gap in the list would otherwise duplicate it.

use super::census::{Census, CensusError, take_census};
use super::converge::{Means, carry_out, settle_unfinished};
use super::identity::FleetKey;
use super::lives::Lives;
use super::spreading::spread_beside;
use super::successors::{Lifetimes, successors};
use super::unlisted::UnlistedMember;
use super::wanted::{ScalePlan, Wanted, wanted};
use crate::action::{self, Verb};
use crate::engine::env::{Environment, RunError, Sink, no_sink};
use crate::history::launch_lock_key;
use crate::launch::{self, LaunchOptions, RunSummary};
use crate::plan::Plan;
use crate::query::select::{Machine, Selection};
use crate::tuning::{MAY_BE_UNSEEN, PROBE_FLOOR, PROBE_JITTER};
use jiff::Timestamp;
use ledger::{LedgerError, Locked, Outcome, RunId};
use oci_api::models::InstanceLifecycleState as State;
use oci_client::FailureClass;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How a fleet is maintained.
#[derive(Clone, Debug)]
pub struct KeepOptions {
    /// The interval between two checks.
    pub every: Duration,
    /// Whether to end when the fleet has its size, or cannot reach it now.
    pub once: bool,
    /// Whether to start members that somebody has stopped.
    pub restart_stopped: bool,
    /// How replacements are launched.
    pub launch: LaunchOptions,
}

/// The events reported while a fleet is maintained.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// The members were counted.
    Looked {
        /// The number of members.
        members: u32,
        /// The wanted size.
        wanted: u32,
    },
    /// The fleet has its size.
    Calm {
        /// The number of members.
        members: u32,
    },
    /// Members have vanished from the list; they are replaced after a wait.
    Vanished {
        /// Their OCIDs.
        ocids: Vec<String>,
    },
    /// Members are missing and are launched now.
    Replacing {
        /// The names of the instances to launch.
        names: Vec<String>,
    },
    /// The result of the launch.
    Replaced(Box<RunSummary>),
    /// Members that somebody had stopped were started again.
    Restarted {
        /// The number that now run.
        started: u32,
        /// The number that were stopped.
        stopped: u32,
    },
    /// The instances with this name repeatedly die soon after they ran, so it is no longer launched.
    Hopeless {
        /// The name.
        name: String,
    },
    /// Members have expired: they are missing and are not launched again.
    Expired {
        /// Their names.
        names: Vec<String>,
    },
    /// There are more members than wanted.
    Surplus {
        /// The number of surplus members.
        surplus: u32,
    },
    /// Another command is changing the fleet.
    Busy,
    /// Something fails at present and will be tried again.
    Trouble {
        /// A description.
        text: String,
    },
}

/// How maintaining ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeepEnd {
    /// With `once`: the fleet has its size.
    Kept,
    /// With `once`: the fleet does not have its size.
    Short,
    /// The user stopped it.
    Stopped,
    /// The login was refused.
    NotAuthenticated,
}

/// What follows a check.
enum KeepNext {
    /// Nothing more to do now.
    Rest,
    /// There are more members than wanted, which `maintain` does not change.
    Surplus,
    /// Something was changed: check again at once.
    Now,
    /// Something is pending: check again soon.
    Again,
    /// Missing members could not be obtained: give capacity time to return.
    Backoff,
    End(KeepEnd),
}

/// The maintained fleet, with everything that maintaining needs.
pub struct Keeper<'a> {
    env: &'a Environment,
    /// The plan of a launch, with resolved placements.
    plan: &'a Plan,
    key: FleetKey,
    options: &'a KeepOptions,
    /// The key of the lock under which members are launched: other processes change the fleet, too.
    turn: String,
    tell: &'a (dyn Fn(Told) + Sync),
    /// Receives the records of its runs.
    sink: Sink,
    stop: CancellationToken,
    /// Known members, with their number, and since when each has not been seen.
    known: BTreeMap<String, (Option<u32>, Option<Timestamp>)>,
    hopeless: BTreeSet<u32>,
    rng: StdRng,
}

impl<'a> Keeper<'a> {
    /// A keeper that remembers the members in the ledger.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn new(
        env: &'a Environment,
        plan: &'a Plan,
        key: FleetKey,
        options: &'a KeepOptions,
        tell: &'a (dyn Fn(Told) + Sync),
        stop: CancellationToken,
    ) -> Result<Self, LedgerError> {
        let lives = Lives::read(&*env.store, &plan.fleet, &key).await?;
        let known = lives.newest.into_iter().map(|(number, ocid)| (ocid, (Some(number), None))).collect();
        let rng = StdRng::seed_from_u64(env.seed ^ 0x6B65_6570);
        Ok(Self {
            env,
            plan,
            key,
            options,
            turn: launch_lock_key(&plan.fleet, plan.origin.as_ref()),
            tell,
            sink: no_sink(),
            stop,
            known,
            hopeless: BTreeSet::new(),
            rng,
        })
    }

    /// The same, with an observer of the records of all its runs.
    #[must_use]
    pub fn watched_by(self, sink: Sink) -> Self {
        Self { sink, ..self }
    }

    /// Maintains the fleet at its size.
    ///
    /// # Errors
    /// When the ledger cannot be used.
    pub async fn keep(&mut self) -> Result<KeepEnd, LedgerError> {
        loop {
            let next = self.look().await?;
            if self.stop.is_cancelled() {
                return Ok(KeepEnd::Stopped);
            }
            let pause = match next {
                KeepNext::End(end) => return Ok(end),
                KeepNext::Rest if self.options.once => return Ok(KeepEnd::Kept),
                KeepNext::Backoff | KeepNext::Surplus if self.options.once => return Ok(KeepEnd::Short),
                KeepNext::Now => Duration::ZERO,
                KeepNext::Rest | KeepNext::Surplus | KeepNext::Again => self.options.every,
                KeepNext::Backoff => {
                    let jitter = PROBE_JITTER.mul_f64(self.rng.random_range(0.0..=1.0));
                    self.options.every.max(PROBE_FLOOR + jitter)
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.stop.cancelled() => return Ok(KeepEnd::Stopped),
            }
        }
    }

    async fn look(&mut self) -> Result<KeepNext, LedgerError> {
        let census = tokio::select! {
            census = take_census(self.env, &self.plan.fleet, &self.key) => census,
            () = self.stop.cancelled() => return Ok(KeepNext::End(KeepEnd::Stopped)),
        };
        let census = match census {
            Ok(census) => census,
            Err(CensusError::Ledger(error)) => return Err(error),
            Err(error) => {
                (self.tell)(Told::Trouble { text: error.to_string() });
                let next = KeepNext::End(KeepEnd::NotAuthenticated);
                return Ok(if error.is_authentication() { next } else { KeepNext::Backoff });
            }
        };
        if let Some(member) = census.unlisted.first() {
            // Another command has another config. Its members would look lost.
            let UnlistedMember { name, region, .. } = member;
            let text = format!("{name} is in {region}, which the config does not list: nothing is replaced");
            (self.tell)(Told::Trouble { text });
            return Ok(KeepNext::Backoff);
        }
        if !census.at_work.is_empty() {
            (self.tell)(Told::Busy);
            return Ok(KeepNext::Again);
        }
        let wanted = wanted(&*self.env.store, &self.key, self.plan.fleet.count).await?;
        if wanted.superseded.is_some() {
            self.settle_size(&census, wanted.count).await?;
        }
        let unseen = self.remember(&census).await;
        self.act(census, &wanted, &unseen).await
    }

    /// Records that the config's `count` has replaced the size of a `scale`, so that it stays replaced when `count` is changed
    /// back.
    async fn settle_size(&self, census: &Census, count: u32) -> Result<(), LedgerError> {
        let scale = ScalePlan {
            fleet: self.key.clone(),
            wanted: count,
            configured: count,
            before: census.count(),
            simulated: self.plan.origin.as_ref().and_then(|origin| origin.simulated.clone()),
        };
        let run = self.env.new_run_id();
        match carry_out(self.env, &scale, run, Means::Keep, no_sink(), self.stop.clone()).await {
            Err(RunError::Ledger(error)) => Err(error),
            Err(error) => {
                (self.tell)(Told::Trouble { text: error.to_string() });
                Ok(())
            }
            Ok(_) => Ok(()),
        }
    }

    /// Members that are neither in the census nor known to be gone, with the numbers in their names.
    async fn remember(&mut self, census: &Census) -> BTreeMap<String, Option<u32>> {
        let now = census.asked;
        // The present member with a number is the successor of its previous members.
        let numbers: BTreeSet<u32> = census.members.iter().filter_map(|member| member.number).collect();
        self.known.retain(|_, (number, _)| number.is_none_or(|number| !numbers.contains(&number)));
        for member in &census.members {
            self.known.insert(member.machine.ocid.clone(), (member.number, None));
        }
        let members: BTreeSet<&str> =
            census.members.iter().map(|member| member.machine.ocid.as_str()).collect();
        let mut unseen = BTreeMap::new();
        let missed: Vec<String> = self
            .known
            .keys()
            .filter(|ocid| !members.contains(ocid.as_str()) && !census.ended.contains(*ocid))
            .cloned()
            .collect();
        self.known.retain(|ocid, _| members.contains(ocid.as_str()) || missed.contains(ocid));
        for ocid in missed {
            let is_gone = match self.env.client.get_instance(&ocid).await {
                Ok(answered) => {
                    let machine = Machine::from(answered.value);
                    let dead = matches!(machine.state, State::Terminated | State::Terminating);
                    // An existing instance that is no longer a member has lost its tag: somebody has removed it from the fleet.
                    dead || machine.tags.get(crate::plan::FLEET_TAG) != Some(self.key.name.as_str())
                }
                Err(failure) if failure.class == FailureClass::NotFound => {
                    let since = self.known.get(&ocid).and_then(|(_, since)| *since).unwrap_or(now);
                    self.known.entry(ocid.clone()).and_modify(|(_, unseen)| *unseen = Some(since));
                    now.duration_since(since) >= MAY_BE_UNSEEN
                }
                Err(_) => false,
            };
            if is_gone {
                self.known.remove(&ocid);
            } else if let Some((number, _)) = self.known.get(&ocid) {
                unseen.insert(ocid, *number);
            }
        }
        unseen
    }

    async fn act(
        &mut self,
        census: Census,
        wanted: &Wanted,
        unseen: &BTreeMap<String, Option<u32>>,
    ) -> Result<KeepNext, LedgerError> {
        (self.tell)(Told::Looked { members: census.count(), wanted: wanted.count });
        let waiting = u32::try_from(unseen.len()).unwrap_or(u32::MAX);
        if waiting > 0 {
            (self.tell)(Told::Vanished { ocids: unseen.keys().cloned().collect() });
        }
        if census.count() > wanted.count {
            (self.tell)(Told::Surplus { surplus: census.count() - wanted.count });
        }
        let missing = wanted.count.saturating_sub(census.count().saturating_add(waiting));
        let stopped: Vec<Machine> = census
            .members
            .iter()
            .filter(|member| self.options.restart_stopped && member.machine.state == State::Stopped)
            .map(|member| member.machine.clone())
            .collect();
        if missing == 0 && stopped.is_empty() && census.unfinished.is_empty() {
            if waiting > 0 {
                return Ok(KeepNext::Again);
            }
            (self.tell)(Told::Calm { members: census.count() });
            return Ok(if census.count() > wanted.count { KeepNext::Surplus } else { KeepNext::Rest });
        }
        let Ok(Locked::Ours(_turn)) = self.env.store.lock(&self.turn, self.env.clock.now()).await else {
            (self.tell)(Told::Busy);
            return Ok(KeepNext::Again);
        };
        if !census.unfinished.is_empty() {
            return self.settle(&census.unfinished).await;
        }
        if !stopped.is_empty() && !self.start(stopped).await? {
            return Ok(KeepNext::Backoff);
        }
        if missing == 0 {
            return Ok(if waiting == 0 { KeepNext::Now } else { KeepNext::Again });
        }
        self.replace(&census, missing, unseen).await
    }

    /// Resolves earlier launches that are in doubt before anything is counted.
    async fn settle(&self, runs: &[RunId]) -> Result<KeepNext, LedgerError> {
        match settle_unfinished(self.env, runs, &self.stop).await {
            Ok(settled) => {
                let doubt = settled.iter().any(|summary| summary.outcome == Some(Outcome::InDoubt));
                Ok(if doubt { KeepNext::Backoff } else { KeepNext::Now })
            }
            Err(RunError::Ledger(error @ LedgerError::Held { .. })) => {
                (self.tell)(Told::Trouble { text: error.to_string() });
                Ok(KeepNext::Again)
            }
            Err(RunError::Ledger(error)) => Err(error),
            Err(error) => {
                (self.tell)(Told::Trouble { text: error.to_string() });
                Ok(KeepNext::Backoff)
            }
        }
    }

    async fn start(&self, stopped: Vec<Machine>) -> Result<bool, LedgerError> {
        let selection = Selection::freeze(stopped);
        let options = action::Options::new(Verb::Start);
        let run = self.env.new_run_id();
        match action::run(self.env, run, &selection, &options, self.sink.clone(), self.stop.clone()).await {
            Ok(summary) => {
                let stopped = u32::try_from(selection.len()).unwrap_or(u32::MAX);
                (self.tell)(Told::Restarted { started: summary.done, stopped });
                Ok(summary.done == stopped)
            }
            Err(RunError::Ledger(error)) => Err(error),
            Err(error) => {
                (self.tell)(Told::Trouble { text: error.to_string() });
                Ok(false)
            }
        }
    }

    fn name(&self, number: u32) -> String {
        let domain = self.plan.fleet.first_placement().map_or("", |first| &first.availability_domain);
        self.plan.fleet.name(u64::from(number), domain)
    }

    async fn replace(
        &mut self,
        census: &Census,
        missing: u32,
        unseen: &BTreeMap<String, Option<u32>>,
    ) -> Result<KeepNext, LedgerError> {
        let lives = Lives::read(&*self.env.store, &self.plan.fleet, &self.key).await?;
        let mut taken = census.numbers.clone();
        taken.extend(unseen.values().flatten());
        let lifetimes = Lifetimes::of(census, &lives);
        let now = self.env.clock.now();
        let chosen = successors(&self.plan.fleet, missing, &taken, &lives, &lifetimes, now);
        for number in chosen.hopeless.difference(&self.hopeless) {
            (self.tell)(Told::Hopeless { name: self.name(*number) });
        }
        self.hopeless = chosen.hopeless;
        if !chosen.expired.is_empty() {
            (self.tell)(Told::Expired { names: chosen.expired.iter().map(|one| self.name(*one)).collect() });
        }
        let Some(fleet) = chosen.fleet else {
            return Ok(if self.hopeless.is_empty() { KeepNext::Rest } else { KeepNext::Backoff });
        };
        let count = fleet.count;
        let mut plan = Plan { fleet, ..self.plan.clone() };
        if plan.fleet.engine.is_pooled() {
            plan.joins = Some(census.members.iter().map(|member| member.machine.ocid.clone()).collect());
        }
        if let Err(finding) = spread_beside(&mut plan.fleet, &census.members) {
            (self.tell)(Told::Trouble { text: finding.to_string() });
            return Ok(KeepNext::Backoff);
        }
        (self.tell)(Told::Replacing { names: plan.slots().map(|slot| plan.label(slot)).collect() });
        let (run, options) = (self.env.new_run_id(), &self.options.launch);
        let launched =
            launch::run::launch(self.env, run, &plan, options, self.sink.clone(), self.stop.clone()).await;
        let summary = match launched {
            Ok(summary) => summary,
            Err(RunError::Ledger(error)) => return Err(error),
            Err(error) => {
                (self.tell)(Told::Trouble { text: error.to_string() });
                return Ok(KeepNext::Backoff);
            }
        };
        let (got, refused) = (summary.launched, summary.outcome == Some(Outcome::NotAuthenticated));
        (self.tell)(Told::Replaced(Box::new(summary)));
        Ok(match got {
            _ if refused => KeepNext::End(KeepEnd::NotAuthenticated),
            0 => KeepNext::Backoff,
            got if got < count || (!self.hopeless.is_empty() && chosen.later == 0) => KeepNext::Backoff,
            _ => KeepNext::Now,
        })
    }
}
