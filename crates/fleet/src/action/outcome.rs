//! Determines how an action run ended.

use super::engine::{ActionEngine, Halt};
use crate::engine::outcome::{Ending, Reached};
use ledger::{Outcome, Phase};

impl ActionEngine<'_> {
    pub(super) fn outcome(&self) -> Outcome {
        let reached = self.journal.state(|state| {
            let slots = state.slots.values().filter(|slot| !slot.wait_ended);
            let good = slots.filter(|slot| match slot.phase {
                Phase::ActionDone => true,
                Phase::ActionAccepted => !self.options.wait || self.halt.is_none(),
                _ => false,
            });
            Reached::of(good.count(), state.requested as usize)
        });
        let ending = Ending {
            ledger_failed: self.journal.broken().is_some(),
            refused: self.halt == Some(Halt::NotAuthenticated),
            interrupted: self.halt == Some(Halt::Interrupted),
            reached,
            ..Ending::default()
        };
        ending.outcome()
    }
}
