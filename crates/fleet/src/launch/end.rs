//! Ends a launch permanently: its slots launch nothing more, and it no longer blocks another launch.

use crate::Environment;
use crate::engine::env::no_sink;
use crate::engine::journal::Journal;
use ledger::{Event, LedgerError, Outcome, RunId, RunState};
use tokio_util::sync::CancellationToken;

/// The result of ending a launch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndOfRun {
    /// It had already ended.
    Before,
    /// It has ended now, with this number of instances not launched.
    Now {
        /// How many instances it will not launch.
        missing: u32,
    },
    /// It stays unfinished, because only `resume` determines which instances it launched.
    Unknown {
        /// Launches whose outcome is unknown.
        unsettled: u32,
        /// Records that cannot be read.
        unreadable: usize,
    },
}

/// Ends a launch permanently, unless one of its launches is in doubt. The caller holds the lease of the run.
///
/// # Errors
/// When the ledger cannot be read or written.
pub async fn end_for_good(env: &Environment, run: RunId) -> Result<EndOfRun, LedgerError> {
    let found = env.store.records(run).await?;
    let state = RunState::fold(run, &found.records);
    if state.outcome.is_some_and(|outcome| !outcome.is_unfinished()) {
        return Ok(EndOfRun::Before);
    }
    let (unsettled, unreadable) = (state.counts.unsettled, found.unreadable.len());
    if unsettled > 0 || unreadable > 0 {
        return Ok(EndOfRun::Unknown { unsettled, unreadable });
    }
    let missing = state.requested.saturating_sub(state.counts.launched);
    let journal = Journal::open(env, None, state, no_sink(), CancellationToken::new());
    journal.intend(Event::RunFinished { outcome: Outcome::Stopped }).await?;
    Ok(EndOfRun::Now { missing })
}
