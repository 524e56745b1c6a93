//! Policy constants: how long a request may take and how often it is tried, each with its reason.

use std::time::Duration;

/// The limit of one try: longer than any answer takes, as in the official SDKs.
pub(crate) const ATTEMPT_LIMIT: Duration = Duration::from_mins(1);
/// The limit for connecting, including TLS, as in the official SDKs.
pub(crate) const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// The limit for the pause between two pieces of an answer, as in the official SDKs.
pub(crate) const READ_LIMIT: Duration = Duration::from_mins(1);
/// How long an idle connection is kept: the service closes it after a minute, and must not do so under a request.
pub(crate) const IDLE_LIMIT: Duration = Duration::from_secs(50);

/// Tries of a call, as in the official SDKs.
pub(crate) const RETRY_ATTEMPTS: u32 = 8;
/// The longest wait after the first failure; it doubles after each further one.
pub(crate) const RETRY_BASE: Duration = Duration::from_secs(1);
/// The longest wait after any failure.
pub(crate) const RETRY_CAP: Duration = Duration::from_secs(30);
/// No try starts later than this after the first one, as in the official SDKs.
pub(crate) const RETRY_ELAPSED: Duration = Duration::from_mins(10);
/// The shortest wait after a throttle.
pub(crate) const THROTTLE_FLOOR: Duration = Duration::from_secs(1);
/// A try may start so much later than allowed: timers are late, and clocks are set.
pub(crate) const OVERSLEPT: Duration = Duration::from_mins(10);
/// No `retry-after` is taken for longer: no answer may stop us for a day.
pub const LONGEST_RETRY_AFTER: Duration = Duration::from_hours(1);

/// The limit of one try of a question that a person waits for.
pub(crate) const QUESTION_ATTEMPT: Duration = Duration::from_secs(15);
/// No try of such a question starts later than this after the first one.
pub(crate) const QUESTION_ELAPSED: Duration = Duration::from_secs(30);
