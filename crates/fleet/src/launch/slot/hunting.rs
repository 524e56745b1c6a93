//! How a slot of a hunt chooses where to launch.

use super::{Aim, Choice, SlotProgress};
use crate::launch::budgets::Entry;
use crate::launch::context::{Context, Halted};
use crate::launch::hunt::Hunt;
use crate::launch::target::target_of;
use ledger::{Intent, Next, SlotNumber};
use std::cmp::Reverse;

impl Context<'_> {
    /// The launch of a slot whose result a hunt still has to determine, where a launch would give up.
    pub(super) fn in_doubt(&self, slot: SlotNumber) -> Option<Intent> {
        self.hunt.as_ref().filter(|_| self.is_over().is_none())?;
        match self.journal.state(|state| state.slot(slot).next()) {
            Next::Settle(intent) => Some(intent),
            _ => None,
        }
    }
}

impl SlotProgress {
    /// Chooses a target that provides instances, otherwise a probe. There is at least one of the `placements`.
    pub(super) fn choose_hunting<'a>(
        &mut self,
        context: &'a Context<'_>,
        hunt: &'a Hunt,
        placements: u32,
    ) -> Choice<'a> {
        if let Some(error) = hunt.hopeless() {
            return Choice::GiveUp(error);
        }
        if self.in_this_pass >= placements {
            self.in_this_pass = 0;
            if !std::mem::take(&mut self.retryable) && !hunt.has_answer() {
                // Each placement refused permanently, so all other slots would be refused too.
                hunt.end_as_hopeless(self.last_error());
                return Choice::GiveUp(self.last_error());
            }
        }
        let mut is_full = false;
        for attempt in self.attempts_at_each(placements) {
            let target = target_of(&context.plan.fleet, &context.plan.placement(self.slot, attempt));
            if hunt.is_yielding(&target) {
                match self.enter(context, attempt) {
                    Entry::Open(held) => return Choice::Try(held),
                    Entry::Full => is_full = true,
                }
            }
        }
        if is_full {
            return Choice::Hold;
        }
        hunt.try_turn().filter(|_| !hunt.is_over()).map_or(Choice::Later, Choice::Probe)
    }

    /// Waits until a probe is allowed, and chooses its target: one with capacity according to the last report, otherwise the one
    /// that was probed longest ago, initially the one with the best score. Targets whose limit or quota refused recently come last.
    pub(super) async fn aim<'a>(&mut self, context: &'a Context<'_>) -> Result<Aim<'a>, Halted> {
        let Some(hunt) = &context.hunt else { return Ok(Aim::Again) };
        if !hunt.until_allowed(context, self.slot).await? {
            return Ok(Aim::Again);
        }
        context.look_at_limits(hunt).await?;
        let (fleet, now) = (&context.plan.fleet, context.env.clock.now());
        let placements = u32::try_from(context.plan.placements_of(self.slot)).unwrap_or(u32::MAX);
        let mut ranked: Vec<_> = self
            .attempts_at_each(placements)
            .map(|attempt| {
                let placement = context.plan.placement(self.slot, attempt);
                let target = target_of(fleet, &placement);
                let is_limited = context.memory.is_limited(fleet, &placement, now);
                let (score, asked) = context.memory.record_of(&target, now);
                let probed = hunt.probed(&target);
                // Requests of earlier runs count until this run has sent its own.
                let asked = asked.filter(|_| probed == 0);
                (
                    (is_limited, !hunt.is_first(&target), probed, asked, Reverse((score * 1000.0) as u32)),
                    attempt,
                )
            })
            .collect();
        ranked.sort();
        for (_, attempt) in ranked {
            if let Entry::Open(held) = self.enter(context, attempt) {
                return Ok(Aim::At(held));
            }
        }
        Ok(Aim::Nowhere)
    }

    /// The next attempt at each placement.
    fn attempts_at_each(&self, placements: u32) -> std::ops::Range<u32> {
        self.attempt..self.attempt.saturating_add(placements)
    }
}
