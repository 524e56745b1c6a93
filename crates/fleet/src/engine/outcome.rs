//! The outcome of a run when several things went wrong: one precedence for launches, actions, cleanups and rollbacks.

use ledger::Outcome;

/// How much of the goal was reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Reached {
    /// All of it.
    All,
    /// Some of it.
    Part,
    /// Nothing.
    #[default]
    Nothing,
}

impl Reached {
    /// From a count and the wanted number.
    pub fn of(count: usize, wanted: usize) -> Self {
        if count >= wanted {
            Self::All
        } else if count == 0 {
            Self::Nothing
        } else {
            Self::Part
        }
    }
}

/// The facts at the end of a run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ending {
    /// The ledger is incomplete.
    pub ledger_failed: bool,
    /// The login was refused.
    pub refused: bool,
    /// The user asked to stop.
    pub interrupted: bool,
    /// The results of some requests are unknown.
    pub in_doubt: bool,
    /// Only time was missing.
    pub cut_short: bool,
    /// How much was reached.
    pub reached: Reached,
}

impl Ending {
    /// The outcome: the most severe one on which the user has to act.
    pub fn outcome(self) -> Outcome {
        if self.ledger_failed {
            Outcome::LedgerFailed
        } else if self.reached == Reached::All && !self.in_doubt {
            Outcome::Complete
        } else if self.refused {
            Outcome::NotAuthenticated
        } else if self.interrupted {
            Outcome::Interrupted
        } else if self.in_doubt {
            Outcome::InDoubt
        } else if self.cut_short {
            Outcome::CutShort
        } else if self.reached == Reached::Nothing {
            Outcome::Nothing
        } else {
            Outcome::Partial
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_that_needs_the_user_is_the_outcome() {
        let mut ending = Ending {
            ledger_failed: true,
            refused: true,
            interrupted: true,
            in_doubt: true,
            cut_short: true,
            reached: Reached::Part,
        };
        assert_eq!(ending.outcome(), Outcome::LedgerFailed);
        ending.ledger_failed = false;
        assert_eq!(ending.outcome(), Outcome::NotAuthenticated);
        ending.refused = false;
        assert_eq!(ending.outcome(), Outcome::Interrupted);
        ending.interrupted = false;
        assert_eq!(ending.outcome(), Outcome::InDoubt);
        ending.in_doubt = false;
        assert_eq!(ending.outcome(), Outcome::CutShort);
        ending.cut_short = false;
        assert_eq!(ending.outcome(), Outcome::Partial);
        assert_eq!(Ending::default().outcome(), Outcome::Nothing);
    }

    #[test]
    fn a_run_that_has_everything_is_complete_though_interrupted() {
        let all =
            Ending { interrupted: true, refused: true, reached: Reached::of(3, 3), ..Ending::default() };
        assert_eq!(all.outcome(), Outcome::Complete);
        assert_eq!(Ending { in_doubt: true, ..all }.outcome(), Outcome::NotAuthenticated);
    }
}
