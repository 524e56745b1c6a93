//! The result of a cleanup of volumes and reservations, from only its records.

use super::delete::Item;
use crate::action::RowResult;
use ledger::{ErrorRecord, Outcome, Phase, RunId, RunState, SlotNumber, SlotState};
use serde::Serialize;

/// A cleanup in numbers and rows. The instances that it terminated are in a separate run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CleanupSummary {
    /// The run.
    pub run_id: RunId,
    /// How it ended; absent while it has not.
    pub outcome: Option<Outcome>,
    /// Resources to be deleted.
    pub requested: u32,
    /// Resources that were deleted.
    pub done: u32,
    /// Resources that could not be deleted.
    pub failed: u32,
    /// Resources that were not tried, or whose end is unknown.
    pub left: u32,
    /// One row per resource, in the order in which they were shown.
    pub leftovers: Vec<CleanupRow>,
}

/// One resource.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CleanupRow {
    /// Its number in the run, from 1.
    pub slot: SlotNumber,
    /// Its kind: `boot volume`, `volume`, `reservation`, or a part of a network: `subnet`, `VCN`.
    pub kind: &'static str,
    /// Its display name.
    pub name: String,
    /// Its OCID.
    pub ocid: String,
    /// The result.
    pub result: RowResult,
    /// Why it failed.
    pub error: Option<ErrorRecord>,
}

impl CleanupSummary {
    /// The summary, from only the state of the run. An unreadable plan has no rows.
    pub fn of(state: &RunState) -> Self {
        let items: Vec<Item> = serde_json::from_value(state.plan.clone()).unwrap_or_default();
        let rows: Vec<CleanupRow> =
            items.iter().zip(1..).map(|(item, slot)| row(slot, item, &state.slot(slot))).collect();
        let count = |result: &[RowResult]| {
            let rows = rows.iter().filter(|row| result.contains(&row.result));
            u32::try_from(rows.count()).unwrap_or(u32::MAX)
        };
        Self {
            run_id: state.run,
            outcome: state.outcome,
            requested: state.requested,
            done: count(&[RowResult::Done]),
            failed: count(&[RowResult::Failed]),
            left: count(&[RowResult::Left, RowResult::Unknown]),
            leftovers: rows,
        }
    }
}

fn row(slot: SlotNumber, item: &Item, state: &SlotState) -> CleanupRow {
    let result = match state.phase {
        Phase::ActionDone => RowResult::Done,
        Phase::Failed => RowResult::Failed,
        Phase::ActionIntended => RowResult::Unknown,
        _ => RowResult::Left,
    };
    CleanupRow {
        slot,
        kind: item.kind(),
        name: item.name().to_owned(),
        ocid: item.ocid().to_owned(),
        result,
        error: state.error.as_deref().filter(|_| result == RowResult::Failed).cloned(),
    }
}
