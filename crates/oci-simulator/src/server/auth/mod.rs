//! Who sends a request: the check of its signature, written from the description of Oracle's scheme ("Request
//! Signatures", a draft-cavage HTTP signature) and shared with no client, so that one mistake cannot hide on both sides.
//!
//! It must not know operations or what a caller may do.

mod header;
mod keys;
mod verify;

pub use header::{Authorization, AuthorizationError};
pub(super) use keys::Keys;
pub(super) use keys::encode_pem;
pub use keys::{KeyError, PublicKey};
pub(super) use verify::{Presented, verify};

/// The text of a refusal for something that is missing, malformed, unknown or too old.
pub(super) const MISSING: &str =
    "The required information to complete authentication was not provided or was incorrect.";
/// The text of a refusal for a signature that is not the key's.
pub(super) const NOT_VERIFIED: &str = "Failed to verify the HTTP(S) Signature";

/// Why a request is not authenticated. The caller is told one of two texts; the log, and tests, what exactly it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No `Authorization` header, or more than one.
    #[error("the request has {0} Authorization headers")]
    Headers(usize),
    /// It cannot be read.
    #[error("the Authorization header cannot be read: {0}")]
    Malformed(#[from] AuthorizationError),
    /// No such key.
    #[error("no key is registered as {0}")]
    UnknownKey(String),
    /// A header that must be signed is not.
    #[error("the header {0} must be signed")]
    NotSigned(&'static str),
    /// A header that is said to be signed is not there.
    #[error("the header {0} is signed but not sent")]
    NotSent(String),
    /// The date cannot be read.
    #[error("the date `{0}` cannot be read")]
    Date(String),
    /// The date is too far from the region's clock.
    #[error("the date is {0} s away from the region's clock")]
    Skew(i64),
    /// The body is not the one that was signed.
    #[error("the header {0} does not fit the body")]
    Body(&'static str),
    /// The signature is not the key's for this request.
    #[error("the signature is not the key's")]
    Signature,
}

impl Refusal {
    /// What the caller is told.
    pub fn message(&self) -> &'static str {
        match self {
            Self::Signature | Self::Body(_) => NOT_VERIFIED,
            _ => MISSING,
        }
    }
}
