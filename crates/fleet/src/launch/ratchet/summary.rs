//! What a ratchet has held and what that has cost, folded from the state of its run.

use crate::plan::Plan;
use jiff::Timestamp;
use ledger::{RatchetEnd, RunState};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// What a ratchet has held.
#[derive(Clone, Debug, Default, PartialEq, JsonSchema, Serialize)]
pub struct RatchetSummary {
    /// How many must be reserved before anything is launched.
    pub min: u32,
    /// How many are wanted.
    pub wanted: u32,
    /// The most that was reserved, by availability domain.
    pub most: BTreeMap<String, u32>,
    /// How many are reserved now, including launched instances, by availability domain.
    pub held: BTreeMap<String, u32>,
    /// The cost of reserved and unused capacity so far. Absent if a price is unknown.
    pub holding_cost: Option<f64>,
    /// The present cost per hour. Absent if a price is unknown.
    pub holding_cost_per_hour: Option<f64>,
    /// The bound on that cost, if there is one.
    pub max_hold_cost: Option<f64>,
    /// The currency.
    pub currency: String,
    /// Why it ended before enough was reserved, if it did.
    pub ended: Option<RatchetEnd>,
}

impl RatchetSummary {
    /// The summary at the end of the records. `None` if the run is not a ratchet.
    pub fn of(state: &RunState, plan: &Plan) -> Option<Self> {
        let at = state.finished_at.or(state.last_at)?;
        Self::at(state, plan, at)
    }

    /// The summary at a given time.
    pub fn at(state: &RunState, plan: &Plan, now: Timestamp) -> Option<Self> {
        let reserve = plan.reserve.as_ref()?;
        let terms = reserve.ratchet.as_ref()?;
        let holding = &state.holding;
        let owned = |counts: BTreeMap<&str, u32>| {
            counts.into_iter().map(|(domain, count)| (domain.to_owned(), count)).collect()
        };
        Some(Self {
            min: reserve.min,
            wanted: plan.fleet.count,
            most: holding.most().clone(),
            held: owned(holding.usable()),
            holding_cost: terms.cost(&holding.unit_seconds(now)).map(rounded),
            holding_cost_per_hour: terms.cost_per_hour(&holding.unused()).map(rounded),
            max_hold_cost: terms.max_hold_cost,
            currency: terms.currency.clone(),
            ended: state.ratchet_ended,
        })
    }
}

/// Rounds to five decimal places, since further digits mean nothing.
fn rounded(amount: f64) -> f64 {
    (amount * 1e5).round() / 1e5
}
