//! Capacity that a run reserves before it launches.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Capacity that a run reserves for itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Reserve {
    /// If fewer than this are reserved, everything is rolled back and nothing is launched.
    pub min: u32,
    /// Whether unused capacity is released at the end.
    pub release: bool,
    /// Reservations of the config that are enlarged, with the number of instances that each held before.
    pub grown: BTreeMap<String, u32>,
    /// What makes the run a ratchet: its reservations grow as capacity appears, until `min` are held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ratchet: Option<RatchetTerms>,
}

/// What a ratchet may cost. Kept in the plan, so that a resumed ratchet keeps its bound.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RatchetTerms {
    /// The most that holding unused capacity may cost in all; absent without a bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_hold_cost: Option<f64>,
    /// What one reserved and unused instance costs an hour, by availability domain; absent where the price is unknown.
    #[serde(default)]
    pub hours: BTreeMap<String, f64>,
    /// The currency of all of these.
    #[serde(default)]
    pub currency: String,
}

impl RatchetTerms {
    /// What it costs to hold instances for so many seconds, by availability domain; `None` if a price is unknown.
    pub fn cost(&self, unit_seconds: &BTreeMap<&str, f64>) -> Option<f64> {
        let of = |(domain, seconds): (&&str, &f64)| match self.hours.get(*domain) {
            Some(hour) => Some(hour * seconds / 3600.0),
            None => (*seconds == 0.0).then_some(0.0),
        };
        unit_seconds.iter().map(of).sum()
    }

    /// What so many unused instances cost an hour, by availability domain; `None` if a price is unknown.
    pub fn cost_per_hour(&self, unused: &BTreeMap<&str, u32>) -> Option<f64> {
        let hour = unused.iter().map(|(domain, count)| (*domain, f64::from(*count) * 3600.0)).collect();
        self.cost(&hour)
    }
}
