//! Policy constants: the limits and retries of a request, each with its reason.

use std::time::Duration;

/// The limit of one attempt: longer than any response takes, as in the official SDKs.
pub(crate) const ATTEMPT_LIMIT: Duration = Duration::from_mins(1);
/// The limit for connecting, including TLS, as in the official SDKs.
pub(crate) const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// The limit for the pause between two chunks of a response, as in the official SDKs.
pub(crate) const READ_LIMIT: Duration = Duration::from_mins(1);
/// How long an idle connection is kept. The service closes it after a minute, which must not happen during a request.
pub(crate) const IDLE_LIMIT: Duration = Duration::from_secs(50);

/// The maximum number of attempts of a call, as in the official SDKs.
pub(crate) const RETRY_ATTEMPTS: u32 = 8;
/// The longest wait after the first failure; it doubles after each further failure.
pub(crate) const RETRY_BASE: Duration = Duration::from_secs(1);
/// The longest wait after any failure.
pub(crate) const RETRY_CAP: Duration = Duration::from_secs(30);
/// No attempt starts later than this after the first one, as in the official SDKs.
pub(crate) const RETRY_ELAPSED: Duration = Duration::from_mins(10);
/// The shortest wait after a throttle.
pub(crate) const THROTTLE_FLOOR: Duration = Duration::from_secs(1);
/// An attempt may start this much later than allowed, because timers can be late and clocks can be set.
pub(crate) const OVERSLEPT: Duration = Duration::from_mins(10);
/// A longer `retry-after` is shortened to this, so that no response can stop a run for a day.
pub const LONGEST_RETRY_AFTER: Duration = Duration::from_hours(1);

/// The limit of one attempt of a read for which a person waits.
pub(crate) const QUESTION_ATTEMPT: Duration = Duration::from_secs(15);
/// No attempt of such a read starts later than this after the first one.
pub(crate) const QUESTION_ELAPSED: Duration = Duration::from_secs(30);

/// A token is renewed when this much of its life is left, as in the official SDKs.
pub(crate) const RENEW_BEFORE_END: jiff::SignedDuration = jiff::SignedDuration::from_mins(5);
/// The limit of one request to the auth host or the metadata service: a held token lives for five minutes when its renewal is due.
pub(crate) const AUTH_ATTEMPT: Duration = Duration::from_secs(10);
/// The longest wait after the first failed renewal; it doubles after each further failure.
pub(crate) const RENEWAL_BASE: Duration = Duration::from_secs(2);
/// The longest wait after any failed renewal.
pub(crate) const RENEWAL_CAP: Duration = Duration::from_secs(20);

/// How long the metadata service of an instance may take to respond for the first time, per address: it is on the same machine.
pub(crate) const METADATA_FIRST: Duration = Duration::from_millis(450);
/// How many times a document is requested that the metadata service does not have yet, as in the official SDKs.
pub(crate) const METADATA_TRIES: u32 = 8;
/// The wait before the second request; it doubles after each further one.
pub(crate) const METADATA_BASE: Duration = Duration::from_millis(250);
/// The longest wait between two of them.
pub(crate) const METADATA_CAP: Duration = Duration::from_secs(4);
