//! Reads the past of a run from its records: its state and its plan.

use crate::Plan;
use ledger::{LedgerError, Records, RunId, RunState, Store};
use oci_client::Failure;

/// Why a past run cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PastError {
    /// The ledger cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The compartment cannot be listed.
    #[error("{0}")]
    Failure(#[source] Box<Failure>),
    /// The record with the run's plan is lost.
    #[error("the first record of run {run}, which holds its plan, cannot be read")]
    FirstRecord {
        /// The run.
        run: RunId,
    },
    /// This version does not understand the plan.
    #[error("the plan of run {run} cannot be read: {source}")]
    Plan {
        /// The run.
        run: RunId,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

impl From<Failure> for PastError {
    fn from(failure: Failure) -> Self {
        Self::Failure(Box::new(failure))
    }
}

/// Reads the state and the plan of a run.
///
/// # Errors
/// When the ledger, or the plan in it, cannot be read.
pub async fn read_past(store: &dyn Store, run: RunId) -> Result<(RunState, Plan), PastError> {
    read_records(run, &store.records(run).await?)
}

/// The same, from its records. Unreadable records become warnings of the state.
///
/// # Errors
/// When the plan cannot be read.
pub fn read_records(run: RunId, records: &Records) -> Result<(RunState, Plan), PastError> {
    let mut state = RunState::fold(run, &records.records);
    if let Some(first) = records.unreadable.first() {
        let lost = match records.unreadable.len() {
            1 => "1 record".to_owned(),
            many => format!("{many} records"),
        };
        let (seq, reason) = (first.seq, &first.reason);
        state.warnings.push(format!("{lost} of the run cannot be read (from number {seq} on: {reason})"));
    }
    if state.kind.is_none() {
        return Err(PastError::FirstRecord { run });
    }
    let plan =
        serde_json::from_value(state.plan.clone()).map_err(|source| PastError::Plan { run, source })?;
    Ok((state, plan))
}
