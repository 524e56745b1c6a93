//! Decides what a poll, or the passing of time, means for each instance.

use super::Verb;
use super::answer::impossible;
use super::calls::{self, ObservedState, Poll};
use super::decide::{Decision, Progress, decide, progress, transitional, wanted};
use super::engine::{ActionEngine, Halt};
use super::look::Look;
use super::probing::is_capacity;
use super::slot::{REISSUES, Stage};
use crate::engine::failure::own_error;
use futures_util::{StreamExt as _, stream};
use ledger::{ErrorClass, ErrorRecord, Event};
use oci_api::models::InstanceLifecycleState as State;
use oci_client::FailureClass;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// How often deadlines are checked.
const EXPIRY: Duration = Duration::from_secs(1);

impl ActionEngine<'_> {
    pub(super) async fn seen(&mut self, sight: Poll) {
        let mut events = Vec::new();
        if sight.look != Look::Overdue {
            self.looked = Some(Instant::now());
        }
        if let Some(failure) = &sight.failure {
            // A failed poll is not a failed instance: the next one may succeed.
            self.look_failures += 1;
            tracing::debug!(%failure, "the instances could not be read");
            if failure.class == FailureClass::Authentication {
                self.halt.get_or_insert(Halt::NotAuthenticated);
            }
        } else {
            self.look_failures = 0;
            self.count(&sight);
        }
        let mut doubtful = Vec::new();
        for (ocid, seen) in &sight.states {
            let Some(&index) = self.by_ocid.get(ocid) else { continue };
            let proof = if sight.certain.contains(ocid) { Proof::Asked } else { Proof::Listed };
            if self.take(index, seen, proof, sight.began, &mut events) == Doubt::Yes {
                doubtful.push(index);
            }
        }
        self.keep(events).await;
        self.make_sure(doubtful).await;
    }

    fn count(&mut self, sight: &Poll) {
        if sight.look == Look::Overdue {
            // Only a few were read, which says nothing about the others.
            return;
        }
        let moving = transitional(self.options.verb);
        let on_the_way = sight.states.values().filter(|seen| match (seen, &moving) {
            (ObservedState::In(state), Some(moving)) => state == moving,
            _ => false,
        });
        self.on_the_way = Some(on_the_way.count());
        match sight.look {
            Look::List => {
                self.lists += 1;
                self.pages = sight.pages.max(1);
                self.listed = Some(Instant::now());
                self.fresh = 0;
            }
            Look::OnTheWay => self.lists = 0,
            Look::Each | Look::Overdue => {}
        }
    }

    /// Applies the state of one instance. If a list shows a bad end, it is verified first, because lists lag.
    fn take(
        &mut self,
        index: usize,
        seen: &ObservedState,
        proof: Proof,
        began: Instant,
        events: &mut Vec<Event>,
    ) -> Doubt {
        let verb = self.options.verb;
        let certain = proof != Proof::Listed;
        let Some(slot) = self.slots.get_mut(index) else { return Doubt::No };
        let state = match seen {
            ObservedState::In(state) => state.clone(),
            ObservedState::Gone => State::Terminated,
            ObservedState::Unknown => return Doubt::No,
        };
        if certain {
            slot.asked = Some(began);
        }
        if slot.machine.state != state && slot.is_watched() {
            events.push(Event::StateSeen {
                slot: slot.number,
                ocid: slot.machine.ocid.clone(),
                state: state.as_str().to_owned(),
                fault_domain: None,
            });
        }
        match slot.stage {
            Stage::Busy => {
                slot.machine.state = state.clone();
                self.no_longer_busy(index, &state, certain, events)
            }
            // What was seen before the action was accepted says nothing about it.
            Stage::Accepted if slot.accepted.is_some_and(|accepted| accepted <= began) => {
                let moved = slot.moved;
                slot.moved |= transitional(verb).as_ref() == Some(&state)
                    || (verb == Verb::Reboot && state != State::Running);
                slot.machine.state = state.clone();
                // Until the response came, this machine may have slept.
                let since = slot.accepted.map_or(Duration::ZERO, |accepted| began.duration_since(accepted));
                match progress(verb, &state, moved, since) {
                    Progress::Wait => Doubt::No,
                    // A list that lags shows a rebooting instance in its previous state.
                    Progress::Done if verb == Verb::Reboot && !certain => Doubt::Yes,
                    Progress::Done => {
                        self.done(index, &state, events);
                        Doubt::No
                    }
                    Progress::Never(_) | Progress::Lost if !certain => Doubt::Yes,
                    // Only its work request tells why a start failed.
                    Progress::Never(_) if is_unexplained(verb, &state, &proof) => Doubt::Yes,
                    Progress::Never(why) => {
                        self.will_not_come(index, &state, why, proof, events);
                        Doubt::No
                    }
                    Progress::Lost => {
                        self.reissue(index);
                        Doubt::No
                    }
                }
            }
            _ => Doubt::No,
        }
    }

    fn no_longer_busy(
        &mut self,
        index: usize,
        state: &State,
        certain: bool,
        events: &mut Vec<Event>,
    ) -> Doubt {
        match decide(self.options.verb, state) {
            Decision::Later => {}
            Decision::Send => self.queue(index),
            Decision::Skip => self.done(index, state, events),
            Decision::Await => self.under_way(index),
            Decision::Impossible(_) if !certain => return Doubt::Yes,
            Decision::Impossible(why) => {
                self.give_up(index, impossible(self.options.verb, state.as_str(), why), events);
            }
        }
        Doubt::No
    }

    /// The instance will not reach the wanted state, unless it can be started again because it only lacked capacity.
    fn will_not_come(
        &mut self,
        index: usize,
        state: &State,
        why: &str,
        proof: Proof,
        events: &mut Vec<Event>,
    ) {
        let verb = self.options.verb;
        let unexplained = proof == Proof::Explained(None);
        let error = match proof {
            Proof::Explained(Some(told)) => {
                ErrorRecord { message: format!("{why}: {}", told.message), ..told }
            }
            _ => never(verb, state, why),
        };
        let is_stopped = verb == Verb::Start && *state == State::Stopped;
        if is_stopped && (unexplained || is_capacity(&error)) && self.may_retry() {
            self.wait_for_capacity(index, &error, true, events);
        } else {
            self.give_up(index, error, events);
        }
    }

    fn reissue(&mut self, index: usize) {
        let Some(slot) = self.slots.get_mut(index) else { return };
        if slot.reissued < REISSUES {
            slot.reissued += 1;
            slot.attempt += 1;
            self.queue(index);
        }
    }

    /// Reads each instance for which a list showed a final state, and trusts the result.
    async fn make_sure(&mut self, doubtful: Vec<usize>) {
        if doubtful.is_empty() {
            return;
        }
        let began = Instant::now();
        let (client, starting) = (self.client().clone(), self.options.verb == Verb::Start);
        let questions: Vec<(usize, String, Arc<str>)> = doubtful
            .into_iter()
            .filter_map(|index| self.slots.get(index).map(|slot| (index, &slot.machine)))
            .map(|(index, machine)| (index, machine.ocid.clone(), machine.compartment.clone()))
            .collect();
        let answers: Vec<_> = stream::iter(questions)
            .map(|(index, ocid, compartment)| {
                let client = client.clone();
                async move {
                    let seen = calls::ask(&client, &ocid).await;
                    // Only its work request tells why a start failed.
                    let stopped = starting && seen == ObservedState::In(State::Stopped);
                    let told = if stopped { calls::reason(&client, &compartment, &ocid).await } else { None };
                    (index, seen, told)
                }
            })
            .buffered(calls::AT_ONCE)
            .collect()
            .await;
        let mut events = Vec::new();
        for (index, seen, told) in answers {
            self.take(index, &seen, Proof::Explained(told), began, &mut events);
        }
        self.keep(events).await;
    }

    /// Ends waits that have timed out, and sends the hard action where the soft one was confirmed to take too long.
    pub(super) async fn expire(&mut self) {
        let now = Instant::now();
        if self.halt.is_some() || now < self.next_expiry {
            return;
        }
        self.next_expiry = now + EXPIRY;
        let mut events = Vec::new();
        let mut unsure = Vec::new();
        for index in 0..self.slots.len() {
            let Some(slot) = self.slots.get(index) else { continue };
            if matches!(slot.stage, Stage::Ended | Stage::Sent | Stage::NoCapacity) {
                continue;
            }
            let overdue = slot.since.is_some_and(|since| since.elapsed() >= self.options.wait_timeout);
            let graceless = self.grace(slot).filter(|grace| slot.accepted_for() >= *grace);
            if overdue && slot.stage == Stage::Accepted {
                let (slot, ocid, state) =
                    (slot.number, slot.machine.ocid.clone(), slot.machine.state.as_str().to_owned());
                self.set_stage(index, Stage::Ended);
                events.push(Event::WaitEnded { slot, ocid, state, error: None });
            } else if overdue {
                let message = format!("it stayed {}: the action had no effect in time", slot.machine.state);
                let error =
                    slot.error.clone().unwrap_or_else(|| own_error(ErrorClass::WrongState, "Busy", &message));
                self.give_up(index, error, &mut events);
            } else if graceless.is_some_and(|grace| !slot.asked_after(grace)) {
                // It may have reached the state since the last poll, and the hard action would then reboot it a second time.
                unsure.push(index);
            } else if graceless.is_some() {
                if let Some(slot) = self.slots.get_mut(index) {
                    slot.hard = true;
                    slot.attempt += 1;
                }
                self.queue(index);
            }
        }
        self.end_of_patience(&mut events);
        self.ask_for(&unsure);
        self.keep(events).await;
    }
}

/// Whether a state has to be verified before it is trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doubt {
    Yes,
    No,
}

/// The source of a state.
#[derive(Clone, Debug, PartialEq)]
enum Proof {
    /// A list shows it, which may lag.
    Listed,
    /// The instance was read.
    Asked,
    /// The instance was read, and so was the reason why its last operation failed.
    Explained(Option<ErrorRecord>),
}

fn is_unexplained(verb: Verb, state: &State, proof: &Proof) -> bool {
    verb == Verb::Start && *state == State::Stopped && !matches!(proof, Proof::Explained(_))
}

fn never(verb: Verb, state: &State, why: &str) -> ErrorRecord {
    let message = format!("{why}: it is {state} and will not be {}", wanted(verb));
    own_error(ErrorClass::WrongState, "IncorrectState", &message)
}
