//! Counts of requests by operation and outcome, for `GET /_sim/stats`.

use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// The maximum number of unknown paths that are remembered, and the maximum length of each.
const MOST_PATHS: usize = 200;
const LONGEST_PATH: usize = 200;

/// How many requests one operation had, and how they ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct OperationStats {
    /// All requests.
    pub requests: u64,
    /// Requests with a response status below 400.
    pub ok: u64,
    /// Refused with 429.
    pub throttled: u64,
    /// Requests with another status of 400 or above.
    pub failed: u64,
    /// Requests that were cut off or never answered.
    pub dropped: u64,
    /// Requests by status; a request that was cut off counts under the status that did not arrive.
    pub by_status: BTreeMap<u16, u64>,
}

/// The response to `GET /_sim/stats`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// All requests of the API.
    pub requests: u64,
    /// The requests refused with 429.
    pub throttled: u64,
    /// The highest number of requests in progress at the same time.
    pub peak_concurrency: u64,
    /// By operation. Requests for no operation count under `unknown`, unauthenticated ones under their operation.
    pub operations: BTreeMap<&'static str, OperationStats>,
    /// Requests for paths that do not exist, and how often each occurred: `GET /20160918/dhcps`, with OCIDs as `{ocid}`.
    pub unknown_paths: BTreeMap<String, u64>,
    /// Instances by lifecycle state.
    pub instances: BTreeMap<String, u64>,
    /// The simulated time, as RFC 3339.
    pub simulated_time: String,
}

/// The counters.
#[derive(Debug, Default)]
pub(super) struct Counters {
    operations: Mutex<BTreeMap<&'static str, OperationStats>>,
    unknown: Mutex<BTreeMap<String, u64>>,
    in_flight: AtomicU64,
    peak: AtomicU64,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Answered(u16),
    Dropped(u16),
}

/// Counts one request as in progress while this value lives.
#[derive(Debug)]
pub(super) struct InFlight<'a>(&'a Counters);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Counters {
    pub fn begin(&self) -> InFlight<'_> {
        let now = self.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        self.peak.fetch_max(now, Ordering::Relaxed);
        InFlight(self)
    }

    pub fn count(&self, operation: &'static str, outcome: Outcome) {
        let mut operations = self.operations.lock().unwrap_or_else(PoisonError::into_inner);
        let stats = operations.entry(operation).or_default();
        stats.requests += 1;
        let status = match outcome {
            Outcome::Dropped(status) => {
                stats.dropped += 1;
                status
            }
            Outcome::Answered(status) => {
                match status {
                    429 => stats.throttled += 1,
                    400.. => stats.failed += 1,
                    _ => stats.ok += 1,
                }
                status
            }
        };
        *stats.by_status.entry(status).or_default() += 1;
    }

    /// Counts a request for an unknown path. The number of paths is limited, so that a caller cannot exhaust the memory.
    pub fn count_unknown(&self, method: &str, path: &str) {
        let parts = path.split('/').map(|part| if part.starts_with("ocid1.") { "{ocid}" } else { part });
        let parts: Vec<&str> = parts.collect();
        let asked: String = format!("{method} {}", parts.join("/")).chars().take(LONGEST_PATH).collect();
        let mut unknown = self.unknown.lock().unwrap_or_else(PoisonError::into_inner);
        if unknown.len() < MOST_PATHS || unknown.contains_key(&asked) {
            *unknown.entry(asked).or_default() += 1;
        }
    }

    /// The counts so far, without the instances and the time, which only the world knows.
    pub fn stats(&self) -> Stats {
        let operations = self.operations.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Stats {
            requests: operations.values().map(|stats| stats.requests).sum(),
            throttled: operations.values().map(|stats| stats.throttled).sum(),
            peak_concurrency: self.peak.load(Ordering::Relaxed),
            operations,
            unknown_paths: self.unknown.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            ..Stats::default()
        }
    }
}
