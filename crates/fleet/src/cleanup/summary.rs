//! The result of a cleanup of volumes and reservations, from its records alone.

use super::delete::Item;
use crate::action::RowResult;
use ledger::{ErrorRecord, Outcome, Phase, RunId, RunState, SlotNumber, SlotState};
use serde::Serialize;

/// A cleanup in numbers and rows. The instances that it terminated are a run of their own.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CleanupSummary {
    /// The run.
    pub run_id: RunId,
    /// How it ended; absent while it has not.
    pub outcome: Option<Outcome>,
    /// Things that were to be deleted.
    pub requested: u32,
    /// Those that are gone.
    pub done: u32,
    /// Those that could not be deleted.
    pub failed: u32,
    /// Those that were not tried, or of which the end is not known.
    pub left: u32,
    /// One row per thing, in the order in which they were shown.
    pub leftovers: Vec<CleanupRow>,
}

/// One thing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CleanupRow {
    /// Its number in the run, from 1.
    pub slot: SlotNumber,
    /// What it is: `boot volume`, `volume`, `reservation`.
    pub kind: &'static str,
    /// Its display name.
    pub name: String,
    /// Its OCID.
    pub ocid: String,
    /// How it went.
    pub result: RowResult,
    /// Why it failed.
    pub error: Option<ErrorRecord>,
}

impl CleanupSummary {
    /// The summary, from the state of the run alone. A plan that cannot be read has no rows.
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
        error: state.error.clone().filter(|_| result == RowResult::Failed),
    }
}
