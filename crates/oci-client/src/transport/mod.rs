//! Carries one request to a server and its answer back. It must not know OCI, signatures or retries.

mod causes;
mod https;
mod in_process;
mod surroundings;

use bytes::Bytes;
use futures_util::future::BoxFuture;

pub use https::{Https, HttpsLimits};
pub use in_process::InProcess;
pub use surroundings::{Surroundings, SurroundingsError};

/// Carries requests, with one try each: it never repeats a request and never follows a redirect.
pub trait Transport: Send + Sync {
    /// Sends a request (with an absolute URI) and reads the whole answer.
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'_, Result<http::Response<Bytes>, TransportError>>;
}

/// The code of the error when a machine refuses the connection, since nobody listens on the port.
pub(crate) const CONNECTION_REFUSED: &str = "ConnectionRefused";

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct TransportError {
    /// Whether the request may have reached the server.
    pub reached: Reached,
    /// A short code in the style of the service's: `ConnectFailed`, `Timeout`, `ConnectionLost`.
    pub code: &'static str,
    /// What happened, in words.
    pub text: String,
    /// Whether the same will happen again until somebody changes something.
    pub lasts: bool,
}

/// Whether a request without an answer may have reached the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reached {
    /// It certainly has not: name, connection or TLS failed.
    NotSent,
    /// It may have: the try timed out, the connection was reset, or the answer was cut off or too long.
    MayHaveArrived,
}

impl TransportError {
    /// An error of a request that was certainly not sent.
    pub fn not_sent(code: &'static str, text: impl Into<String>) -> Self {
        Self { reached: Reached::NotSent, code, text: text.into(), lasts: false }
    }

    /// The request certainly was not sent, and will not be another time.
    pub fn lasting(code: &'static str, text: impl Into<String>) -> Self {
        Self { lasts: true, ..Self::not_sent(code, text) }
    }

    /// An error of a request that may have arrived.
    pub fn may_have_arrived(code: &'static str, text: impl Into<String>) -> Self {
        Self { reached: Reached::MayHaveArrived, code, text: text.into(), lasts: false }
    }
}
