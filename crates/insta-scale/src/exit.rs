//! Exit codes, which tell a script how a command ended. Documented in docs/exit-codes.md and in `--help`.

use fleet::RunSummary;
use fleet::action::ActionSummary;
use ledger::Outcome;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Everything requested is done: every instance is RUNNING, or launched with `--no-wait`.
    Done,
    /// The command, the config or the setup of this machine is invalid. Nothing was done.
    Usage,
    /// Some instances failed.
    SomeFailed,
    /// No instance was launched.
    NoneLaunched,
    /// The login was refused.
    NotAuthenticated,
    /// A hunt that probes once has not found everything yet.
    NotYet,
    /// A ratchet ran out of time or money before enough was reserved, and gave everything back.
    NotHeld,
    /// The user interrupted.
    Interrupted,
    /// The exit code of the program that `sim exec` ran.
    OfProgram(u8),
}

impl Exit {
    /// All exit codes, for the documentation.
    pub const ALL: [Self; 8] = [
        Self::Done,
        Self::Usage,
        Self::SomeFailed,
        Self::NoneLaunched,
        Self::NotAuthenticated,
        Self::NotYet,
        Self::NotHeld,
        Self::Interrupted,
    ];

    /// The code.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Usage => 2,
            Self::SomeFailed => 3,
            Self::NoneLaunched => 4,
            Self::NotAuthenticated => 5,
            Self::NotYet => 6,
            Self::NotHeld => 7,
            Self::Interrupted => 130,
            Self::OfProgram(code) => code,
        }
    }

    /// The exit code of a run. A run without an end, because its process died, is judged by its instances.
    pub fn of(summary: &RunSummary) -> Self {
        match summary.outcome {
            Some(Outcome::Complete) => Self::Done,
            Some(Outcome::NotAuthenticated) => Self::NotAuthenticated,
            Some(Outcome::Interrupted) => Self::Interrupted,
            Some(Outcome::GivenBack | Outcome::Nothing) if summary.was_not_held() => Self::NotHeld,
            Some(Outcome::GivenBack) => Self::NoneLaunched,
            // An instance may exist, so "none" would be wrong.
            Some(Outcome::InDoubt) => Self::SomeFailed,
            Some(Outcome::Partial) if summary.is_best_effort_met() => Self::Done,
            Some(
                Outcome::Partial
                | Outcome::Nothing
                | Outcome::LedgerFailed
                | Outcome::CutShort
                | Outcome::Stopped,
            )
            | None => {
                if summary.launched == 0 {
                    Self::NoneLaunched
                } else {
                    Self::SomeFailed
                }
            }
        }
    }

    /// The exit code of an action run: the same codes, counted by completed actions.
    pub fn of_actions(summary: &ActionSummary) -> Self {
        match summary.outcome {
            Some(Outcome::Complete) => Self::Done,
            Some(Outcome::NotAuthenticated) => Self::NotAuthenticated,
            Some(Outcome::Interrupted) => Self::Interrupted,
            _ if summary.done + summary.accepted == 0 => Self::NoneLaunched,
            _ => Self::SomeFailed,
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(outcome: Option<Outcome>, launched: u32) -> u8 {
        let run = ledger::RunId(uuid::Uuid::nil());
        let nothing = RunSummary::of(&ledger::RunState::new(run), &fleet::Plan::default());
        let summary = RunSummary { outcome, launched, ..nothing };
        Exit::of(&summary).code()
    }

    #[test]
    fn every_outcome_has_its_code() {
        let codes = [
            (Some(Outcome::Complete), 3, 0),
            (Some(Outcome::Partial), 2, 3),
            (Some(Outcome::Nothing), 0, 4),
            (Some(Outcome::Nothing), 3, 3),
            (Some(Outcome::NotAuthenticated), 0, 5),
            (Some(Outcome::NotAuthenticated), 2, 5),
            (Some(Outcome::Interrupted), 2, 130),
            (Some(Outcome::GivenBack), 0, 4),
            (Some(Outcome::LedgerFailed), 1, 3),
            (Some(Outcome::InDoubt), 0, 3),
            (Some(Outcome::InDoubt), 2, 3),
            (Some(Outcome::CutShort), 0, 4),
            (Some(Outcome::CutShort), 2, 3),
            (None, 0, 4),
        ];
        for (outcome, launched, code) in codes {
            assert_eq!(ended(outcome, launched), code, "{outcome:?} {launched}");
        }
    }

    #[test]
    fn the_help_and_the_document_name_every_code() {
        let document = include_str!("../../../docs/exit-codes.md");
        let help = <crate::args::Cli as clap::CommandFactory>::command().render_long_help().to_string();
        for exit in Exit::ALL {
            let code = exit.code();
            assert!(document.contains(&format!("| {code} |")), "docs/exit-codes.md lacks {code}");
            assert!(
                help.lines().any(|line| line.trim_start().starts_with(&format!("{code} "))),
                "--help lacks {code}"
            );
        }
    }
}
