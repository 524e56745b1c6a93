//! The service: a token bucket whose rate may change, other tenants who draw on it, and perhaps a penalty for asking too
//! much.

use serde::Deserialize;
use std::time::Duration;

/// How the service is.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Requests a second that it lets through.
    pub rate: f64,
    /// What its bucket holds.
    pub burst: f64,
    /// From sending to the answer: at least and at most, in milliseconds.
    pub latency_ms: [f64; 2],
    /// Changes of the rate.
    #[serde(default)]
    pub changes: Vec<RateChange>,
    /// Others who draw on the bucket first.
    #[serde(default)]
    pub others: Vec<Other>,
    /// Refuses everything for a time after a refusal.
    #[serde(default)]
    pub penalty: Option<Penalty>,
    /// Seconds in the `Retry-After` of a refusal.
    #[serde(default)]
    pub retry_after: Option<f64>,
}

/// Another rate from a moment on.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateChange {
    /// Seconds from the start.
    pub at: f64,
    /// Requests a second.
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
    /// Requests a second that it takes.
    pub rate: f64,
}

/// Refusing everything for a time.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Penalty {
    /// For how long, in seconds.
    pub seconds: f64,
    /// Whether asking meanwhile starts it anew.
    pub restarts: bool,
}

impl Service {
    /// What is left for us at a moment, requests a second.
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

    /// The shortest time in which so many requests can be let through, from a moment on, with a full bucket: seconds.
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

/// The service at work.
#[derive(Clone, Debug)]
pub struct Server {
    service: Service,
    tokens: f64,
    at: f64,
    refusing_until: f64,
}

impl Server {
    /// With a full bucket, at 0.
    pub fn new(service: Service) -> Self {
        Self { tokens: service.burst, service, at: 0.0, refusing_until: 0.0 }
    }

    /// A request arrives; whether it is let through. Moments must not go backwards.
    pub fn arrive(&mut self, now: Duration) -> bool {
        self.refill(now.as_secs_f64());
        if self.at < self.refusing_until {
            if let Some(Penalty { seconds, restarts: true }) = self.service.penalty {
                self.refusing_until = self.at + seconds;
            }
            return false;
        }
        // A hair of tolerance for the sum of many small refills.
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
        // Steps of at most 10 ms, so that a change of the rate counts from its moment on.
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
