//! Counts of requests by operation and outcome, for `GET /_sim/stats`.

use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// The maximum number of unknown paths and fields that are remembered, and the maximum length of each.
const MOST_UNKNOWN: usize = 200;
const LONGEST_UNKNOWN: usize = 200;

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
    /// Fields of bodies that the API does not have and that were ignored, and how often each occurred:
    /// `LaunchInstance shapeConfig.ocpu`.
    pub unknown_fields: BTreeMap<String, u64>,
    /// Instances by lifecycle state.
    pub instances: BTreeMap<String, u64>,
    /// The simulated time, as RFC 3339.
    pub simulated_time: String,
}

/// The counters.
#[derive(Debug, Default)]
pub(super) struct Counters {
    operations: Mutex<BTreeMap<&'static str, OperationStats>>,
    unknown_paths: Unknown,
    unknown_fields: Unknown,
    in_flight: AtomicU64,
    peak: AtomicU64,
}

/// How often callers asked for what the API does not have. The number of texts is limited, so that a caller cannot exhaust the
/// memory.
#[derive(Debug, Default)]
struct Unknown(Mutex<BTreeMap<String, u64>>);

impl Unknown {
    fn count(&self, text: &str) {
        let text: String = text.chars().take(LONGEST_UNKNOWN).collect();
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() < MOST_UNKNOWN || counts.contains_key(&text) {
            *counts.entry(text).or_default() += 1;
        }
    }

    fn counts(&self) -> BTreeMap<String, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
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

    /// Counts a request for an unknown path.
    pub fn count_unknown(&self, method: &str, path: &str) {
        let parts = path.split('/').map(|part| if part.starts_with("ocid1.") { "{ocid}" } else { part });
        let parts: Vec<&str> = parts.collect();
        self.unknown_paths.count(&format!("{method} {}", parts.join("/")));
    }

    /// Counts a field that was ignored. Items of a list are the same field: `configs[].shape`.
    pub fn count_unknown_field(&self, operation: &str, path: &str) {
        let mut parts = path.split('[');
        let mut name = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            // A name with a bracket of its own stays as it is.
            let number = part.find(']').filter(|end| part[..*end].bytes().all(|byte| byte.is_ascii_digit()));
            name.push('[');
            name.push_str(&part[number.unwrap_or(0)..]);
        }
        self.unknown_fields.count(&format!("{operation} {name}"));
    }

    /// The counts so far, without the instances and the time, which only the world knows.
    pub fn stats(&self) -> Stats {
        let operations = self.operations.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Stats {
            requests: operations.values().map(|stats| stats.requests).sum(),
            throttled: operations.values().map(|stats| stats.throttled).sum(),
            peak_concurrency: self.peak.load(Ordering::Relaxed),
            operations,
            unknown_paths: self.unknown_paths.counts(),
            unknown_fields: self.unknown_fields.counts(),
            ..Stats::default()
        }
    }
}
