//! The result of an action run: a fold over its records, which contain everything needed.
//!
//! Keys that a launch's document also has mean the same there.

use super::{ActionPlan, Verb};
use crate::price::StillCosts;
use jiff::Timestamp;
use ledger::{
    ErrorClass, ErrorRecord, InstanceRef, Outcome, Phase, RequestCount, RunId, RunState, SlotNumber,
    SlotState, StateName,
};
use oci_client::region_of;
use schemars::JsonSchema;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;

/// An action run in numbers and rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ActionSummary {
    /// The run; absent if there was nothing to do and therefore no run.
    pub run_id: Option<RunId>,
    /// The action.
    pub action: Option<Verb>,
    /// How it ended; absent while it has not.
    pub outcome: Option<Outcome>,
    /// Instances selected.
    pub requested: u32,
    /// Instances whose action was accepted but that were not seen in the wanted state: with `--no-wait`, all of them.
    pub accepted: u32,
    /// Instances in the wanted state, including those that were there before.
    pub done: u32,
    /// The part of them that was there before.
    pub skipped: u32,
    /// Instances that failed, or whose wait ended.
    pub failed: u32,
    /// Instances that were not acted on, because the run was interrupted or stopped first.
    pub left: u32,
    /// Seconds since the run began.
    pub elapsed_s: f64,
    /// Requests by operation.
    pub requests: BTreeMap<String, RequestCount>,
    /// The named instances that were not found, as the user wrote them. Each also has a row with a failure.
    pub missing: Vec<String>,
    /// One row per instance, in the order of the selection.
    pub instances: Vec<ActionRow>,
    /// Warnings to the user.
    pub warnings: Vec<String>,
    /// Unused resources that continue to cost money; absent if this was not checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub still_costs: Option<Vec<StillCosts>>,
}

/// The result for one instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RowResult {
    /// It is in the wanted state.
    Done,
    /// It was already in the wanted state.
    Skipped,
    /// The action was accepted.
    Accepted,
    /// It did not reach the wanted state, or the service refused.
    Failed,
    /// It did not reach the wanted state in time, and still may.
    WaitEnded,
    /// The action was about to be sent, and its outcome is unknown.
    Unknown,
    /// It was not acted on.
    Left,
}

/// One instance.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ActionRow {
    /// Its number in the selection, from 1.
    pub slot: SlotNumber,
    /// Its display name.
    pub name: String,
    /// Its OCID. This field and the following ones are empty if it was named but not found.
    #[serde(serialize_with = "or_null")]
    pub ocid: String,
    /// The result.
    pub result: RowResult,
    /// The state in which it was last seen.
    #[serde(serialize_with = "or_null")]
    pub state: String,
    /// Its region, if its OCID or its availability domain names one.
    pub region: Option<String>,
    /// Its availability domain.
    #[serde(serialize_with = "or_null")]
    pub availability_domain: String,
    /// Its fault domain.
    pub fault_domain: Option<String>,
    /// Its shape.
    #[serde(serialize_with = "or_null")]
    pub shape: String,
    /// Requests sent for it.
    pub attempts: u32,
    /// Why it failed, or why it was last refused if nothing was done.
    pub error: Option<ErrorRecord>,
}

/// Serialises an empty text as null.
fn or_null<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    if text.is_empty() { serializer.serialize_none() } else { serializer.serialize_str(text) }
}

impl ActionSummary {
    /// The summary if no instance was selected and there is therefore no run. `outcome` is `Complete` if that is acceptable.
    pub fn of_nothing(verb: Verb, outcome: Outcome) -> Self {
        let nothing = RunState::new(RunId(uuid::Uuid::nil()));
        Self { run_id: None, action: Some(verb), outcome: Some(outcome), ..Self::of(&nothing) }
    }

    /// The summary, from only the state of the run.
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
    let state = slot.state.clone().map_or(instance.state, StateName::into_owned);
    let error = match result {
        RowResult::Failed | RowResult::Unknown | RowResult::Left => slot.error.as_deref().cloned(),
        RowResult::WaitEnded => Some(ErrorRecord {
            class: ErrorClass::WaitTimeout,
            code: "WaitTimeout".to_owned(),
            message: format!("the wait ended while the instance was {state}; the action was accepted"),
            ..ErrorRecord::default()
        }),
        _ => None,
    };
    let region = region_of(&instance.ocid, &instance.availability_domain);
    ActionRow {
        slot: number,
        name: instance.name,
        ocid: instance.ocid,
        result,
        state,
        region,
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
