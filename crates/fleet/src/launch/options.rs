//! How a launch is carried out, and the times that its parts share.

use std::time::Duration;

/// How a launch is carried out.
#[derive(Clone, Debug)]
pub struct LaunchOptions {
    /// Whether to wait until the instances run.
    pub wait: bool,
    /// How long to wait for one instance after its launch. Oracle's own launcher waits 5 minutes for a virtual
    /// machine and 60 for bare metal, the official SDKs 20 for either.
    pub wait_timeout: Duration,
    /// The highest rate of launches, a second.
    pub rate: Option<f64>,
    /// The most launches under way at once.
    pub max_concurrency: usize,
    /// The most placements tried for one slot, the same one again counted.
    pub max_attempts: u32,
    /// How long slots that found no capacity anywhere go on trying, counted from the last launch that was accepted, of
    /// whichever slot; not at all unless given.
    pub retry_for: Option<Duration>,
    /// After so long nothing more is launched or waited for; counted from when this process took the run up.
    pub deadline: Option<Duration>,
    /// Whether a run that stays below [`Plan::min`] keeps what it has.
    pub keep_partial: bool,
    /// Whether to find out only what launches under way have made, and to launch nothing more for the run, ever.
    pub settle_only: bool,
    /// How long a list may lag behind launches, where a run has lost records.
    pub list_lag: Duration,
}

impl Default for LaunchOptions {
    fn default() -> Self {
        Self {
            wait: true,
            wait_timeout: Duration::from_mins(20),
            rate: None,
            max_concurrency: 100,
            max_attempts: 12,
            retry_for: None,
            deadline: None,
            keep_partial: false,
            settle_only: false,
            list_lag: LONGEST_LAG,
        }
    }
}

/// Lists of instances are not known to lag behind launches by more.
pub const LONGEST_LAG: Duration = Duration::from_secs(90);

/// The service keeps a retry token for 24 hours (OpenAPI of the Core Services). An hour is left for clocks that differ.
pub(crate) const TOKEN_LIFE: jiff::SignedDuration = jiff::SignedDuration::from_hours(23);
