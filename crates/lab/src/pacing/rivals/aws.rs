//! The adaptive retry mode of the AWS SDKs: no limit until the first refusal, then a token bucket whose rate follows a
//! cubic curve from the rate that was refused, and each refused request backs off by itself (1 s doubling to 20 s, full
//! jitter). Source: AWS SDKs and Tools Reference Guide, "Retry behavior"; smithy-lang/smithy-rs,
//! `aws-smithy-runtime/src/client/retries/client_rate_limiter.rs` (constants).

use super::Chance;
use crate::pacing::{Next, Pacing};
use std::collections::VecDeque;
use std::time::Duration;

const BETA: f64 = 0.7;
const SCALE: f64 = 0.4;
const SMOOTH: f64 = 0.8;
const LEAST: f64 = 0.5;
/// The maximum number of requests in flight, which the SDK leaves to its caller.
const CALLERS: usize = 64;

/// See the module.
#[derive(Clone, Debug)]
pub struct AwsAdaptive {
    enabled: bool,
    fill: f64,
    tokens: f64,
    capacity: f64,
    last_fill: f64,
    last_max: f64,
    last_throttle: f64,
    measured: f64,
    bucket_start: f64,
    bucket_count: f64,
    under_way: usize,
    sent: u64,
    /// How often the waiting requests were refused, in the order in which they will be sent again.
    refusals: VecDeque<u32>,
    tries: std::collections::HashMap<u64, u32>,
    chance: Chance,
}

impl AwsAdaptive {
    /// Starts without a limit.
    pub fn new(seed: u64) -> Self {
        Self {
            enabled: false,
            fill: 0.0,
            tokens: 0.0,
            capacity: 0.0,
            last_fill: 0.0,
            last_max: 0.0,
            last_throttle: 0.0,
            measured: 0.0,
            bucket_start: 0.0,
            bucket_count: 0.0,
            under_way: 0,
            sent: 0,
            refusals: VecDeque::new(),
            tries: std::collections::HashMap::new(),
            chance: Chance::new(seed),
        }
    }

    fn refill(&mut self, now: f64) {
        self.tokens = (self.tokens + (now - self.last_fill) * self.fill).min(self.capacity);
        self.last_fill = now;
    }

    fn measure(&mut self, now: f64) {
        let bucket = (now * 2.0).floor() / 2.0;
        self.bucket_count += 1.0;
        if bucket > self.bucket_start {
            let rate = self.bucket_count / (bucket - self.bucket_start);
            self.measured = rate * SMOOTH + self.measured * (1.0 - SMOOTH);
            self.bucket_count = 0.0;
            self.bucket_start = bucket;
        }
    }

    fn set(&mut self, now: f64, rate: f64) {
        self.refill(now);
        self.fill = rate.max(LEAST);
        self.capacity = rate.max(1.0);
        self.tokens = self.tokens.min(self.capacity);
    }

    fn window(&self) -> f64 {
        (self.last_max * (1.0 - BETA) / SCALE).cbrt()
    }
}

impl Pacing for AwsAdaptive {
    fn next(&mut self, now: Duration) -> Next {
        if self.under_way >= CALLERS {
            return Next::WhenOneReturns;
        }
        let at = now.as_secs_f64();
        if self.enabled {
            self.refill(at);
            if self.tokens < 1.0 - 1e-9 {
                let wait = ((1.0 - self.tokens) / self.fill).max(1e-6);
                return Next::At(now + Duration::from_secs_f64(wait));
            }
            self.tokens -= 1.0;
        }
        self.under_way += 1;
        self.sent += 1;
        self.tries.insert(self.sent, self.refusals.pop_front().unwrap_or_default());
        Next::Now(self.sent)
    }

    fn on_success(&mut self, ticket: u64, now: Duration) {
        self.under_way -= 1;
        self.tries.remove(&ticket);
        let now = now.as_secs_f64();
        self.measure(now);
        let since = now - self.last_throttle;
        let cubic = SCALE * (since - self.window()).powi(3) + self.last_max;
        let most = 2.0 * self.measured;
        self.set(now, cubic.min(most));
    }

    fn on_throttled(&mut self, ticket: u64, now: Duration, retry_after: Option<Duration>) -> Duration {
        self.under_way -= 1;
        let refusals = self.tries.remove(&ticket).unwrap_or_default() + 1;
        let at = now.as_secs_f64();
        self.measure(at);
        let rate = if self.enabled { self.measured.min(self.fill) } else { self.measured };
        self.last_max = rate;
        self.last_throttle = at;
        self.enabled = true;
        self.set(at, rate * BETA);
        self.refusals.push_back(refusals);
        let most = 2_f64.powf(f64::from(refusals.min(10)) - 1.0).min(20.0);
        retry_after.unwrap_or_default().max(Duration::from_secs_f64(most * self.chance.unit()))
    }

    fn rate(&self) -> f64 {
        if self.enabled { self.fill } else { self.measured }
    }
}
