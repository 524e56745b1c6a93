//! The options of a launch, and the durations that its parts share.

use super::hunt::Hunting;
use std::time::Duration;

/// How a launch is carried out.
#[derive(Clone, Debug)]
pub struct LaunchOptions {
    /// Whether to wait until the instances are running.
    pub wait: bool,
    /// How long to wait for one instance after its launch. Oracle's own launcher waits 5 minutes for a virtual
    /// machine and 60 for bare metal, the official SDKs 20 for either.
    pub wait_timeout: Duration,
    /// The highest rate of launches per second.
    pub rate: Option<f64>,
    /// The maximum number of launches in flight.
    pub max_concurrency: usize,
    /// The maximum number of attempts for one slot, including repeated placements.
    pub max_attempts: u32,
    /// How long slots without capacity keep trying after the last accepted launch of any slot. Without it, passes and attempts
    /// are limited.
    pub retry_for: Option<Duration>,
    /// After this time nothing more is launched or waited for. It counts from when this process started or resumed the run.
    pub deadline: Option<Duration>,
    /// Whether a run below [`Plan::min`] keeps its instances.
    pub keep_partial: bool,
    /// Whether to determine only what launches in flight created, and to launch nothing more for the run, ever.
    pub settle_only: bool,
    /// How long a list may lag behind launches, if a run has lost records.
    pub list_lag: Duration,
    /// How a hunt is carried out, if the plan is one.
    pub hunting: Hunting,
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
            hunting: Hunting::default(),
        }
    }
}

/// The longest known lag of lists behind launches.
pub const LONGEST_LAG: Duration = Duration::from_secs(90);
