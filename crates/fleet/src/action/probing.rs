//! What a run of starts does about instances that find no capacity.

use super::capacity::{CapacityTarget, Sign};
use super::engine::Engine;
use super::slot::Stage;
use ledger::{Action, ErrorClass, ErrorRecord, Event};
use tokio::time::Instant;

impl Engine<'_> {
    /// Whether a start that found no capacity now is sent again.
    pub(super) fn may_retry(&self) -> bool {
        self.options.retry_for.is_some_and(|patience| self.now() < patience)
    }

    /// Lets an instance wait for capacity. `deceived`: its start was accepted first.
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
        // What an earlier start came to is over: the next one is judged by itself.
        (slot.since, slot.accepted, slot.moved) = (None, None, false);
        (slot.failures, slot.reissued, slot.probes) = (0, 0, true);
        let (number, attempt, settled) = (slot.number, slot.attempt, !slot.in_doubt);
        slot.attempt += 1;
        let target = CapacityTarget::of(&slot.machine);
        self.no_capacity.join(target, index, deceived);
        let action = Action::Wait;
        events.push(Event::TryFailed { slot: number, attempt, error: error.clone(), action, settled });
    }

    /// Sends others of the same kind after a sign of capacity.
    pub(super) fn follow(&mut self, index: usize, sign: Sign) {
        let probe = self.slots.get(index).filter(|slot| slot.probes);
        let Some(target) = probe.map(|slot| CapacityTarget::of(&slot.machine)) else { return };
        for next in self.no_capacity.follow(&target, sign) {
            self.queue(next);
        }
    }

    /// Sends a start again if it is time to. Returns when that is otherwise.
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

    /// Gives up what waits for capacity when the patience is over.
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

/// Whether an error says that there is no capacity.
pub(super) fn is_capacity(error: &ErrorRecord) -> bool {
    error.class == ErrorClass::Capacity
}
