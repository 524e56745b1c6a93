//! The input and output of the world: a request that was authenticated and checked against the table of operations, and its
//! result.
//!
//! It must not know about HTTP: no headers, no sockets, no signatures.

use bytes::Bytes;
use oci_api::Operation;
use serde_json::Value;
use std::collections::BTreeMap;

/// The caller of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// OCID of the tenancy.
    pub tenancy: String,
    /// OCID of the user.
    pub user: String,
}

/// One authenticated request with a known operation. Parameters and body were checked against the table.
#[derive(Clone, Debug)]
pub struct ApiRequest {
    /// The operation.
    pub operation: Operation,
    /// The caller.
    pub caller: Caller,
    /// Path parameters by their wire name, percent-decoded.
    pub path: BTreeMap<&'static str, String>,
    /// Query parameters by their wire name, percent-decoded.
    pub query: BTreeMap<&'static str, String>,
    /// The header `opc-retry-token`.
    pub retry_token: Option<String>,
    /// The header `if-match`.
    pub if_match: Option<String>,
    /// The parsed body, if the request has one.
    pub body: Option<Value>,
    /// A hash of the body's bytes, to compare requests that carry the same retry token; 0 without a body.
    pub body_hash: u64,
}

impl ApiRequest {
    /// A request without parameters or body.
    pub fn new(operation: Operation, caller: Caller) -> Self {
        Self {
            operation,
            caller,
            path: BTreeMap::new(),
            query: BTreeMap::new(),
            retry_token: None,
            if_match: None,
            body: None,
            body_hash: 0,
        }
    }

    /// Adds a path parameter.
    #[must_use]
    pub fn path(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.path.insert(name, value.into());
        self
    }

    /// Adds a query parameter.
    #[must_use]
    pub fn query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.insert(name, value.into());
        self
    }

    /// Sets the body and its hash (of its compact JSON text).
    #[must_use]
    pub fn body(mut self, body: Value) -> Self {
        self.body_hash = super::chance::hash_bytes(body.to_string().as_bytes());
        self.body = Some(body);
        self
    }

    /// Sets the retry token.
    #[must_use]
    pub fn retry_token(mut self, token: impl Into<String>) -> Self {
        self.retry_token = Some(token.into());
        self
    }

    /// Sets the etag that the resource must still have.
    #[must_use]
    pub fn if_match(mut self, etag: impl Into<String>) -> Self {
        self.if_match = Some(etag.into());
        self
    }
}

/// The result of a request that succeeded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiAnswer {
    /// HTTP status: 200, 201, 202 or 204.
    pub status: u16,
    /// The body, already serialised as JSON; `None` for an empty one.
    pub body: Option<Bytes>,
    /// Header `etag`.
    pub etag: Option<String>,
    /// Header `opc-work-request-id`.
    pub work_request: Option<String>,
    /// Header `opc-next-page`.
    pub next_page: Option<String>,
    /// The path of the new resource, for the header `location`, if the operation declares it.
    pub location: Option<String>,
    /// Header `opc-bytes-remaining`. The body is then a part of a file, not JSON.
    pub bytes_remaining: Option<u64>,
}

impl ApiAnswer {
    /// The body as a JSON value; null if there is none. For tests: the server sends the bytes.
    pub fn json(&self) -> Value {
        self.body.as_deref().and_then(|body| serde_json::from_slice(body).ok()).unwrap_or(Value::Null)
    }
}

/// The result of a request that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{status} {code}: {message}")]
pub struct ApiError {
    /// HTTP status, 400 or above.
    pub status: u16,
    /// Oracle's short code: `InvalidParameter`.
    pub code: &'static str,
    /// A text for people.
    pub message: String,
}

impl ApiError {
    /// An error with this status, code and message.
    pub fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }
}

/// The result of a request.
pub type ApiResult = Result<ApiAnswer, ApiError>;
