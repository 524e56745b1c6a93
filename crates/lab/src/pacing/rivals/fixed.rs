//! Ways that do not adapt: a fixed pause, and threads that each retry on their own.

use super::{Chance, Spacing};
use crate::pacing::{Next, Pacing};
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// A fixed rate.
#[derive(Clone, Debug)]
pub struct Fixed {
    rate: f64,
    spacing: Spacing,
}

impl Fixed {
    /// This many requests per second.
    pub fn new(rate: f64) -> Self {
        Self { rate, spacing: Spacing::default() }
    }
}

impl Pacing for Fixed {
    fn next(&mut self, now: Duration) -> Next {
        self.spacing.next(now, self.rate)
    }

    fn on_success(&mut self, _: u64, _: Duration) {}

    fn on_throttled(&mut self, _: u64, _: Duration, _: Option<Duration>) -> Duration {
        Duration::ZERO
    }

    fn rate(&self) -> f64 {
        self.rate
    }
}

/// A pool of threads, each with one call at a time. A thread repeats its refused call after 1, 2, 4, … 30 seconds plus up to 1
/// s, here without end (the OCI SDKs give up after 8 tries). Source: OCI Python SDK 2.189.0, `oci.retry`.
#[derive(Clone, Debug)]
pub struct Threads {
    free: usize,
    sent: u64,
    refusals: VecDeque<u32>,
    tries: HashMap<u64, u32>,
    /// Threads that sleep before a retry, with the end of their sleep.
    asleep: Vec<Duration>,
    chance: Chance,
}

impl Threads {
    /// This many threads.
    pub fn new(threads: usize, seed: u64) -> Self {
        Self {
            free: threads,
            sent: 0,
            refusals: VecDeque::new(),
            tries: HashMap::new(),
            asleep: Vec::new(),
            chance: Chance::new(seed),
        }
    }
}

impl Pacing for Threads {
    fn next(&mut self, now: Duration) -> Next {
        // A thread that has slept repeats its own call; a free one takes a new call.
        let awake = self.asleep.iter().position(|until| *until <= now);
        let tries = if let Some(index) = awake {
            self.asleep.swap_remove(index);
            self.refusals.pop_front().unwrap_or_default()
        } else if self.free > 0 {
            self.free -= 1;
            0
        } else if let Some(until) = self.asleep.iter().min().filter(|_| self.tries.is_empty()) {
            return Next::At(*until);
        } else {
            return Next::WhenOneReturns;
        };
        self.sent += 1;
        self.tries.insert(self.sent, tries);
        Next::Now(self.sent)
    }

    fn on_success(&mut self, ticket: u64, _: Duration) {
        self.tries.remove(&ticket);
        self.free += 1;
    }

    fn on_throttled(&mut self, ticket: u64, now: Duration, _: Option<Duration>) -> Duration {
        let tries = self.tries.remove(&ticket).unwrap_or_default();
        let pause = 2_f64.powf(f64::from(tries.min(10))).min(30.0) + self.chance.unit();
        let pause = Duration::from_secs_f64(pause);
        self.asleep.push(now + pause);
        self.refusals.push_back(tries + 1);
        pause
    }

    fn rate(&self) -> f64 {
        0.0
    }
}
