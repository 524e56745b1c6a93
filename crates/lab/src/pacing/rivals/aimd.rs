//! Additive increase, multiplicative decrease: one more request per second for each second's worth of responses, and half the
//! rate at a refusal (Chiu and Jain 1989). It starts at 5 per second; until the first refusal each response adds 0.2.

use super::Spacing;
use crate::pacing::{Next, Pacing};
use std::time::Duration;

/// See the module.
#[derive(Clone, Debug)]
pub struct Aimd {
    rate: f64,
    spacing: Spacing,
    /// The last request that had been sent when the rate was cut.
    cut: u64,
}

impl Aimd {
    /// Starts at 5 requests per second.
    pub fn new() -> Self {
        Self { rate: 5.0, spacing: Spacing::default(), cut: 0 }
    }
}

impl Default for Aimd {
    fn default() -> Self {
        Self::new()
    }
}

impl Pacing for Aimd {
    fn next(&mut self, now: Duration) -> Next {
        self.spacing.next(now, self.rate)
    }

    fn on_success(&mut self, _: u64, _: Duration) {
        self.rate += if self.cut == 0 { 0.2 } else { 1.0 / self.rate.max(1.0) };
    }

    fn on_throttled(&mut self, ticket: u64, _: Duration, retry_after: Option<Duration>) -> Duration {
        if ticket > self.cut {
            self.rate = (self.rate / 2.0).max(1.0 / 60.0);
            self.cut = self.spacing.sent;
        }
        retry_after.unwrap_or_default()
    }

    fn rate(&self) -> f64 {
        self.rate
    }
}
