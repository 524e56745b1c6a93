//! Why a launch has no more instances than it has: by target and by slot, in words. A fold over the state of the run.

use crate::plan::Plan;
use jiff::Timestamp;
use ledger::{CapacityType, ErrorClass, ErrorRecord, Outcome, Phase, RunState, SlotState, TargetState};
use serde::Serialize;

/// What one target answered in a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TargetSummary {
    /// The full name of its availability domain.
    pub availability_domain: String,
    /// The fault domain, where one is asked for.
    pub fault_domain: Option<String>,
    /// The shape.
    pub shape: String,
    /// The size that was asked for, where the config gives one.
    pub ocpus: Option<f64>,
    /// The memory that was asked for in GB, where the config gives it.
    pub memory_gb: Option<f64>,
    /// How the capacity is bought, where it is this target's own.
    pub capacity_type: Option<CapacityType>,
    /// The capacity reservation that is drawn on.
    pub capacity_reservation: Option<String>,
    /// Attempts that were begun there.
    pub attempts: u32,
    /// Instances that were launched there and did not die before they ran.
    pub obtained: u32,
    /// Responses that were failures.
    pub refused: u64,
    /// When it was first asked.
    pub first_at: Option<Timestamp>,
    /// When it answered last.
    pub last_at: Option<Timestamp>,
    /// Seconds from the one to the other.
    pub waited_s: Option<f64>,
    /// When and why nothing more was asked there, if something is missing because of that.
    pub given_up: Option<GivenUp>,
    /// The last failure.
    #[serde(skip)]
    pub error: Option<ErrorRecord>,
}

/// When and why nothing more was tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GivenUp {
    /// When.
    pub at: Timestamp,
    /// Why, in words of ours.
    pub why: String,
}

/// What each target answered, in the order of first tries.
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

/// How long a slot was tried: until its instance was launched, or nothing more was tried.
pub(super) fn waited(slot: &SlotState, state: &RunState) -> Option<f64> {
    let end = slot.launched_at.or(slot.given_up_at).or(state.finished_at).or(state.last_at);
    between(slot.first_tried_at, end)
}

/// When and why nothing more was tried for a slot that has no instance.
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

/// The end of the run, as far as it ended a search.
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
