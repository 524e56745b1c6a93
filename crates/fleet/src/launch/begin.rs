//! Which slots may begin, and at what size: any number without wanted totals, otherwise as many as the totals need.

use super::context::Context;
use super::goal;
use crate::plan::Strategy;
use ledger::{Next, Placement, RunState, SlotNumber};

impl Context<'_> {
    /// Whether further slots may begin: always, unless what exists and what is in flight reach the wanted totals.
    pub fn wants_more(&self) -> bool {
        self.goal.as_ref().is_none_or(|goal| goal.is_open())
    }

    /// The next slot to begin when all of the plan have begun, if the wanted totals need one.
    pub fn spare_slot(&self) -> Option<SlotNumber> {
        self.goal.as_ref().filter(|_| !self.options.settle_only)?.spare()
    }

    /// Whether a slot may begin, which then counts. A launch with an unknown result counts already.
    pub fn begin(&self, slot: SlotNumber, next: &Next) -> bool {
        match next {
            Next::Launch { attempt } => self.claim(slot, &self.plan.placement(slot, *attempt)),
            Next::Settle(_) | Next::Watch { .. } | Next::Nothing => true,
        }
    }

    /// Whether a slot may launch at a placement, at whose size it counts from now on.
    pub fn claim(&self, slot: SlotNumber, placement: &Placement) -> bool {
        let Some(goal) = &self.goal else { return true };
        let is_claimed = goal.claim(slot, self.plan.fleet.totals_at(placement));
        if is_claimed && goal.is_open() {
            // A size that is smaller than expected leaves room for another slot.
            self.wake.notify_one();
        }
        is_claimed
    }

    /// Counts a slot as its records say, once an attempt or an instance has ended.
    pub fn recount(&self, slot: SlotNumber) {
        let Some(goal) = &self.goal else { return };
        self.journal.state(|state| goal.recount(slot, &self.plan.fleet, &state.slot(slot)));
        self.wake.notify_one();
    }

    /// Counts a slot that gave up, so that no other slot begins in its place.
    pub fn write_off(&self, slot: SlotNumber) {
        if let Some(goal) = &self.goal {
            goal.write_off(slot, self.plan.fleet.totals_at(&self.plan.placement(slot, 1)));
        }
    }

    /// The number reached and the number required, if a run with wanted totals has to be rolled back because of them.
    pub fn below_totals(&self, state: &RunState, reached: u32) -> Option<(u32, u32)> {
        let is_met = goal::has_reached(self.plan, state, self.options.wait)?;
        if self.plan.strategy != Strategy::AllOrNothing || is_met {
            return None;
        }
        let missing = goal::missing(self.plan, state)?.max(1);
        Some((reached, reached.saturating_add(missing)))
    }
}
