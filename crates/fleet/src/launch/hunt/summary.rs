//! What the instances of a hunt have cost, folded from the state of its run, if its plan bounds that.

use crate::plan::{Plan, SpentSoFar};
use crate::price::rounded;
use jiff::Timestamp;
use ledger::RunState;
use schemars::JsonSchema;
use serde::Serialize;

/// The cost of the instances of a hunt.
#[derive(Clone, Debug, Default, PartialEq, JsonSchema, Serialize)]
pub struct SpendingSummary {
    /// The bound: once it is reached, nothing more is launched.
    pub max_cost: f64,
    /// What the instances have cost so far.
    pub spent: f64,
    /// What those that exist cost per hour.
    pub per_hour: f64,
    /// The currency.
    pub currency: String,
    /// Whether the bound was reached.
    pub reached: bool,
}

impl SpendingSummary {
    /// The summary at the end of the records. `None` if the plan has no bound.
    pub fn of(state: &RunState, plan: &Plan) -> Option<Self> {
        Self::at(state, plan, state.finished_at.or(state.last_at)?)
    }

    /// The summary at a given time.
    pub fn at(state: &RunState, plan: &Plan, now: Timestamp) -> Option<Self> {
        let terms = plan.spending.as_ref()?;
        let SpentSoFar { spent, per_hour } = terms.spent(&state.spending, now);
        Some(Self {
            max_cost: terms.max_cost,
            spent: rounded(spent),
            per_hour: rounded(per_hour),
            currency: terms.currency.clone(),
            reached: state.bound_reached,
        })
    }

    /// The same at a later time, if nothing has changed.
    #[must_use]
    pub fn after(&self, seconds: f64) -> Self {
        Self { spent: self.spent + self.per_hour * seconds.max(0.0) / 3600.0, ..self.clone() }
    }
}
