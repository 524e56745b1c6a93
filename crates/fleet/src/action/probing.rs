//! Handles instances whose start finds no capacity.

use super::capacity::{CapacityTarget, Sign};
use super::engine::ActionEngine;
use super::slot::Stage;
use ledger::{Action, ErrorClass, ErrorRecord, Event};
use tokio::time::Instant;

impl ActionEngine<'_> {
    /// Whether a start that found no capacity is repeated.
    pub(super) fn may_retry(&self) -> bool {
        self.options.retry_for.is_some_and(|patience| self.now() < patience)
    }

    /// Makes an instance wait for capacity. `deceived` says that its start was accepted first.
    pub(super) fn wait_for_capacity(
        &mut self,
        index: usize,
        error: &ErrorRecord,
        deceived: bool,
        events: &mut Vec<Event>,
    ) {
        self.set_stage(index, Stage::NoCapacity);
        let Some(slot) = self.slots.get_mut(index) else { return };
        slot.error = Some(error.clone());
        // The result of an earlier start is over: the next one is judged on its own.
        (slot.since, slot.accepted, slot.moved) = (None, None, false);
        (slot.failures, slot.reissued, slot.probes) = (0, 0, true);
        let (number, attempt, settled) = (slot.number, slot.attempt, !slot.in_doubt);
        slot.attempt += 1;
        let target = CapacityTarget::of(&slot.machine);
        self.no_capacity.join(target, index, deceived);
        let action = Action::Wait;
        events.push(Event::TryFailed { slot: number, attempt, error: error.clone(), action, settled });
    }

    /// Sends other starts of the same target after a sign of capacity.
    pub(super) fn follow(&mut self, index: usize, sign: Sign) {
        let probe = self.slots.get(index).filter(|slot| slot.probes);
        let Some(target) = probe.map(|slot| CapacityTarget::of(&slot.machine)) else { return };
        for next in self.no_capacity.follow(&target, sign) {
            self.queue(next);
        }
    }

    /// Repeats a start if it is time; otherwise returns when it is.
    pub(super) fn probe_if_due(&mut self) -> Option<Instant> {
        let due = self.no_capacity.due()?;
        if !self.may_retry() {
            return None;
        }
        if Instant::now() < due {
            return Some(due);
        }
        let index = self.no_capacity.probe()?;
        self.queue(index);
        self.no_capacity.due()
    }

    /// Gives up the instances that wait for capacity when the time for retries has passed.
    pub(super) fn end_of_patience(&mut self, events: &mut Vec<Event>) {
        if self.may_retry() {
            return;
        }
        while let Some(index) = self.no_capacity.probe() {
            if let Some(error) = self.slots.get(index).and_then(|slot| slot.error.clone()) {
                self.give_up(index, error, events);
            }
        }
    }
}

/// Whether an error reports a lack of capacity.
pub(super) fn is_capacity(error: &ErrorRecord) -> bool {
    error.class == ErrorClass::Capacity
}
