//! The failure of a call: one [`Failure`] of one [`FailureClass`], whichever layer it comes from.
//!
//! It says what happened and where. Callers decide by the class what to do: use another placement, wait, stop the run, or print
//! a hint.

use std::fmt;
use std::time::Duration;

use oci_api::Operation;

use crate::text::{SHOWN, plain};

/// Defines the classes with their names in JSON and in the ledger in one list, so that no table can miss a class.
macro_rules! classes {
    ($($(#[$about:meta])+ $class:ident => $name:literal,)+) => {
        /// The classes of failure. Every table of decisions has one row per class.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum FailureClass {
            $($(#[$about])+ $class,)+
        }

        impl FailureClass {
            /// Every class, for tables that need a row for each.
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$class),+];

            /// Its name in JSON and in the ledger: `retry_token_invalidated`.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$class => $name,)+
                }
            }
        }
    };
}

classes! {
    /// The placement has no free host. Nothing was created. Another placement, or a later try, may succeed.
    Capacity => "capacity",
    /// Too many requests. Nothing was done.
    Throttled => "throttled",
    /// A service limit or a compartment quota is exceeded. It may be transient, while failed launches are cleaned up.
    Limit => "limit",
    /// The signature, the key, the token or the clock was not accepted. Every other call would fail too.
    Authentication => "authentication",
    /// Not found, or not authorised: the service does not tell which.
    NotFound => "not_found_or_not_authorised",
    /// A conflict that waiting does not resolve.
    Conflict => "conflict",
    /// The resource is busy with another operation: wait, then try again.
    Busy => "busy",
    /// The retry token belongs to another request, or to a resource that no longer exists: use a new token.
    InvalidatedRetryToken => "retry_token_invalidated",
    /// `if-match` does not match: the resource was changed since it was read. Read it again first.
    StaleEtag => "stale_etag",
    /// The request is invalid, and would fail again.
    Invalid => "invalid",
    /// It is unknown whether a requested change was made.
    Ambiguous => "ambiguous",
    /// The service failed; nothing was changed.
    Service => "service",
    /// The service could not be reached; nothing was changed.
    Network => "network",
    /// This machine cannot speak to the service: its certificate is not trusted here, or a proxy wants a password. Nothing was
    /// sent, and waiting does not help.
    Blocked => "blocked",
}

impl FailureClass {
    /// The class of this name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }
}

impl fmt::Display for FailureClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A call that failed after all allowed attempts.
///
/// The texts are stored as the server sent them; [`fmt::Display`] makes them safe for a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The class.
    pub class: FailureClass,
    /// The operation that failed.
    pub operation: Operation,
    /// The status of the last response; `None` if there was none.
    pub status: Option<u16>,
    /// The service's code (`InternalError`), or this client's code in the same style (`Timeout`, `ConnectionLost`).
    pub code: String,
    /// The service's text, or this client's.
    pub message: String,
    /// The id of the request, which Oracle's support asks for.
    pub opc_request_id: Option<String>,
    /// The number of attempts.
    pub attempts: u32,
    /// The wait that the last response asked for.
    pub retry_after: Option<Duration>,
    /// The time from the start of the first attempt to the end of the last, in milliseconds.
    pub elapsed_ms: u64,
    /// Why there was no further attempt.
    pub gave_up: GaveUp,
    /// Whether the service may have acted on an earlier attempt of the same call, whatever its last response was.
    pub in_doubt: bool,
    /// For a refused login: the seconds by which this machine's clock is ahead of the server's (negative if behind).
    pub clock_ahead_s: Option<i32>,
}

/// Why there was no further attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GaveUp {
    /// Another attempt would fail in the same way or could do harm, or the policy allows only one.
    NotRetried,
    /// All allowed attempts were made.
    Attempts,
    /// The allowed time had passed.
    Time,
    /// The retry budget was empty: too many other calls had been retried.
    Budget,
}

impl Failure {
    /// A failure that was found before anything was sent.
    pub(crate) fn unsent(operation: Operation, class: FailureClass, code: &str, message: String) -> Self {
        Self {
            class,
            operation,
            status: None,
            code: code.to_owned(),
            message,
            opc_request_id: None,
            attempts: 0,
            retry_after: None,
            elapsed_ms: 0,
            gave_up: GaveUp::NotRetried,
            in_doubt: false,
            clock_ahead_s: None,
        }
    }

    /// Describes the attempts: `5 attempts in 12.4 s`. Empty after a single attempt.
    pub fn tried(&self) -> String {
        if self.attempts < 2 {
            return String::new();
        }
        let why = match self.gave_up {
            GaveUp::NotRetried => "",
            GaveUp::Attempts => ", all that were allowed",
            GaveUp::Time => ", the time allowed",
            GaveUp::Budget => ", then stopped: too many other calls are being retried",
        };
        format!("{} attempts in {:.1} s{why}", self.attempts, self.elapsed_ms as f64 / 1000.0)
    }

    /// Describes the error of this machine's clock, if it is large enough for OCI to refuse a signature.
    pub fn clock_error(&self) -> Option<String> {
        let ahead = self.clock_ahead_s.filter(|ahead| ahead.unsigned_abs() > CLOCK_TOLERANCE_S)?;
        let side = if ahead > 0 { "ahead of" } else { "behind" };
        Some(format!("this machine's clock is {} s {side} the server's", ahead.unsigned_abs()))
    }

    /// Whether the response came from something other than OCI.
    pub fn is_foreign(&self) -> bool {
        is_foreign(self.status, &self.code, &self.message)
    }

    /// Whether a change may have been made although the call failed.
    pub fn may_have_happened(&self) -> bool {
        self.in_doubt || self.class == FailureClass::Ambiguous
    }
}

/// OCI refuses signatures whose date is more than 5 minutes off, and a response takes some seconds to arrive.
const CLOCK_TOLERANCE_S: u32 = 290;

/// The start of the message when an unsuccessful response is not the service's JSON.
pub(crate) const NOT_JSON: &str = "the response is not JSON of OCI";
/// The message when the response has no body.
pub(crate) const NO_BODY: &str = "the response has no body";
/// The code of a successful response that cannot be read.
pub(crate) const UNREADABLE: &str = "UnreadableAnswer";

/// Whether a response came from something else: a proxy, a log-in page or another server. OCI never redirects, and its own
/// refusals are JSON, although its gateways may answer a failure (5xx) without JSON.
pub fn is_foreign(status: Option<u16>, code: &str, message: &str) -> bool {
    match status {
        // A network's log-in page returns 511, "Network Authentication Required".
        Some(300..400 | 511) => true,
        Some(400..500) => message.starts_with(NOT_JSON) || message.starts_with(NO_BODY),
        Some(200..300) => code == UNREADABLE && message.contains("it starts \"<"),
        _ => false,
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.operation.name())?;
        if let Some(status) = self.status {
            write!(f, "{status} ")?;
        }
        let code = plain(&self.code, 80);
        let message = plain(&self.message, SHOWN);
        match (code.is_empty(), message.is_empty()) {
            (false, false) => write!(f, "{code}: {message}")?,
            (false, true) => write!(f, "{code}")?,
            (true, false) => write!(f, "{message}")?,
            (true, true) => write!(f, "no reason given")?,
        }
        if let Some(id) = &self.opc_request_id {
            write!(f, " (opc-request-id {})", plain(id, 120))?;
        }
        let tried = self.tried();
        if !tried.is_empty() {
            write!(f, " [{tried}]")?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}
