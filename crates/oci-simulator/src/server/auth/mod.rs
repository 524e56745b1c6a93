//! Authentication: verifies signatures. It is written from the description of Oracle's scheme ("Request Signatures", a
//! draft-cavage HTTP signature) and shares no code with a client, so that a mistake on one side is not repeated on the other.
//!
//! It must not know about operations or permissions.

mod header;
mod keys;
mod verify;

use jiff::{SignedDuration, Timestamp};
use std::borrow::Cow;

pub use header::{Authorization, AuthorizationError};
pub(super) use keys::encode_pem;
pub use keys::{KeyError, PublicKey};
pub(super) use keys::{Keys, TokenKeys, private_key};
pub(super) use verify::{Presented, verify, verify_by};

/// The text of the refusal when a part of the signature is missing, malformed, unknown or too old.
pub(super) const MISSING: &str =
    "The required information to complete authentication was not provided or was incorrect.";
/// The text of the refusal when the key did not make the signature.
pub(super) const NOT_VERIFIED: &str = "Failed to verify the HTTP(S) Signature";

/// Why a request is not authenticated. The caller receives one of two texts; the log and tests show this.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No `Authorization` header, or more than one.
    #[error("the request has {0} Authorization headers")]
    Headers(usize),
    /// The header cannot be parsed.
    #[error("the Authorization header cannot be read: {0}")]
    Malformed(#[from] AuthorizationError),
    /// No key has this id.
    #[error("no key is registered as {0}")]
    UnknownKey(String),
    /// A header that must be signed was not signed.
    #[error("the header {0} must be signed")]
    NotSigned(&'static str),
    /// A signed header is missing from the request.
    #[error("the header {0} is signed but not sent")]
    NotSent(String),
    /// The date cannot be parsed.
    #[error("the date `{0}` cannot be read")]
    Date(String),
    /// The date is too far from the region's clock.
    #[error("the date {sent} is more than five minutes away from the region's clock, {now}")]
    Skew {
        /// The date of the request.
        sent: Timestamp,
        /// The time of the region.
        now: Timestamp,
    },
    /// The body differs from the signed one.
    #[error("the header {0} does not fit the body")]
    Body(&'static str),
    /// The key did not make the signature of this request.
    #[error("the signature is not the key's")]
    Signature,
}

impl Refusal {
    /// The text that the caller receives.
    pub fn message(&self) -> Cow<'static, str> {
        match self {
            Self::Signature | Self::Body(_) => NOT_VERIFIED.into(),
            Self::Skew { sent, now } => {
                let date = |time: &Timestamp| time.strftime("%a, %d %b %Y %H:%M:%S GMT");
                let ends =
                    |by| date(&now.checked_add(SignedDuration::from_mins(by)).unwrap_or(*now)).to_string();
                format!(
                    "Date '{}' is not within allowed clock skew. Current '{}', valid datetime range: ['{}', '{}']",
                    date(sent),
                    date(now),
                    ends(-5),
                    ends(5)
                )
                .into()
            }
            _ => MISSING.into(),
        }
    }
}
