//! How a run of actions ended.

use super::engine::{Engine, Halt};
use ledger::{Outcome, Phase};

impl Engine<'_> {
    pub(super) fn outcome(&self) -> Outcome {
        match self.halt {
            Some(Halt::Interrupted) => return Outcome::Interrupted,
            Some(Halt::NotAuthenticated) => return Outcome::NotAuthenticated,
            Some(Halt::LedgerFailed) => return Outcome::LedgerFailed,
            None => {}
        }
        let state = &self.journal.state;
        let good = state
            .slots
            .values()
            .filter(|slot| {
                matches!(slot.phase, Phase::ActionDone | Phase::ActionAccepted) && !slot.wait_ended
            })
            .count();
        if good == state.requested as usize {
            Outcome::Complete
        } else if good == 0 {
            Outcome::Nothing
        } else {
            Outcome::Partial
        }
    }
}
