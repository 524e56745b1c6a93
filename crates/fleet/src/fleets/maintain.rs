//! Keeps a fleet at its size until it is stopped: replaces members that failed, were reclaimed or have vanished.
//!
//! It never terminates anything: surplus members are reported, and `scale` removes them. A member that the list shows as
//! terminated is replaced at once. One that has merely vanished is replaced only when it has not been seen for
//! [`MAY_BE_UNSEEN`], or it would be doubled by a list with a gap.

use super::census::{Census, CensusError, take_census};
use super::converge::{Means, carry_out, settle_unfinished};
use super::identity::FleetKey;
use super::lives::Lives;
use super::spreading::spread_beside;
use super::successors::{Lifetimes, successors};
use super::wanted::{ScalePlan, Wanted, wanted};
use crate::action::{self, Verb};
use crate::engine::env::{Environment, RunError, no_sink};
use crate::launch::{self, LaunchOptions, RunSummary};
use crate::plan::Plan;
use crate::query::select::{Machine, Selection};
use crate::tuning::{MAY_BE_UNSEEN, PROBE_FLOOR, PROBE_JITTER};
use jiff::Timestamp;
use ledger::{Lease, LedgerError, Outcome, RunId};
use oci_api::models::InstanceLifecycleState as State;
use oci_client::FailureClass;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How a fleet is kept.
#[derive(Clone, Debug)]
pub struct KeepOptions {
    /// How long between two looks.
    pub every: Duration,
    /// Whether to end when the fleet has its size, or cannot have it now.
    pub once: bool,
    /// Whether a member that somebody has stopped is started again.
    pub restart_stopped: bool,
    /// How replacements are launched.
    pub launch: LaunchOptions,
}

/// What is told while a fleet is kept.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// The fleet has its size.
    Calm {
        /// How many members it has.
        members: u32,
    },
    /// Members that are not seen any more; they are waited for before they are replaced.
    Vanished {
        /// Their OCIDs.
        ocids: Vec<String>,
    },
    /// So many are missing and are launched now.
    Replacing {
        /// The names of those that are launched.
        names: Vec<String>,
    },
    /// What came of it.
    Replaced(Box<RunSummary>),
    /// Members that somebody has stopped are started again.
    Restarted {
        /// How many run.
        started: u32,
        /// How many were stopped.
        stopped: u32,
    },
    /// The instances of this name die again and again soon after they ran: it is not launched any more.
    Hopeless {
        /// The name.
        name: String,
    },
    /// The time of these is over: they are missing, and are not launched again.
    Expired {
        /// Their names.
        names: Vec<String>,
    },
    /// There are more than wanted.
    Surplus {
        /// How many more.
        surplus: u32,
    },
    /// Another command changes the fleet now.
    Busy,
    /// Something does not work now and is tried again.
    Trouble {
        /// What.
        text: String,
    },
}

/// How the keeping ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeepEnd {
    /// With `once`: the fleet has its size.
    Kept,
    /// With `once`: it does not have its size.
    Short,
    /// The user wanted to stop.
    Stopped,
    /// The login was refused.
    NotAuthenticated,
}

/// What one look has led to.
enum KeepNext {
    /// Nothing more is to be done now.
    Rest,
    /// There are more than wanted, which nothing here changes.
    Surplus,
    /// Something was changed: look at once.
    Now,
    /// Look again soon: something is waited for.
    Again,
    /// What is missing could not be had: others are given time first.
    Backoff,
    End(KeepEnd),
}

/// The fleet that is kept, and everybody who takes part.
pub struct Keeper<'a> {
    env: &'a Environment,
    /// The plan of a launch, whose fleet has resolved placements.
    plan: &'a Plan,
    key: FleetKey,
    options: &'a KeepOptions,
    /// Takes the turn among the processes of this machine; `None` when another one has it.
    turn: &'a (dyn Fn() -> Option<Lease> + Sync),
    tell: &'a (dyn Fn(Told) + Sync),
    stop: CancellationToken,
    /// Members that were seen, with their number, and since when they are not.
    known: BTreeMap<String, (Option<u32>, Option<Timestamp>)>,
    hopeless: BTreeSet<u32>,
    rng: StdRng,
}

impl<'a> Keeper<'a> {
    /// A keeper who remembers the members that the ledger knows.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn new(
        env: &'a Environment,
        plan: &'a Plan,
        key: FleetKey,
        options: &'a KeepOptions,
        turn: &'a (dyn Fn() -> Option<Lease> + Sync),
        tell: &'a (dyn Fn(Told) + Sync),
        stop: CancellationToken,
    ) -> Result<Self, LedgerError> {
        let lives = Lives::read(&*env.store, &key).await?;
        let known = lives.newest.into_iter().map(|(number, ocid)| (ocid, (Some(number), None))).collect();
        let rng = StdRng::seed_from_u64(env.seed ^ 0x6B65_6570);
        Ok(Self { env, plan, key, options, turn, tell, stop, known, hopeless: BTreeSet::new(), rng })
    }

    /// Keeps the fleet at its size.
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
            Err(CensusError::Failure(failure)) if failure.class == FailureClass::Authentication => {
                (self.tell)(Told::Trouble { text: failure.to_string() });
                return Ok(KeepNext::End(KeepEnd::NotAuthenticated));
            }
            Err(CensusError::Failure(failure)) => {
                (self.tell)(Told::Trouble { text: failure.to_string() });
                return Ok(KeepNext::Backoff);
            }
        };
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

    /// Keeps that the config has replaced the size of a `scale`: it stays replaced when `count` is changed back.
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
        let now = self.env.clock.now();
        // Whoever has the number now is the successor of those that had it.
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
                    // One that lives and is no member any more has lost its tag: somebody has taken it out.
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
        let Some(_turn) = (self.turn)() else {
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

    /// What earlier launches have left in doubt is found out before anything is counted.
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
        match action::run(self.env, run, &selection, &options, no_sink(), self.stop.clone()).await {
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
        let lives = Lives::read(&*self.env.store, &self.key).await?;
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
        if let Err(finding) = spread_beside(&mut plan.fleet, &census.members) {
            (self.tell)(Told::Trouble { text: finding.to_string() });
            return Ok(KeepNext::Backoff);
        }
        (self.tell)(Told::Replacing { names: plan.slots().map(|slot| plan.name(slot)).collect() });
        let (run, options) = (self.env.new_run_id(), &self.options.launch);
        let launched = launch::run::launch(self.env, run, &plan, options, no_sink(), self.stop.clone()).await;
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
