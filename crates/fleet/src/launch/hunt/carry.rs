//! Continues a hunt where a launch would end and wait for a `resume`: when the ledger could not be written for a while, or when
//! the login was refused while the run was being resumed.

use super::Hunting;
use crate::engine::env::{Environment, RunError, Sink};
use crate::launch::{LaunchOptions, RunSummary, run};
use crate::plan::Plan;
use crate::tuning::LEDGER_PAUSE;
use ledger::{LedgerError, Outcome, RunId};
use oci_client::FailureClass;
use tokio_util::sync::CancellationToken;

/// How a hunt begins in this process.
#[derive(Clone, Copy, Debug)]
pub enum Begin<'a> {
    /// As a new run of this plan.
    New(&'a Plan),
    /// As a run that another process has left.
    TakenUp,
}

/// Carries a hunt to its end despite failures of the ledger. Nothing is sent while the ledger cannot be written.
///
/// # Errors
/// When a new run cannot be written, or an old one cannot be resumed for a permanent reason.
pub async fn carry_on(
    env: &Environment,
    id: RunId,
    begin: Begin<'_>,
    options: &LaunchOptions,
    sink: Sink,
    stop: CancellationToken,
) -> Result<RunSummary, RunError> {
    let mut ended = match begin {
        Begin::New(plan) => Ok(run::launch(env, id, plan, options, sink.clone(), stop.clone()).await?),
        Begin::TakenUp => run::resume(env, id, options, sink.clone(), stop.clone()).await,
    };
    let options = &without_told(options);
    while may_go_on(&ended, &options.hunting) && !stop.is_cancelled() {
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            () = tokio::time::sleep(LEDGER_PAUSE) => {}
        }
        ended = run::resume(env, id, options, sink.clone(), stop.clone()).await;
    }
    ended
}

/// Removes warnings that were already reported.
fn without_told(options: &LaunchOptions) -> LaunchOptions {
    let hunting = Hunting { told: Vec::new(), ..options.hunting.clone() };
    LaunchOptions { hunting, ..options.clone() }
}

/// Whether the hunt stopped for a reason that may pass.
fn may_go_on(ended: &Result<RunSummary, RunError>, hunting: &Hunting) -> bool {
    if hunting.once {
        return false;
    }
    match ended {
        Ok(summary) => summary.outcome == Some(Outcome::LedgerFailed),
        Err(RunError::Ledger(error)) => {
            let is_passing = matches!(
                error,
                LedgerError::Full { .. }
                    | LedgerError::ServerFull { .. }
                    | LedgerError::Away { .. }
                    | LedgerError::ReadOnly { .. }
                    | LedgerError::Busy { .. }
                    | LedgerError::Io { .. }
            );
            if is_passing {
                tracing::warn!(%error, "the hunt waits until the ledger can be written");
            }
            is_passing
        }
        // The client reads the credentials again when they are refused.
        Err(RunError::Failure(failure)) => failure.class == FailureClass::Authentication,
        Err(RunError::NotResumable { .. }) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hunt_waits_for_a_database_that_is_away_or_full() {
        let (ledger, reason) = ("postgres://db/fleet".to_owned(), "it is".to_owned());
        let goes_on = |error| may_go_on(&Err(RunError::Ledger(error)), &Hunting::default());
        assert!(goes_on(LedgerError::Away { ledger: ledger.clone(), reason: reason.clone() }));
        assert!(goes_on(LedgerError::ServerFull { ledger: ledger.clone(), reason: reason.clone() }));
        // These do not pass by themselves.
        assert!(!goes_on(LedgerError::Refused { ledger: ledger.clone(), reason }));
        assert!(!goes_on(LedgerError::TooNew { path: ledger.into(), found: 2, known: 1 }));
    }
}
