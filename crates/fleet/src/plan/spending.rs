//! The bound on what the instances of a hunt may cost.

use super::is_same_kind;
use crate::tuning::SPENDING_MARGIN;
use jiff::Timestamp;
use ledger::{Placement, Spending};
use serde::{Deserialize, Serialize};

/// What the instances of a hunt may cost in all. It is kept in the plan with the prices that were shown when it was agreed to, so that
/// a resumed hunt keeps its bound.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpendingTerms {
    /// The hunt launches nothing more once its instances have cost this much.
    pub max_cost: f64,
    /// What an instance costs per hour, by kind. No price is unknown.
    pub hours: Vec<KindPrice>,
    /// The currency of these amounts.
    pub currency: String,
}

/// The price of a kind of instance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KindPrice {
    /// A placement of this kind.
    pub kind: Placement,
    /// What one costs per hour, with its boot volume and its licence.
    pub hour: f64,
}

/// What the instances of a run cost.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SpentSoFar {
    /// So far.
    pub spent: f64,
    /// Per hour.
    pub per_hour: f64,
}

impl SpendingTerms {
    /// What the instances have cost by a time.
    pub fn spent(&self, spending: &Spending, now: Timestamp) -> SpentSoFar {
        let spent = spending.unit_seconds(now).map(|(at, seconds)| self.hour(at) * seconds / 3600.0).sum();
        let per_hour = spending.existing().map(|(at, count)| self.hour(at) * f64::from(count)).sum();
        SpentSoFar { spent, per_hour }
    }

    /// What is left of the bound before nothing more is launched: all that exists and one more instance of the dearest kind can
    /// still be paid for the time that a rollback may take.
    pub fn left(&self, spent: SpentSoFar) -> f64 {
        let margin = SPENDING_MARGIN.as_secs_f64() / 3600.0;
        self.max_cost - spent.spent - (spent.per_hour + self.dearest()) * margin
    }

    /// The price of an instance per hour. What was not planned counts as the dearest kind, so that it is never understated.
    pub fn hour(&self, placement: &Placement) -> f64 {
        let mut known = self.hours.iter();
        known
            .find(|known| is_same_kind(&known.kind, placement))
            .map_or_else(|| self.dearest(), |known| known.hour)
    }

    /// The price of the dearest kind per hour.
    pub fn dearest(&self) -> f64 {
        self.hours.iter().map(|known| known.hour).fold(0.0, f64::max)
    }
}
