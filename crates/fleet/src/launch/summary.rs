//! The result of a run: the numbers and rows of the JSON document and of the summary, as a fold over its state.
//!
//! The command adds hints and exit codes; this module knows only the records.

use super::goal;
use super::hunt::SpendingSummary;
use super::parts::EngineSummary;
use super::ratchet::RatchetSummary;
use super::why::{self, GivenUp, TargetSummary};
use crate::plan::{Plan, Strategy, WantedTotals};
use crate::price::StillCosts;
use crate::query::select::Texts;
use jiff::{SignedDuration, Timestamp};
use ledger::{
    CapacityType, ErrorClass, ErrorRecord, Outcome, Phase, Placement, RequestCount, RunId, RunState,
    SlotNumber, SlotState, StateName,
};
use schemars::JsonSchema;
use serde::Serialize;
use std::{collections::BTreeMap, sync::Arc};

/// A run in numbers and rows.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize)]
pub struct RunSummary {
    /// The run.
    pub run_id: RunId,
    /// How it ended; absent while it has not.
    pub outcome: Option<Outcome>,
    /// The number of slots; with wanted totals, of those that are needed as far as is known.
    pub requested: u32,
    /// Slots whose instance exists.
    pub launched: u32,
    /// Slots whose instance was seen running.
    pub running: u32,
    /// Slots with a failure that was not overcome. Slots that were never tried are in none of these numbers.
    pub failed: u32,
    /// What was rolled back, once the rollback has started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub returned: Option<Box<Returned>>,
    /// What a ratchet has held, and what that cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratchet: Option<Box<RatchetSummary>>,
    /// What the instances of a hunt have cost, if that is bounded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spending: Option<Box<SpendingSummary>>,
    /// What the engine of the run has made; absent if it launches single instances and nothing else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engine: Option<Box<EngineSummary>>,
    /// The obtained kinds of instances, in the order of the plan.
    pub obtained: Vec<ObtainedKind>,
    /// The wanted totals, and what the instances amount to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub want: Option<WantSummary>,
    /// What the run does if fewer instances can be obtained.
    pub strategy: Strategy,
    /// Seconds since the run began, or was last resumed.
    pub elapsed_s: f64,
    /// Requests by operation.
    pub requests: BTreeMap<String, RequestCount>,
    /// The responses of each target, in the order of first tries.
    pub targets: Vec<TargetSummary>,
    /// One row per slot, in order.
    pub instances: Vec<InstanceSummary>,
    /// Warnings to the user.
    pub warnings: Vec<String>,
    /// Why the ledger could no longer be written, if so: later events are only reported here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ledger_error: Option<String>,
    /// Unused resources that continue to cost money; absent if this was not checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub still_costs: Option<Vec<StillCosts>>,
}

/// Wanted totals, and what the instances of a run amount to.
#[derive(Clone, Copy, Debug, PartialEq, JsonSchema, Serialize)]
pub struct WantSummary {
    /// What was asked for.
    pub asked: WantedTotals,
    /// The OCPUs of all instances.
    pub ocpus: f64,
    /// Their memory in GB.
    pub memory_gb: f64,
    /// Whether the instances that match the request reach the totals.
    pub reached: bool,
}

/// Instances of one kind.
#[derive(Clone, Debug, Default, PartialEq, JsonSchema, Serialize)]
pub struct ObtainedKind {
    /// Their number.
    pub count: u32,
    /// The shape.
    pub shape: String,
    /// OCPUs of each, if the config states them.
    pub ocpus: Option<f64>,
    /// Memory of each in GB, if the config states it.
    pub memory_gb: Option<f64>,
    /// How their capacity is bought.
    pub capacity_type: Option<CapacityType>,
}

/// What a run rolled back because it stayed below its minimum.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Returned {
    /// How many instances were reached.
    pub reached: u32,
    /// How many were required.
    pub min: u32,
    /// Deleted instances, in the order of their slots. Their boot volumes were deleted with them.
    pub instances: Vec<String>,
    /// Whether the run created reservations.
    pub reserved: bool,
    /// Reservations that the run created or enlarged, as last read, without the deleted ones.
    pub reservations: Vec<ReservationSummary>,
}

