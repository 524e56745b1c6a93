//! The classes of failures that runs record. Their names on disk never change.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! classes {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal,)+) => {
        /// The kind of a failure. Code that decides by it matches every class exhaustively, so that a new class has to be
        /// decided everywhere.
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema, Serialize, Deserialize)]
        #[serde(from = "String", into = "String")]
        #[schemars(
            description = "The kind of a failure. Accept unknown kinds: new ones may be added.",
            extend("examples" = [$($text),+])
        )]
        pub enum ErrorClass {
            $($(#[doc = $doc])+ $name,)+
            /// A class that only another version of this program knows, by its name there; empty when none was recorded.
            Other(String),
        }

        impl ErrorClass {
            /// Every class that this version knows.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The name, on disk and in JSON.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$name => $text,)+
                    Self::Other(name) => name,
                }
            }
        }

        impl From<&str> for ErrorClass {
            fn from(name: &str) -> Self {
                match name {
                    $($text => Self::$name,)+
                    other => Self::Other(other.to_owned()),
                }
            }
        }
    };
}

classes! {
    /// No host has capacity.
    Capacity = "capacity",
    /// Too many requests.
    Throttled = "throttled",
    /// A service limit or quota is used up.
    Limit = "limit",
    /// The login was refused.
    Authentication = "authentication",
    /// It does not exist, or this login may not see it.
    NotFound = "not_found_or_not_authorised",
    /// The state of the resource does not allow it.
    Conflict = "conflict",
    /// The resource is busy with something else.
    Busy = "busy",
    /// The service no longer accepts the retry token.
    InvalidatedRetryToken = "retry_token_invalidated",
    /// Somebody else changed the resource first.
    StaleEtag = "stale_etag",
    /// The service refuses the request as it is, and will refuse it again.
    Invalid = "invalid",
    /// The service may or may not have acted on the request.
    Ambiguous = "ambiguous",
    /// The service failed.
    Service = "service",
    /// The service could not be reached.
    Network = "network",
    /// This machine's settings prevent every request.
    Blocked = "blocked",
    /// The reservation that the launch uses is full.
    ReservationExhausted = "reservation_exhausted",
    /// The reservations of the run were rolled back.
    ReservationGone = "reservation_gone",
    /// The fleet has expired.
    Expired = "expired",
    /// The deadline of the run passed.
    Deadline = "deadline",
    /// The bound on the cost of the run was reached.
    Bound = "bound",
    /// The instance ran and no longer exists.
    Gone = "gone",
    /// Another instance occupies the slot.
    Superseded = "superseded",
    /// Somebody stopped the instance before it ran.
    Stopped = "stopped",
    /// The service does not let this login read the instance.
    Hidden = "hidden",
    /// The service no longer knows the instance.
    Lost = "lost",
    /// The retry token is too old to be sent again.
    TokenExpired = "token_expired",
    /// The run was rolled back.
    GivenBack = "given_back",
    /// The present state does not lead to the requested one.
    WrongState = "wrong_state",
    /// A tag protects the instance.
    Protected = "protected",
    /// It was named but not found.
    Missing = "missing",
    /// The wait timed out.
    WaitTimeout = "wait_timeout",
    /// It was not deleted.
    NotDeleted = "not_deleted",
    /// Another process works on the run.
    Held = "held",
    /// The instance differs from what was requested.
    Mismatch = "mismatch",
    /// It has changed since it was read.
    Changed = "changed",
}

impl Default for ErrorClass {
    fn default() -> Self {
        Self::Other(String::new())
    }
}

impl From<String> for ErrorClass {
    fn from(name: String) -> Self {
        name.as_str().into()
    }
}

impl From<ErrorClass> for String {
    fn from(class: ErrorClass) -> Self {
        class.as_str().to_owned()
    }
}

impl PartialEq<&str> for ErrorClass {
    fn eq(&self, name: &&str) -> bool {
        self.as_str() == *name
    }
}

impl fmt::Display for ErrorClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_is_read_as_it_was_written() {
        for class in ErrorClass::ALL {
            let text = serde_json::to_string(class).unwrap();
            assert_eq!(text, format!("\"{class}\""));
            assert_eq!(&serde_json::from_str::<ErrorClass>(&text).unwrap(), class);
        }
    }

    #[test]
    fn a_class_of_another_version_keeps_its_name() {
        let newer: ErrorClass = serde_json::from_str("\"from_the_future\"").unwrap();
        assert_eq!(newer, ErrorClass::Other("from_the_future".to_owned()));
        assert_eq!(serde_json::to_string(&newer).unwrap(), "\"from_the_future\"");
        assert_eq!(serde_json::to_string(&ErrorClass::default()).unwrap(), "\"\"");
    }
}
