//! Capacity that a run reserves before it launches.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Capacity that a run reserves for itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reserve {
    /// If fewer than this are reserved, everything is rolled back and nothing is launched.
    pub min: u32,
    /// Whether unused capacity is released at the end.
    pub release: bool,
    /// Reservations of the config that are enlarged, with the number of instances that each held before.
    pub grown: BTreeMap<String, u32>,
}
