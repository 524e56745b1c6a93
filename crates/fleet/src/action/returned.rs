//! Decides what the response to an action means for its instance.

use super::Verb;
use super::answer::{impossible, worth_waiting};
use super::calls::{Accepted, ActionAnswer, ObservedState};
use super::capacity::Sign;
use super::decide::{Decision, decide};
use super::engine::{ActionEngine, Halt};
use super::probing::is_capacity;
use super::slot::{FAILURES, Stage};
use crate::engine::failure::{AfterAction, error_record, policy};
use crate::pace::QueuePosition;
use ledger::{Action, ErrorRecord, Event};
use oci_api::models::InstanceLifecycleState as State;
use oci_client::{Failure, FailureClass};
use tokio::time::Instant;

impl ActionEngine<'_> {
    pub(super) async fn returned(&mut self, answers: Vec<(QueuePosition, ActionAnswer)>) {
        let mut events = Vec::new();
        for (position, answer) in answers {
            self.tell_pace(&answer);
            let index = answer.index;
            match answer.result {
                Ok(accepted) => self.accepted(index, accepted, &mut events),
                Err(failure) => self.refused(index, position, &failure, answer.asked, &mut events),
            }
        }
        if let Some(change) = self.pace.take_change() {
            let reason = change.reason.as_str().to_owned();
            events.push(Event::PaceChanged { class: "write".to_owned(), rate: change.rate, reason });
        }
        self.keep(events).await;
    }

    fn tell_pace(&mut self, answer: &ActionAnswer) {
        let now = self.now();
        match &answer.result {
            Err(failure) if failure.class == FailureClass::Throttled => {
                self.pace.on_throttled(answer.ticket, now, failure.retry_after);
            }
            Err(failure) if failure.status.is_none() => self.pace.on_lost(answer.ticket, now),
            _ => self.pace.on_success(answer.ticket, now),
        }
    }

    /// The action was accepted, or turned out to be in progress.
    fn accepted(&mut self, index: usize, accepted: Accepted, events: &mut Vec<Event>) {
        let Accepted { state, work_request } = accepted;
        let verb = self.options.verb;
        let Some(slot) = self.slots.get_mut(index) else { return };
        // The response to a termination has no state: the instance counts as terminating unless it is seen otherwise.
        let state = state.unwrap_or_else(|| match verb {
            Verb::Terminate => State::Terminating,
            Verb::Start | Verb::Stop | Verb::Reboot => slot.machine.state.clone(),
        });
        slot.failures = 0;
        slot.accepted = Some(Instant::now());
        let restarting = verb == Verb::Reboot && state != State::Running;
        slot.moved = restarting || state != slot.machine.state;
        slot.machine.state = state.clone();
        let (number, ocid) = (slot.number, slot.machine.ocid.clone());
        events.push(Event::ActionAccepted {
            slot: number,
            ocid: ocid.clone(),
            state: state.as_str().to_owned(),
            work_request,
        });
        self.set_stage(index, if self.options.wait { Stage::Accepted } else { Stage::Ended });
        self.fresh += 1;
        self.follow(index, Sign::Accepted);
        // The response to a reboot says RUNNING before the reboot has begun.
        if verb != Verb::Reboot && decide(verb, &state) == Decision::Skip {
            self.done(index, &state, events);
        }
    }

    fn refused(
        &mut self,
        index: usize,
        position: QueuePosition,
        failure: &Failure,
        asked: Option<ObservedState>,
        events: &mut Vec<Event>,
    ) {
        let error = error_record(failure);
        let Some(slot) = self.slots.get_mut(index) else { return };
        slot.error = Some(error.clone());
        slot.in_doubt |= failure.may_have_happened();
        match policy(failure.class).action {
            // The pacer counts and reports these.
            AfterAction::Again => self.queue_at(index, position),
            AfterAction::Later => self.later(index, Action::RetrySameToken, events),
            AfterAction::NewToken => self.later(index, Action::NextPlacement, events),
            AfterAction::AskState => {
                self.asked(index, failure, asked.unwrap_or(ObservedState::Unknown), events);
            }
            AfterAction::GiveUp if self.waits_for(&error) => {
                self.wait_for_capacity(index, &error, false, events);
            }
            AfterAction::GiveUp => self.give_up(index, error, events),
            AfterAction::StopRun => {
                self.give_up(index, error, events);
                self.halt.get_or_insert(Halt::NotAuthenticated);
            }
        }
    }

    /// Whether an instance whose start failed with this error waits for capacity.
    fn waits_for(&self, error: &ErrorRecord) -> bool {
        self.options.verb == Verb::Start && is_capacity(error) && self.may_retry()
    }

    /// The action was refused, and the instance has this state.
    fn asked(&mut self, index: usize, failure: &Failure, seen: ObservedState, events: &mut Vec<Event>) {
        let verb = self.options.verb;
        let state = match (seen, verb) {
            (ObservedState::In(state), _) => state,
            (ObservedState::Gone, Verb::Terminate) => State::Terminated,
            (ObservedState::Gone, _) => return self.give_up(index, error_record(failure), events),
            (ObservedState::Unknown, _) => return self.later(index, Action::RetrySameToken, events),
        };
        self.note_state(index, &state, events);
        match decide(verb, &state) {
            Decision::Skip => self.done(index, &state, events),
            // An action of this run is in progress, accepted earlier or received without a response.
            Decision::Impossible(_) if self.is_under_way(index, &state) => {
                self.accepted(index, Accepted { state: Some(state), work_request: None }, events);
            }
            Decision::Await => {
                self.accepted(index, Accepted { state: Some(state), work_request: None }, events);
                self.under_way(index);
            }
            Decision::Impossible(why) => {
                self.give_up(index, impossible(verb, state.as_str(), why), events);
            }
            // Waits for the state to change; the action follows then.
            Decision::Later => {
                events.extend(self.tried(index, Action::Wait, false));
                self.set_stage(index, Stage::Busy);
            }
            Decision::Send if worth_waiting(failure.class) => {
                self.later(index, Action::RetrySameToken, events);
            }
            Decision::Send => self.give_up(index, error_record(failure), events),
        }
    }

    /// Whether the instance is busy with a reboot of this run.
    fn is_under_way(&self, index: usize, state: &State) -> bool {
        let ours = |slot: &super::slot::Slot| slot.accepted.is_some() || slot.failures > 0;
        self.options.verb == Verb::Reboot
            && matches!(state, State::Stopping | State::Starting)
            && self.slots.get(index).is_some_and(ours)
    }

    /// Records the state that was read, for the instance's row, whatever happens to the action.
    fn note_state(&mut self, index: usize, state: &State, events: &mut Vec<Event>) {
        let Some(slot) = self.slots.get_mut(index).filter(|slot| slot.machine.state != *state) else {
            return;
        };
        slot.machine.state = state.clone();
        let (slot, ocid) = (slot.number, slot.machine.ocid.clone());
        events.push(Event::StateSeen { slot, ocid, state: state.as_str().to_owned(), fault_domain: None });
    }

    /// Actions that were refused every time and are not retried because the run ends: they certainly had no effect.
    pub(super) fn refusals(&self) -> Vec<Event> {
        let refused = self.slots.iter().enumerate().filter(|(_, slot)| slot.is_refused());
        refused.filter_map(|(index, _)| self.tried(index, Action::Wait, true)).collect()
    }

    /// The record of a refusal. `settled` says that the action certainly had no effect.
    fn tried(&self, index: usize, action: Action, settled: bool) -> Option<Event> {
        let slot = self.slots.get(index)?;
        let (attempt, error) = (slot.attempt, slot.error.clone()?);
        Some(Event::TryFailed { slot: slot.number, attempt, error, action, settled })
    }

    /// Retries after a pause, unless it has failed too often. Reported only if something follows.
    fn later(&mut self, index: usize, action: Action, events: &mut Vec<Event>) {
        let tried = self.tried(index, action, false);
        let Some(slot) = self.slots.get_mut(index) else { return };
        slot.failures += 1;
        if slot.failures < FAILURES {
            // A token that the service no longer accepts is not sent again.
            slot.attempt += u32::from(action == Action::NextPlacement);
            events.extend(tried);
            return self.pause(index);
        }
        if let Some(error) = slot.error.clone() {
            self.give_up(index, error, events);
        }
    }

    pub(super) fn give_up(&mut self, index: usize, error: ErrorRecord, events: &mut Vec<Event>) {
        self.set_stage(index, Stage::Ended);
        events.push(Event::SlotFailed { slot: self.number(index), error });
    }

    pub(super) fn done(&mut self, index: usize, state: &State, events: &mut Vec<Event>) {
        self.set_stage(index, Stage::Ended);
        self.follow(index, Sign::Runs);
        if let Some(slot) = self.slots.get_mut(index) {
            slot.machine.state = state.clone();
            let (slot, ocid) = (slot.number, slot.machine.ocid.clone());
            events.push(Event::ActionDone { slot, ocid, state: state.as_str().to_owned(), skipped: false });
        }
    }
}