/// A reservation that the run created or enlarged.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema, Serialize)]
pub struct ReservationSummary {
    /// Its OCID.
    pub ocid: String,
    /// The number of instances that it reserves.
    pub held: u32,
    /// The number that it held before, if the run only enlarged it.
    pub before: Option<u32>,
}

/// One slot.
#[derive(Clone, Debug, Default, PartialEq, JsonSchema, Serialize)]
pub struct InstanceSummary {
    /// Its number.
    pub slot: SlotNumber,
    /// The display name.
    pub name: String,
    /// The instance, if there is one.
    pub ocid: Option<String>,
    /// The state in which it was last seen.
    pub state: Option<StateName>,
    /// The region of that domain, if the run has several.
    pub region: Option<Arc<str>>,
    /// Its availability domain, or the one that was last tried.
    pub availability_domain: Option<Arc<str>>,
    /// The fault domain, once known.
    pub fault_domain: Option<Arc<str>>,
    /// The shape.
    pub shape: Option<Arc<str>>,
    /// The requested OCPUs, if the config states them.
    pub ocpus: Option<f64>,
    /// The requested memory in GB, if the config states it.
    pub memory_gb: Option<f64>,
    /// How its capacity is bought.
    pub capacity_type: Option<CapacityType>,
    /// The placement of the instance, or the one that was last tried.
    #[serde(skip)]
    pub placement: Option<Arc<Placement>>,
    /// The number of placements tried.
    pub attempts: u32,
    /// When the instance was created.
    pub launched_at: Option<Timestamp>,
    /// When it was first seen running.
    pub running_at: Option<Timestamp>,
    /// Seconds between the two.
    pub ready_in_s: Option<f64>,
    /// Seconds from the first request to the launch, or until the slot was given up.
    pub waited_s: Option<f64>,
    /// When and why the slot was given up, if there is no instance.
    pub given_up: Option<Box<GivenUp>>,
    /// The failure that was not overcome; in a running hunt, the last one.
    pub error: Option<Box<ErrorRecord>>,
    /// Whether it has no instance yet and its hunt continues.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub waiting: bool,
}

impl RunSummary {
    /// The summary of a launch. `plan` provides the names of slots that were never tried.
    pub fn of(state: &RunState, plan: &Plan) -> Self {
        Self::from_owned(state.clone(), plan)
    }

    /// The same from a state that is no longer needed, so that a large fleet is not in memory twice.
    pub(crate) fn from_owned(mut state: RunState, plan: &Plan) -> Self {
        let returned = returned(&state, plan).map(Box::new);
        let ratchet = RatchetSummary::of(&state, plan).map(Box::new);
        let spending = SpendingSummary::of(&state, plan).map(Box::new);
        let engine = EngineSummary::of(&state, plan).map(Box::new);
        let targets = why::targets(&state, plan);
        let want = want(&state, plan);
        let numbers = want.map_or_else(|| (1..=state.requested).collect(), |want| needed(&state, plan, want));
        let mut slots = std::mem::take(&mut state.slots);
        let mut texts = Texts::default();
        let mut instances: Vec<_> = numbers
            .into_iter()
            .map(|number| row(slots.remove(&number), &state, plan, number, &mut texts))
            .collect();
        let hunts = plan.hunt.is_some()
            && state.giving_back.is_none()
            && state.outcome.is_none_or(Outcome::is_unfinished);
        for row in &mut instances {
            row.waiting = hunts && row.ocid.is_none();
        }
        let obtained = obtained(&instances, plan);
        let end = state.finished_at.or(state.last_at);
        let elapsed_s = match (state.taken_up_at, end) {
            (Some(start), Some(end)) => seconds(end.duration_since(start)),
            _ => 0.0,
        };
        let failed = instances.iter().filter(|row| row.error.is_some() && !row.waiting).count();
        Self {
            run_id: state.run,
            outcome: state.outcome,
            requested: want.map_or(state.requested, |_| u32::try_from(instances.len()).unwrap_or(u32::MAX)),
            want,
            launched: state.counts.launched,
            running: state.counts.running,
            failed: u32::try_from(failed).unwrap_or(u32::MAX),
            returned,
            ratchet,
            spending,
            engine,
            obtained,
            strategy: plan.strategy,
            elapsed_s,
            requests: state.requests,
            targets,
            instances,
            warnings: state.warnings,
            ledger_error: None,
            still_costs: None,
        }
    }

