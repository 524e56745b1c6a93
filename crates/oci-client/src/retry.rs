//! When a call is tried again, and how long it waits first.
//!
//! Pure but for the budget, which is a counter. It knows failure classes, and nothing of what a call does.

use std::sync::Mutex;
use std::time::Duration;

use rand::{Rng, RngExt};

/// How often and how patiently a call is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Tries in all, at least 1.
    pub max_attempts: u32,
    /// The longest wait after the first failure; it doubles after each further one.
    pub base: Duration,
    /// The longest wait after any failure.
    pub cap: Duration,
    /// No try starts later than this after the first one.
    pub max_elapsed: Duration,
}

impl RetryPolicy {
    /// One try.
    pub const fn never() -> Self {
        Self { max_attempts: 1, base: Duration::ZERO, cap: Duration::ZERO, max_elapsed: Duration::ZERO }
    }

    /// Eight tries within ten minutes, as many as the official SDKs make; waits between 0 and 1, 2, 4 … 30 s.
    pub const fn standard() -> Self {
        Self {
            max_attempts: 8,
            base: Duration::from_secs(1),
            cap: Duration::from_secs(30),
            max_elapsed: Duration::from_mins(10),
        }
    }

    /// The longest wait after failure number `failure` (from 1).
    pub fn ceiling(&self, failure: u32) -> Duration {
        let doublings = failure.saturating_sub(1).min(31);
        self.base.saturating_mul(1 << doublings).min(self.cap)
    }

    /// The wait after failure number `failure` (from 1): evenly spread between nothing and the ceiling ("full jitter"), so that
    /// calls that failed together do not return together; never shorter than what the service asked for, and at least a
    /// second (at most the ceiling) after a throttle, since coming back at once is what it complained about.
    pub fn wait(
        &self,
        failure: u32,
        asked: Option<Duration>,
        throttled: bool,
        rng: &mut impl Rng,
    ) -> Duration {
        let ceiling = self.ceiling(failure);
        let floor = if throttled { Duration::from_secs(1).min(ceiling) } else { Duration::ZERO };
        let wait = ceiling.mul_f64(rng.random::<f64>()).max(floor);
        asked.map_or(wait, |asked| wait.max(asked))
    }
}

/// How long questions may take when somebody waits for the answer before anything is begun. Changes are not given up
/// early: whoever asked for one must know what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuestionLimits {
    /// For one try.
    pub attempt: Duration,
    /// No try starts later than this after the first one.
    pub elapsed: Duration,
}

impl QuestionLimits {
    /// A quarter of a minute for each try, half a minute in all: longer than any answer that came, shorter than the patience
    /// of a person.
    pub const fn attended() -> Self {
        Self { attempt: Duration::from_secs(15), elapsed: Duration::from_secs(30) }
    }
}

/// Limits the retries of all calls of one client together: when a service is down, everybody retrying everything keeps it down.
///
/// A bucket of tokens: a retry takes some, success gives some back. AWS's SDKs do the same, with the same sizes.
#[derive(Debug)]
pub struct RetryBudget {
    left: Mutex<u32>,
}

impl RetryBudget {
    /// What a full bucket holds.
    pub const FULL: u32 = 500;
    /// What a retry costs.
    pub const RETRY: u32 = 14;
    /// What a retry after a throttle costs: less, for throttled requests are cheap to refuse and sure to pass.
    pub const THROTTLED: u32 = 5;

    /// A full bucket.
    pub const fn new() -> Self {
        Self { left: Mutex::new(Self::FULL) }
    }

    /// Pays for a retry; `None` when there is not enough left.
    pub(crate) fn take(&self, throttled: bool) -> Option<u32> {
        let cost = if throttled { Self::THROTTLED } else { Self::RETRY };
        let mut left = self.lock();
        *left = left.checked_sub(cost)?;
        Some(cost)
    }

    /// Pays back after a success: what its last retry cost, or 1 if it needed none.
    pub(crate) fn give_back(&self, paid: Option<u32>) {
        let mut left = self.lock();
        *left = (*left + paid.unwrap_or(1)).min(Self::FULL);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, u32> {
        self.left.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self::new()
    }
}

/// How long a `retry-after` header asks to wait: seconds, or a date against `now`.
///
/// OCI documents no such header; it is honoured should it come. Bounded to an hour: no answer may stop us for a day.
pub fn retry_after(header: &str, now: jiff::Timestamp) -> Option<Duration> {
    let header = header.trim();
    let wait = if let Ok(seconds) = header.parse::<u64>() {
        Duration::from_secs(seconds)
    } else {
        let date = jiff::fmt::rfc2822::parse(header).ok()?.timestamp();
        Duration::try_from(date.duration_since(now)).unwrap_or(Duration::ZERO)
    };
    Some(wait.min(Duration::from_hours(1)))
}
