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
    /// Makes the run a ratchet: its reservations grow as capacity appears, until `min` instances are held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ratchet: Option<RatchetTerms>,
}

/// What a ratchet may cost. It is kept in the plan, so that a resumed ratchet keeps its bound.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RatchetTerms {
    /// The maximum total cost of unused capacity. Absent without a bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_hold_cost: Option<f64>,
    /// The cost per hour of one reserved and unused instance, by availability domain. Absent where the price is unknown.
    #[serde(default)]
    pub hours: BTreeMap<String, f64>,
    /// The currency of these amounts.
    #[serde(default)]
    pub currency: String,
}

impl RatchetTerms {
    /// The cost of holding instances for these unit-seconds, by availability domain. `None` if a price is unknown.
    pub fn cost(&self, unit_seconds: &BTreeMap<&str, f64>) -> Option<f64> {
        let of = |(domain, seconds): (&&str, &f64)| match self.hours.get(*domain) {
            Some(hour) => Some(hour * seconds / 3600.0),
            None => (*seconds == 0.0).then_some(0.0),
        };
        unit_seconds.iter().map(of).sum()
    }

    /// The cost per hour of these unused instances, by availability domain. `None` if a price is unknown.
    pub fn cost_per_hour(&self, unused: &BTreeMap<&str, u32>) -> Option<f64> {
        let hour = unused.iter().map(|(domain, count)| (*domain, f64::from(*count) * 3600.0)).collect();
        self.cost(&hour)
    }
}
