//! The terms that make a launch a hunt. They are stored in the plan, so that a resumed hunt is still one.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

pub use crate::tuning::{LEAST_HUNT_FLOOR, PROBE_FLOOR as USUAL_HUNT_FLOOR};

/// A launch that keeps asking for capacity until a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HuntTerms {
    /// When it ends, whatever it has obtained.
    pub until: Timestamp,
    /// The minimum time between two probes of the tenancy, in milliseconds.
    pub floor_ms: u64,
}

impl HuntTerms {
    /// The terms of a hunt until this time.
    pub fn new(until: Timestamp, floor: Duration) -> Self {
        Self { until, floor_ms: u64::try_from(floor.as_millis()).unwrap_or(u64::MAX) }
    }

    /// The minimum time between two probes of the tenancy.
    pub fn floor(&self) -> Duration {
        Duration::from_millis(self.floor_ms)
    }
}
