//! Sends one request to a server and returns its response. It must not know about OCI, signatures or retries.

mod causes;
mod https;
mod in_process;
mod surroundings;

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;

pub use https::{Https, HttpsLimits};
pub use in_process::InProcess;
pub use surroundings::{Surroundings, SurroundingsError};

/// Sends requests, each exactly once: it never repeats a request and never follows a redirect.
pub trait Transport: Send + Sync {
    /// Sends a request (with an absolute URI) and reads the whole response.
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'_, Result<http::Response<Bytes>, TransportError>>;

    /// The same transport, but it trusts only the certificates in this PEM file and uses no proxy. `None` if it has no
    /// certificates to check.
    ///
    /// # Errors
    /// When the file cannot be used.
    fn trusting(&self, pem: &Path) -> Result<Option<Arc<dyn Transport>>, String> {
        let _ = pem;
        Ok(None)
    }
}

/// The error code when a machine refuses the connection because nothing listens on the port.
pub(crate) const CONNECTION_REFUSED: &str = "ConnectionRefused";

/// Why there is no response.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct TransportError {
    /// Whether the request may have reached the server.
    pub reached: Reached,
    /// A short code in the service's style: `ConnectFailed`, `Timeout`, `ConnectionLost`.
    pub code: &'static str,
    /// A description of what happened.
    pub text: String,
    /// Whether the error will recur until somebody changes something.
    pub lasts: bool,
}

/// Whether a request without a response may have reached the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reached {
    /// It certainly did not: name resolution, connection or TLS failed.
    NotSent,
    /// It may have: the attempt timed out, the connection was reset, or the response was cut off or too long.
    MayHaveArrived,
}

impl TransportError {
    /// The error of a request that certainly was not sent.
    pub fn not_sent(code: &'static str, text: impl Into<String>) -> Self {
        Self { reached: Reached::NotSent, code, text: text.into(), lasts: false }
    }

    /// The error of a request that certainly was not sent, and could not be sent on another attempt either.
    pub fn lasting(code: &'static str, text: impl Into<String>) -> Self {
        Self { lasts: true, ..Self::not_sent(code, text) }
    }

    /// The error of a request that may have arrived.
    pub fn may_have_arrived(code: &'static str, text: impl Into<String>) -> Self {
        Self { reached: Reached::MayHaveArrived, code, text: text.into(), lasts: false }
    }
}
