//! The settings of a controller. Services publish no limits, so every number is an estimate; each has its reason.

use std::time::Duration;

/// Settings of one controller.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Requests a second before the first answer. Safe: a service that allows less shows it within a few requests.
    pub first_rate: f64,
    /// Never more than this many requests a second (`--rate`).
    pub rate_cap: Option<f64>,
    /// Never more than this many requests under way (`--max-concurrency`).
    pub concurrency_cap: u32,
    /// Requests under way before the first answer. Answers raise it; it matters where answers are slow.
    pub first_window: u32,
    /// How far to swing around the rate that was measured, at most: 0.3 is 30 % to each side. Larger swings find changes
    /// sooner and share more fairly, and need a larger burst to lose nothing.
    pub swing: f64,
    /// How long one swing takes at 8 requests a second.
    pub swing_time: Duration,
    /// One swing holds at least this many requests, less a fifth, for each one that it is likely to see refused. It
    /// matters below one request a second and where answers are slow: elsewhere a swing is longer anyway.
    pub requests_per_refusal: f64,
    /// The longest wait between two probes of a service that refuses everything. Oracle, "REST APIs": back off "to a
    /// maximum of 60 seconds".
    pub longest_wait: Duration,
}

impl Settings {
    /// For launches.
    pub fn launch() -> Self {
        Self {
            first_rate: 44.0,
            rate_cap: None,
            concurrency_cap: 256,
            first_window: 8,
            swing: 0.3,
            swing_time: Duration::from_secs(17),
            requests_per_refusal: 110.0,
            longest_wait: Duration::from_mins(1),
        }
    }

    /// For other writes: actions, terminations, updates.
    pub fn write() -> Self {
        Self::launch()
    }

    /// For reads: lists and gets, which services allow more of.
    pub fn read() -> Self {
        Self { concurrency_cap: 64, ..Self::launch() }
    }
}
