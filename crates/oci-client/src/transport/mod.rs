//! How one request reaches a server and its answer comes back. Knows nothing of OCI, signatures or retries.

mod https;
mod in_process;

use bytes::Bytes;
use futures_util::future::BoxFuture;

pub use https::{Https, HttpsLimits};
pub use in_process::InProcess;

/// Carries requests. One try each: it never repeats a request by itself, and never follows a redirect.
pub trait Transport: Send + Sync {
    /// Sends a request (with an absolute URI) and reads the whole answer.
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'_, Result<http::Response<Bytes>, TransportError>>;
}

/// The code of an error when a machine says that nobody listens at the port.
pub(crate) const CONNECTION_REFUSED: &str = "ConnectionRefused";

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct TransportError {
    /// Whether the request may have reached the server.
    pub reached: Reached,
    /// A short code in the style of the service's: `ConnectFailed`, `Timeout`, `ConnectionLost`.
    pub code: &'static str,
    /// What happened, for people.
    pub text: String,
}

/// Whether a request without an answer may have reached the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reached {
    /// Certainly not: no name, no connection, no TLS.
    NotSent,
    /// It may have: time-out, reset, an answer that broke off or was too long.
    MayHaveArrived,
}

impl TransportError {
    /// The request certainly was not sent.
    pub fn not_sent(code: &'static str, text: impl Into<String>) -> Self {
        Self { reached: Reached::NotSent, code, text: text.into() }
    }

    /// The request may have arrived.
    pub fn may_have_arrived(code: &'static str, text: impl Into<String>) -> Self {
        Self { reached: Reached::MayHaveArrived, code, text: text.into() }
    }
}