    /// Whether a ratchet ended before enough was reserved, and nothing was launched.
    pub fn was_not_held(&self) -> bool {
        self.ratchet.as_ref().is_some_and(|ratchet| ratchet.ended.is_some())
            && self.instances.iter().all(|row| row.attempts == 0)
    }

    /// Whether the run obtained what a best effort requires: some instances, and only capacity was missing for the others. A
    /// run below its minimum was rolled back and kept none.
    pub fn is_best_effort_met(&self) -> bool {
        use ErrorClass::{Capacity, Limit, ReservationExhausted};
        let lacking = |error: &ErrorRecord| matches!(error.class, Capacity | Limit | ReservationExhausted);
        self.strategy == Strategy::BestEffort
            && self.launched > 0
            && self.instances.iter().all(|row| match &row.error {
                Some(error) => row.ocid.is_none() && lacking(error),
                None => row.ocid.is_some(),
            })
    }

    /// The summary of a launch from only its records: its plan is in the first one.
    ///
    /// # Errors
    /// When the run has another kind, or its plan cannot be read.
    pub fn from_state(state: &RunState) -> Result<Self, serde_json::Error> {
        Ok(Self::of(state, &serde_json::from_value(state.plan.clone())?))
    }
}

fn want(state: &RunState, plan: &Plan) -> Option<WantSummary> {
    let asked = plan.fleet.want?;
    let held = goal::totals_in(&plan.fleet, state, |_| true);
    let reached = goal::has_reached(plan, state, false)?;
    Some(WantSummary { asked, ocpus: held.ocpus(), memory_gb: held.memory_gb(), reached })
}

/// The slots of a run with wanted totals that have an instance, and, until the totals are reached, those that were tried and
/// those that would be tried next.
fn needed(state: &RunState, plan: &Plan, want: WantSummary) -> Vec<SlotNumber> {
    let is_over = want.reached && state.giving_back.is_none() && state.counts.unsettled == 0;
    let (have, tried): (Vec<SlotNumber>, Vec<SlotNumber>) =
        state.slots.keys().partition(|number| state.slot(**number).ocid.is_some());
    if is_over {
        return have;
    }
    let missing = goal::missing(plan, state).unwrap_or_default() as usize;
    let untried = (1..=plan.fleet.slots()).filter(|number| !state.slots.contains_key(number));
    let untried = untried.take(missing.saturating_sub(tried.len()));
    let mut all: Vec<SlotNumber> = have.into_iter().chain(tried.iter().copied()).chain(untried).collect();
    all.sort_unstable();
    all
}

fn obtained(instances: &[InstanceSummary], plan: &Plan) -> Vec<ObtainedKind> {
    let mut kinds: Vec<ObtainedKind> =
        plan.fleet.kinds().into_iter().map(|kind| of_kind(plan, kind)).collect();
    for row in instances.iter().filter(|row| row.ocid.is_some()) {
        let Some(placement) = &row.placement else { continue };
        let own = of_kind(plan, placement);
        match kinds.iter_mut().find(|kind| ObtainedKind { count: 0, ..(*kind).clone() } == own) {
            Some(kind) => kind.count += 1,
            None => kinds.push(ObtainedKind { count: 1, ..own }),
        }
    }
    kinds.retain(|kind| kind.count > 0);
    kinds
}

fn of_kind(plan: &Plan, placement: &Placement) -> ObtainedKind {
    let size = plan.fleet.size_at(placement);
    ObtainedKind {
        count: 0,
        shape: placement.shape.clone(),
        ocpus: size.ocpus,
        memory_gb: size.memory_gb,
        capacity_type: Some(plan.fleet.capacity_type_at(placement)),
    }
}

