//! The service: a token bucket whose rate may change, other tenants that use it, and possibly a penalty after a refusal.

use serde::Deserialize;
use std::time::Duration;

/// The properties of the service.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// The rate that it admits, in requests per second.
    pub rate: f64,
    /// The capacity of its bucket, in requests.
    pub burst: f64,
    /// The lower and upper bound of the response time, in milliseconds.
    pub latency_ms: [f64; 2],
    /// Changes of the rate.
    #[serde(default)]
    pub changes: Vec<RateChange>,
    /// Other tenants, which use the bucket first.
    #[serde(default)]
    pub others: Vec<Other>,
    /// Refuses everything for a time after a refusal.
    #[serde(default)]
    pub penalty: Option<Penalty>,
    /// Seconds in the `Retry-After` of a refusal.
    #[serde(default)]
    pub retry_after: Option<f64>,
}

/// A change of the rate at some time.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateChange {
    /// Seconds from the start.
    pub at: f64,
    /// Requests per second.
    pub rate: f64,
}

/// Another tenant's load.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Other {
    /// Seconds from the start.
    pub from: f64,
    /// Seconds from the start.
    pub until: f64,
    /// The rate that it uses, in requests per second.
    pub rate: f64,
}

/// A period in which everything is refused.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Penalty {
    /// Its duration, in seconds.
    pub seconds: f64,
    /// Whether a request during that time restarts it.
    pub restarts: bool,
}

impl Service {
    /// The rate that other tenants leave at some time, in requests per second.
    pub fn rate_at(&self, seconds: f64) -> f64 {
        let own = self
            .changes
            .iter()
            .rev()
            .find(|change| change.at <= seconds)
            .map_or(self.rate, |change| change.rate);
        let taken: f64 = self
            .others
            .iter()
            .filter(|other| (other.from..other.until).contains(&seconds))
            .map(|other| other.rate)
            .sum();
        (own - taken).max(0.0)
    }

    /// The shortest time, in seconds, in which this many requests can be admitted from a moment on, with a full bucket.
    pub fn ideal_seconds(&self, requests: f64, from: f64) -> f64 {
        const STEP: f64 = 0.001;
        let (mut through, mut steps) = (self.burst, 0.0);
        while through < requests && steps * STEP < 1e6 {
            through += self.rate_at(from + steps * STEP) * STEP;
            steps += 1.0;
        }
        steps * STEP
    }
}

/// The state of the service.
#[derive(Clone, Debug)]
pub struct Server {
    service: Service,
    tokens: f64,
    at: f64,
    refusing_until: f64,
}

impl Server {
    /// The service at time 0, with a full bucket.
    pub fn new(service: Service) -> Self {
        Self { tokens: service.burst, service, at: 0.0, refusing_until: 0.0 }
    }

    /// A request arrives. Returns whether it is admitted. Times must not go backwards.
    pub fn arrive(&mut self, now: Duration) -> bool {
        self.refill(now.as_secs_f64());
        if self.at < self.refusing_until {
            if let Some(Penalty { seconds, restarts: true }) = self.service.penalty {
                self.refusing_until = self.at + seconds;
            }
            return false;
        }
        // A small tolerance for the rounding of many small refills.
        if self.tokens >= 1.0 - 1e-9 {
            self.tokens -= 1.0;
            return true;
        }
        if let Some(penalty) = self.service.penalty {
            self.refusing_until = self.at + penalty.seconds;
        }
        false
    }

    fn refill(&mut self, now: f64) {
        // Steps of at most 10 ms, so that a change of the rate counts from its time on.
        while self.at < now {
            let step = (now - self.at).min(0.01);
            self.tokens = (self.tokens + self.service.rate_at(self.at) * step).min(self.service.burst);
            self.at = if now - self.at <= 0.01 { now } else { self.at + step };
        }
    }

    /// The `Retry-After` of its refusals.
    pub fn retry_after(&self) -> Option<Duration> {
        self.service.retry_after.map(Duration::from_secs_f64)
    }
}
