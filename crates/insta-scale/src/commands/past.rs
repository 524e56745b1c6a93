//! Reads the past of a run from its records: its state and its plan.

use crate::error::CommandError;
use crate::output::text::count;
use fleet::Plan;
use ledger::{Records, RunId, RunState, Store};
use std::sync::Arc;

/// What the records say of a run, and its plan.
pub async fn of_run(store: &Arc<dyn Store>, run: RunId) -> Result<(RunState, Plan), CommandError> {
    of_records(run, &store.records(run).await?)
}

/// The same, from its records.
pub fn of_records(run: RunId, records: &Records) -> Result<(RunState, Plan), CommandError> {
    let mut state = RunState::fold(run, &records.records);
    if let Some(first) = records.unreadable.first() {
        let lost = count(u32::try_from(records.unreadable.len()).unwrap_or(u32::MAX), "record");
        let (seq, reason) = (first.seq, &first.reason);
        state.warnings.push(format!("{lost} of the run cannot be read (from number {seq} on: {reason})"));
    }
    if state.kind.is_none() {
        return Err(CommandError::usage(
            format!("the first record of run {run}, which holds its plan, cannot be read"),
            format!("its instances have its tag: oci-insta-scale resume --from-cloud {run}"),
        ));
    }
    let plan = serde_json::from_value(state.plan.clone())
        .map_err(|error| CommandError::Run(format!("the plan of run {run} cannot be read: {error}")))?;
    Ok((state, plan))
}
