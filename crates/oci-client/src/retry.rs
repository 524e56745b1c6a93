//! Decides whether a call is attempted again, and how long it waits first.
//!
//! Pure, except for the budget, which is a counter. It knows failure classes, but must not know what a call does.

use std::sync::Mutex;
use std::time::Duration;

use rand::{Rng, RngExt};

pub use crate::tuning::LONGEST_RETRY_AFTER;
use crate::tuning::{
    QUESTION_ATTEMPT, QUESTION_ELAPSED, RETRY_ATTEMPTS, RETRY_BASE, RETRY_CAP, RETRY_ELAPSED, THROTTLE_FLOOR,
};

/// How many times a call is attempted, and how long it waits between attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The maximum number of attempts, at least 1.
    pub max_attempts: u32,
    /// The longest wait after the first failure; it doubles after each further failure.
    pub base: Duration,
    /// The longest wait after any failure.
    pub cap: Duration,
    /// No attempt starts later than this after the first one.
    pub max_elapsed: Duration,
}

impl RetryPolicy {
    /// Allows one attempt only.
    pub const fn never() -> Self {
        Self { max_attempts: 1, base: Duration::ZERO, cap: Duration::ZERO, max_elapsed: Duration::ZERO }
    }

    /// Allows up to eight attempts within ten minutes, as the official SDKs do, with waits between 0 and 1, 2, 4 … 30 s.
    pub const fn standard() -> Self {
        Self { max_attempts: RETRY_ATTEMPTS, base: RETRY_BASE, cap: RETRY_CAP, max_elapsed: RETRY_ELAPSED }
    }

    /// The longest wait after failure number `failure` (from 1).
    pub fn ceiling(&self, failure: u32) -> Duration {
        let doublings = failure.saturating_sub(1).min(31);
        self.base.saturating_mul(1 << doublings).min(self.cap)
    }

    /// The wait after failure number `failure` (from 1). It is drawn uniformly between 0 and the ceiling ("full jitter"), so
    /// that calls that failed together are not repeated together. It is never shorter than the service asks for and, after a
    /// throttle, never shorter than one second or the ceiling, whichever is less.
    pub fn wait(
        &self,
        failure: u32,
        asked: Option<Duration>,
        throttled: bool,
        rng: &mut impl Rng,
    ) -> Duration {
        let ceiling = self.ceiling(failure);
        let floor = if throttled { THROTTLE_FLOOR.min(ceiling) } else { Duration::ZERO };
        let wait = ceiling.mul_f64(rng.random::<f64>()).max(floor);
        asked.map_or(wait, |asked| wait.max(asked))
    }
}

/// Limits on reads while a person waits and no run has begun. Writes are not given up early, because their result must be
/// known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuestionLimits {
    /// The limit of one attempt.
    pub attempt: Duration,
    /// No attempt starts later than this after the first one.
    pub elapsed: Duration,
}

impl QuestionLimits {
    /// Longer than any response takes, and shorter than a person is willing to wait.
    pub const fn attended() -> Self {
        Self { attempt: QUESTION_ATTEMPT, elapsed: QUESTION_ELAPSED }
    }
}

/// Limits the retries of all calls of a client together, since retrying everything would keep a failing service down.
///
/// It is a token bucket: a retry takes tokens, and a success returns some. The AWS SDKs do the same, with the same sizes.
#[derive(Debug)]
pub struct RetryBudget {
    left: Mutex<u32>,
}

impl RetryBudget {
    /// The tokens of a full bucket.
    pub const FULL: u32 = 500;
    /// The cost of a retry, in tokens.
    pub const RETRY: u32 = 14;
    /// The cost of a retry after a throttle, in tokens. It is lower because throttled requests are cheap to refuse and succeed
    /// later.
    pub const THROTTLED: u32 = 5;

    /// A full bucket.
    pub const fn new() -> Self {
        Self { left: Mutex::new(Self::FULL) }
    }

    /// Takes the tokens for a retry; `None` if there are not enough.
    pub(crate) fn take(&self, throttled: bool) -> Option<u32> {
        let cost = if throttled { Self::THROTTLED } else { Self::RETRY };
        let mut left = self.lock();
        *left = left.checked_sub(cost)?;
        Some(cost)
    }

    /// Returns tokens after a success: the cost of its last retry, or 1 if it needed none.
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

/// How long a `retry-after` header asks to wait, in seconds or as a date relative to `now`.
///
/// OCI documents no such header, but the client honours it up to [`LONGEST_RETRY_AFTER`].
pub fn retry_after(header: &str, now: jiff::Timestamp) -> Option<Duration> {
    let header = header.trim();
    let wait = if let Ok(seconds) = header.parse::<u64>() {
        Duration::from_secs(seconds)
    } else {
        let date = jiff::fmt::rfc2822::parse(header).ok()?.timestamp();
        Duration::try_from(date.duration_since(now)).unwrap_or(Duration::ZERO)
    };
    Some(wait.min(LONGEST_RETRY_AFTER))
}
