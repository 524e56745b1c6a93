//! The result of a run of actions: a fold over its records, which contain everything that is needed.
//!
//! The keys that a launch's document has too mean the same there.

use super::{ActionPlan, Verb};
use crate::price::StillCosts;
use jiff::Timestamp;
use ledger::{
    ErrorClass, ErrorRecord, InstanceRef, Outcome, Phase, RequestCount, RunId, RunState, SlotNumber,
    SlotState,
};
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;

/// A run of actions in numbers and rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ActionSummary {
    /// The run; absent when there was nothing to do, and so no run.
    pub run_id: Option<RunId>,
    /// What was done.
    pub action: Option<Verb>,
    /// How it ended; absent while it has not.
    pub outcome: Option<Outcome>,
    /// Instances selected.
    pub requested: u32,
    /// Instances whose action was accepted and that were not seen in the wanted state: with `--no-wait`, all of them.
    pub accepted: u32,
    /// Instances in the wanted state, those that were there before included.
    pub done: u32,
    /// Of these, the ones that were there before.
    pub skipped: u32,
    /// Instances that failed, or whose wait ended.
    pub failed: u32,
    /// Instances that nothing was done to: the run was interrupted or stopped before.
    pub left: u32,
    /// Seconds since the run began.
    pub elapsed_s: f64,
    /// Requests by operation.
    pub requests: BTreeMap<String, RequestCount>,
    /// The named instances that were not found, as the user wrote them. Each has a row too, and has failed.
    pub missing: Vec<String>,
    /// One row per instance, in the order of the selection.
    pub instances: Vec<ActionRow>,
    /// What the user should know and stopped nothing.
    pub warnings: Vec<String>,
    /// Unused resources that continue to cost money; absent if this was not checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub still_costs: Option<Vec<StillCosts>>,
}

/// How it went for one instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RowResult {
    /// It is in the wanted state.
    Done,
    /// It was there before.
    Skipped,
    /// The action was accepted.
    Accepted,
    /// It did not get there, or the service refused.
    Failed,
    /// It did not get there in time, and may still.
    WaitEnded,
    /// The action was about to be sent, and its outcome is unknown.
    Unknown,
    /// Nothing was done to it.
    Left,
}

/// One instance.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ActionRow {
    /// Its number in the selection, from 1.
    pub slot: SlotNumber,
    /// Its display name.
    pub name: String,
    /// Its OCID; empty when it was named and not found, as what follows is.
    #[serde(serialize_with = "or_null")]
    pub ocid: String,
    /// How it went.
    pub result: RowResult,
    /// The state that it was last seen in.
    #[serde(serialize_with = "or_null")]
    pub state: String,
    /// Where it is.
    #[serde(serialize_with = "or_null")]
    pub availability_domain: String,
    /// Its fault domain.
    pub fault_domain: Option<String>,
    /// Its shape.
    #[serde(serialize_with = "or_null")]
    pub shape: String,
    /// Requests sent for it.
    pub attempts: u32,
    /// Why it failed, or why it was refused last when nothing was done.
    pub error: Option<ErrorRecord>,
}

/// A text, or null where nothing is known.
fn or_null<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    if text.is_empty() { serializer.serialize_none() } else { serializer.serialize_str(text) }
}

impl ActionSummary {
    /// What is said when no instance was selected: there is no run then. `outcome` is `Complete` where that is as it should
    /// be.
    pub fn of_nothing(verb: Verb, outcome: Outcome) -> Self {
        let nothing = RunState::new(RunId(uuid::Uuid::nil()));
        Self { run_id: None, action: Some(verb), outcome: Some(outcome), ..Self::of(&nothing) }
    }

    /// The summary, from the state of the run alone.
    pub fn of(state: &RunState) -> Self {
        let plan: Option<ActionPlan> = serde_json::from_value(state.plan.clone()).ok();
        let (verb, selected, missing) = plan.map_or((None, Vec::new(), Vec::new()), |plan| {
            (Some(plan.options.verb), plan.instances, plan.missing)
        });
        let instances: Vec<ActionRow> = selected
            .into_iter()
            .zip(1..)
            .map(|(instance, number)| row(number, instance, &state.slot(number)))
            .collect();
        let count = |results: &[RowResult]| {
            let rows = instances.iter().filter(|row| results.contains(&row.result));
            u32::try_from(rows.count()).unwrap_or(u32::MAX)
        };
        let elapsed_s = match (state.started_at, state.finished_at.or(state.last_at)) {
            (Some(start), Some(end)) => seconds(start, end),
            _ => 0.0,
        };
        Self {
            run_id: Some(state.run),
            action: verb,
            outcome: state.outcome,
            requested: state.requested,
            accepted: count(&[RowResult::Accepted]),
            done: count(&[RowResult::Done, RowResult::Skipped]),
            skipped: count(&[RowResult::Skipped]),
            failed: count(&[RowResult::Failed, RowResult::WaitEnded]),
            left: count(&[RowResult::Left, RowResult::Unknown]),
            elapsed_s,
            requests: state.requests.clone(),
            missing,
            instances,
            warnings: state.warnings.clone(),
            still_costs: None,
        }
    }
}

fn row(number: SlotNumber, instance: InstanceRef, slot: &SlotState) -> ActionRow {
    let result = match slot.phase {
        _ if slot.wait_ended => RowResult::WaitEnded,
        Phase::ActionDone if slot.skipped => RowResult::Skipped,
        Phase::ActionDone => RowResult::Done,
        Phase::ActionAccepted => RowResult::Accepted,
        Phase::Failed => RowResult::Failed,
        Phase::ActionIntended => RowResult::Unknown,
        _ => RowResult::Left,
    };
    let state = slot.state.clone().unwrap_or(instance.state);
    let error = match result {
        RowResult::Failed | RowResult::Unknown | RowResult::Left => slot.error.clone(),
        RowResult::WaitEnded => Some(ErrorRecord {
            class: ErrorClass::WaitTimeout,
            code: "WaitTimeout".to_owned(),
            message: format!("the wait ended while the instance was {state}; the action was accepted"),
            ..ErrorRecord::default()
        }),
        _ => None,
    };
    ActionRow {
        slot: number,
        name: instance.name,
        ocid: instance.ocid,
        result,
        state,
        availability_domain: instance.availability_domain,
        fault_domain: instance.fault_domain,
        shape: instance.shape,
        attempts: slot.attempts,
        error,
    }
}

fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_millis().max(0) as f64 / 1000.0
}