fn returned(state: &RunState, plan: &Plan) -> Option<Returned> {
    let (reached, min) = state.giving_back?;
    Some(Returned {
        reached,
        min,
        instances: state.slots.values().filter_map(|slot| given_back(slot)).collect(),
        reserved: plan.reserve.is_some() && plan.fleet.placements.iter().any(names_none),
        reservations: reservations(state, plan),
    })
}

/// The instance of a slot that was rolled back, as opposed to one that ended earlier.
fn given_back(slot: &SlotState) -> Option<String> {
    slot.gone.last().filter(|_| slot.phase == Phase::GivenBack).cloned()
}

/// Whether a placement names no reservation: `--reserve` creates one for it, and enlarges those that are named.
fn names_none(placement: &Placement) -> bool {
    placement.capacity_reservation.as_deref().is_none_or(str::is_empty)
}

fn reservations(state: &RunState, plan: &Plan) -> Vec<ReservationSummary> {
    let grown = plan.reserve.as_ref().map(|reserve| &reserve.grown);
    let rows = state.reservations.iter().map(|(ocid, (_, _, held))| ReservationSummary {
        ocid: ocid.clone(),
        held: *held,
        before: grown.and_then(|grown| grown.get(ocid).copied()),
    });
    rows.collect()
}

fn row(
    slot: Option<Box<SlotState>>,
    state: &RunState,
    plan: &Plan,
    number: SlotNumber,
    texts: &mut Texts,
) -> InstanceSummary {
    let Some(slot) = slot.map(|slot| *slot) else {
        return InstanceSummary { slot: number, name: plan.label(number), ..InstanceSummary::default() };
    };
    let (waited_s, given_up) = (why::waited(&slot, state), why::given_up(&slot, state));
    let ready_in_s = slot.boot_time().map(seconds);
    let wait_ended = || {
        Box::new(ErrorRecord {
            class: ErrorClass::WaitTimeout,
            code: "WaitTimeout".to_owned(),
            message: format!(
                "the wait ended while the instance was {}; it exists and may still start",
                slot.state.as_deref().unwrap_or("in an unknown state")
            ),
            ..ErrorRecord::default()
        })
    };
    let mismatch = slot.differs.as_ref().map(|message| {
        Box::new(ErrorRecord {
            class: ErrorClass::Mismatch,
            code: "NotAsRequested".to_owned(),
            message: message.clone(),
            ..ErrorRecord::default()
        })
    });
    let error = match slot.phase {
        Phase::Running | Phase::Launched if mismatch.is_some() => mismatch,
        Phase::Running | Phase::Launched if slot.wait_ended => {
            Some(slot.error.clone().unwrap_or_else(wait_ended))
        }
        Phase::Running | Phase::Launched | Phase::GivenBack => None,
        _ => slot.error,
    };
    let place = slot.placement.as_deref();
    let size = place.map(|place| plan.fleet.size_at(place)).unwrap_or_default();
    InstanceSummary {
        slot: number,
        name: slot.name.unwrap_or_else(|| plan.label(number)),
        ocid: slot.ocid,
        state: slot.state,
        region: place.and_then(|place| plan.fleet.region_if_several(place)).map(|name| texts.shared(&name)),
        availability_domain: place.map(|place| texts.shared(&place.availability_domain)),
        fault_domain: place.and_then(|place| place.fault_domain.as_deref()).map(|name| texts.shared(name)),
        shape: place.map(|place| texts.shared(&place.shape)),
        ocpus: size.ocpus,
        memory_gb: size.memory_gb,
        capacity_type: place.map(|place| plan.fleet.capacity_type_at(place)),
        placement: slot.placement,
        attempts: slot.attempts,
        launched_at: slot.launched_at,
        running_at: slot.running_at,
        ready_in_s,
        waited_s,
        given_up: given_up.map(Box::new),
        error,
        waiting: false,
    }
}

/// A time in seconds, to the millisecond; the clock is not more precise.
fn seconds(time: SignedDuration) -> f64 {
    time.as_millis().max(0) as f64 / 1000.0
}
