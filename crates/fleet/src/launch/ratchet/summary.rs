//! What a ratchet has held and what that has cost, as a fold over the state of its run.

use crate::plan::Plan;
use jiff::Timestamp;
use ledger::{RatchetEnd, RunState};
use serde::Serialize;
use std::collections::BTreeMap;

/// What a ratchet has held.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RatchetSummary {
    /// How many have to be reserved before anything is launched.
    pub min: u32,
    /// How many are wanted.
    pub wanted: u32,
    /// How many were reserved at most, by availability domain.
    pub most: BTreeMap<String, u32>,
    /// How many are reserved now, launched ones included, by availability domain.
    pub held: BTreeMap<String, u32>,
    /// What reserved and unused capacity has cost so far; absent if a price is unknown.
    pub holding_cost: Option<f64>,
    /// What it costs an hour now; absent if a price is unknown.
    pub holding_cost_per_hour: Option<f64>,
    /// The bound on that cost, if there is one.
    pub max_hold_cost: Option<f64>,
    /// The currency.
    pub currency: String,
    /// Why it ended before enough was reserved, if it did.
    pub ended: Option<RatchetEnd>,
}

impl RatchetSummary {
    /// What the records tell; `None` for a run that is no ratchet.
    pub fn of(state: &RunState, plan: &Plan) -> Option<Self> {
        let at = state.finished_at.or(state.last_at)?;
        Self::at(state, plan, at)
    }

    /// The same at a later time.
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

/// To a hundred-thousandth: more digits are noise.
fn rounded(amount: f64) -> f64 {
    (amount * 1e5).round() / 1e5
}
