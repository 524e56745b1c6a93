//! Explains by target and by slot why a launch has only the instances it has. It is a fold over the state of the run.

use crate::plan::Plan;
use jiff::Timestamp;
use ledger::{CapacityType, ErrorClass, ErrorRecord, Outcome, Phase, RunState, SlotState, TargetState};
use schemars::JsonSchema;
use serde::Serialize;

/// The responses of one target in a run.
#[derive(Clone, Debug, Default, PartialEq, JsonSchema, Serialize)]
pub struct TargetSummary {
    /// Its region, if the run has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The full name of its availability domain.
    pub availability_domain: String,
    /// The fault domain, if one is requested.
    pub fault_domain: Option<String>,
    /// The shape.
    pub shape: String,
    /// The requested OCPUs, if the config states them.
    pub ocpus: Option<f64>,
    /// The requested memory in GB, if the config states it.
    pub memory_gb: Option<f64>,
    /// How the capacity is bought, if this target has its own setting.
    pub capacity_type: Option<CapacityType>,
    /// The capacity reservation in use.
    pub capacity_reservation: Option<String>,
    /// Attempts that began there.
    pub attempts: u32,
    /// Instances that were launched there and were not terminated before they ran.
    pub obtained: u32,
    /// Responses that were failures.
    pub refused: u64,
    /// When it was first asked.
    pub first_at: Option<Timestamp>,
    /// When it last responded.
    pub last_at: Option<Timestamp>,
    /// Seconds between the two.
    pub waited_s: Option<f64>,
    /// When and why it was given up, if instances are missing because of that.
    pub given_up: Option<GivenUp>,
    /// The last failure.
    #[serde(skip)]
    pub error: Option<ErrorRecord>,
}

/// When and why a target or slot was given up.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct GivenUp {
    /// The time.
    pub at: Timestamp,
    /// The reason, in this program's words.
    pub why: String,
}

/// The responses of each target, in the order of first tries.
pub(super) fn targets(state: &RunState, plan: &Plan) -> Vec<TargetSummary> {
    state.targets.rows().iter().map(|row| target(row, state, plan)).collect()
}

fn target(row: &TargetState, state: &RunState, plan: &Plan) -> TargetSummary {
    let place = &row.placement;
    let size = plan.fleet.size_at(place);
    let given_up = match (row.given_up_at, &row.last_error) {
        (Some(at), Some(error)) => Some(GivenUp { at, why: why_failed(&error.class).to_owned() }),
        (None, Some(_)) => end(state),
        (_, None) => None,
    };
    TargetSummary {
        region: plan.fleet.region_if_several(place),
        availability_domain: place.availability_domain.clone(),
        fault_domain: place.fault_domain.clone(),
        shape: place.shape.clone(),
        ocpus: size.ocpus,
        memory_gb: size.memory_gb,
        capacity_type: place.capacity_type,
        capacity_reservation: place.capacity_reservation.clone().filter(|ocid| !ocid.is_empty()),
        attempts: row.attempts,
        obtained: row.obtained,
        refused: row.refused,
        first_at: row.first_at,
        last_at: row.last_at,
        waited_s: between(row.first_at, row.last_at),
        given_up,
        error: row.last_error.clone(),
    }
}

/// How long a slot was tried, until its instance was launched or it was given up.
pub(super) fn waited(slot: &SlotState, state: &RunState) -> Option<f64> {
    let end = slot.launched_at.or(slot.given_up_at).or(state.finished_at).or(state.last_at);
    between(slot.first_tried_at, end)
}

/// When and why a slot without an instance was given up.
pub(super) fn given_up(slot: &SlotState, state: &RunState) -> Option<GivenUp> {
    if slot.phase == Phase::GivenBack {
        return end(state);
    }
    if slot.ocid.is_some() {
        return None;
    }
    match (slot.given_up_at, &slot.error) {
        (Some(at), Some(error)) => Some(GivenUp { at, why: why_failed(&error.class).to_owned() }),
        _ => end(state),
    }
}

/// The end of the run, if it ended a search.
fn end(state: &RunState) -> Option<GivenUp> {
    let at = state.finished_at?;
    let why = match (state.outcome?, state.giving_back) {
        (Outcome::Complete, _) => return None,
        (_, Some((reached, min))) => format!("rolled back: {reached} running is below the minimum of {min}"),
        (Outcome::Partial | Outcome::Nothing, _) => "the run ended".to_owned(),
        (Outcome::NotAuthenticated, _) => "the login was refused".to_owned(),
        (Outcome::Interrupted, _) => "interrupted".to_owned(),
        (Outcome::GivenBack, _) => "rolled back".to_owned(),
        (Outcome::LedgerFailed, _) => "the ledger could not be written".to_owned(),
        (Outcome::InDoubt, _) => "the outcome of a launch is unknown".to_owned(),
        (Outcome::CutShort, _) => "out of time".to_owned(),
        (Outcome::Stopped, _) => "ended for good".to_owned(),
    };
    Some(GivenUp { at, why })
}

/// Why a slot with this failure was not tried again.
fn why_failed(class: &ErrorClass) -> &'static str {
    match class {
        ErrorClass::Capacity | ErrorClass::ReservationExhausted => "no capacity in the time or tries allowed",
        ErrorClass::Limit => "a limit or quota is used up",
        ErrorClass::Deadline => "out of time",
        ErrorClass::Bound => "out of money",
        ErrorClass::Authentication => "the login was refused",
        ErrorClass::Throttled
        | ErrorClass::Network
        | ErrorClass::Service
        | ErrorClass::Ambiguous
        | ErrorClass::Busy => "no success in the time or tries allowed",
        _ => "another try would fail in the same way",
    }
}

fn between(from: Option<Timestamp>, to: Option<Timestamp>) -> Option<f64> {
    Some(to?.duration_since(from?).as_millis().max(0) as f64 / 1000.0)
}
