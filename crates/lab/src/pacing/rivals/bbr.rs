//! The way in which BBR finds the bandwidth of a path (Cardwell et al. 2016), with requests instead of packets. The highest
//! recent delivery rate is the bandwidth. The sender cycles through 1.25, 0.75 and six times 1.0 of it, and starts by doubling
//! until three rounds bring less than a quarter more. A refusal only means that nothing was delivered.

use super::Spacing;
use crate::pacing::{Next, Pacing};
use std::collections::VecDeque;
use std::time::Duration;

const GAINS: [f64; 8] = [1.25, 0.75, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0];
/// A round: long enough to measure a rate, since a round trip holds few requests.
const ROUND: f64 = 1.0;
/// Rounds for which the highest rate is remembered.
const MEMORY: usize = 10;

/// See the module.
#[derive(Clone, Debug)]
pub struct Bbr {
    spacing: Spacing,
    round_start: f64,
    delivered: f64,
    refused: bool,
    rates: VecDeque<f64>,
    startup: bool,
    flat_rounds: u32,
    best: f64,
    phase: usize,
}

impl Bbr {
    /// Starts at 10 requests per second.
    pub fn new() -> Self {
        Self {
            spacing: Spacing::default(),
            round_start: 0.0,
            delivered: 0.0,
            refused: false,
            rates: VecDeque::from([10.0]),
            startup: true,
            flat_rounds: 0,
            best: 0.0,
            phase: 0,
        }
    }

    fn bandwidth(&self) -> f64 {
        self.rates.iter().copied().fold(0.1, f64::max)
    }

    fn tick(&mut self, now: f64) {
        let span = now - self.round_start;
        if span < ROUND {
            return;
        }
        self.rates.push_back(self.delivered / span);
        if self.rates.len() > MEMORY {
            self.rates.pop_front();
        }
        if self.startup {
            let found = self.delivered / span;
            self.flat_rounds = if found < 1.25 * self.best { self.flat_rounds + 1 } else { 0 };
            self.best = self.best.max(found);
            self.startup = self.flat_rounds < 3 && !self.refused;
        } else {
            self.phase = (self.phase + 1) % GAINS.len();
        }
        self.round_start = now;
        self.delivered = 0.0;
        self.refused = false;
    }
}

impl Default for Bbr {
    fn default() -> Self {
        Self::new()
    }
}

impl Pacing for Bbr {
    fn next(&mut self, now: Duration) -> Next {
        self.tick(now.as_secs_f64());
        let rate = self.rate();
        self.spacing.next(now, rate)
    }

    fn on_success(&mut self, _: u64, now: Duration) {
        self.delivered += 1.0;
        self.tick(now.as_secs_f64());
    }

    fn on_throttled(&mut self, _: u64, now: Duration, retry_after: Option<Duration>) -> Duration {
        self.refused = true;
        self.tick(now.as_secs_f64());
        retry_after.unwrap_or_default()
    }

    fn rate(&self) -> f64 {
        let gain = if self.startup { 2.0 } else { GAINS[self.phase] };
        gain * self.bandwidth()
    }
}
