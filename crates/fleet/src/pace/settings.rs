//! The settings of a controller. Services publish no limits, so every number is an estimate; each has its reason.

use std::time::Duration;

/// Settings of one controller.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Requests per second before the first response. It is safe: a lower limit shows itself within a few requests.
    pub first_rate: f64,
    /// The maximum number of requests per second (`--rate`).
    pub rate_cap: Option<f64>,
    /// The maximum number of requests in flight (`--max-concurrency`).
    pub concurrency_cap: u32,
    /// Requests in flight before the first response. Responses raise it; it matters if they are slow.
    pub first_window: u32,
    /// The maximum swing around the measured rate: 0.3 is 30 % to each side. Larger swings find changes sooner and share more
    /// fairly, but need a larger burst to lose nothing.
    pub swing: f64,
    /// The duration of one swing at 8 requests per second.
    pub swing_time: Duration,
    /// One swing contains at least this many requests, less a fifth, for each expected refusal. It matters below one request
    /// per second and with slow responses; otherwise a swing is longer anyway.
    pub requests_per_refusal: f64,
    /// The maximum wait between two probes of a service that refuses everything. Oracle, "REST APIs": back off "to a maximum of
    /// 60 seconds".
    pub longest_wait: Duration,
}

impl Settings {
    /// The settings for launches.
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

    /// The settings for other writes: actions, terminations, updates.
    pub fn write() -> Self {
        Self::launch()
    }

    /// The settings for reads, of which services allow more.
    pub fn read() -> Self {
        Self { concurrency_cap: 64, ..Self::launch() }
    }
}
