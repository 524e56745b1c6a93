//! A call: an operation of the table with its parameters. It must not know signatures, retries or sockets.

use bytes::Bytes;
use oci_api::Operation;
use serde::Serialize;

use crate::retry::RetryPolicy;

const RETRY_TOKEN: &str = "opc-retry-token";

/// One operation with its parameters.
#[derive(Clone, Debug)]
pub struct Call {
    pub(crate) operation: Operation,
    pub(crate) path: Vec<String>,
    pub(crate) query: Vec<(&'static str, String)>,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Option<Bytes>,
    pub(crate) retry: Option<RetryPolicy>,
    /// The availability domain that its body names: it tells the region.
    pub(crate) domain: Option<String>,
    /// A mistake that was found while the call was built; sending the call reports it.
    pub(crate) wrong: Option<String>,
}

impl Call {
    /// A call without parameters.
    pub fn new(operation: Operation) -> Self {
        Self {
            operation,
            path: Vec::new(),
            query: Vec::new(),
            headers: Vec::new(),
            body: None,
            retry: None,
            domain: None,
            wrong: None,
        }
    }

    /// The operation.
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// Sets the next parameter in the path.
    #[must_use]
    pub fn path(mut self, value: impl Into<String>) -> Self {
        self.path.push(value.into());
        self
    }

    /// Adds a parameter to the query, in this order.
    #[must_use]
    pub fn query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    /// Adds a parameter to the query, if it has a value.
    #[must_use]
    pub fn query_opt(self, name: &'static str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.query(name, value),
            None => self,
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Sets the token by which the service recognises a repeated request. Every attempt sends the same token.
    #[must_use]
    pub fn retry_token(self, token: impl Into<String>) -> Self {
        self.header(RETRY_TOKEN, token)
    }

    /// Lets the call succeed only if the resource still has this etag.
    #[must_use]
    pub fn if_match(self, etag: Option<&str>) -> Self {
        match etag {
            Some(etag) => self.header("if-match", etag),
            None => self,
        }
    }

    /// Sets the body, which is serialised once and sent with every attempt.
    #[must_use]
    pub fn json(mut self, body: &impl Serialize) -> Self {
        match serde_json::to_vec(body) {
            Ok(bytes) => self.body = Some(bytes.into()),
            Err(error) => self.wrong = Some(format!("its body cannot be written as JSON: {error}")),
        }
        self
    }

    /// Sets a body that is already JSON.
    #[must_use]
    pub fn body(mut self, body: Bytes) -> Self {
        self.body = Some(body);
        self
    }

    /// Sends the call to the region of an availability domain, which its body names.
    #[must_use]
    pub fn in_domain(mut self, availability_domain: &str) -> Self {
        self.domain = Some(availability_domain.to_owned());
        self
    }

    /// Sets the retry policy of this call, which replaces the client's policy.
    #[must_use]
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = Some(policy);
        self
    }

    /// Whether the service can recognise a repeated request.
    pub(crate) fn has_retry_token(&self) -> bool {
        self.token().is_some()
    }

    /// The token by which the service recognises a repeated request.
    pub(crate) fn token(&self) -> Option<&str> {
        self.headers.iter().find(|(name, _)| *name == RETRY_TOKEN).map(|(_, value)| value.as_str())
    }

    /// The path and query, percent-encoded, exactly as they are sent and signed.
    pub(crate) fn target(&self) -> Result<String, String> {
        let info = self.operation.info();
        if self.path.len() != info.path_parameters.len() {
            let (has, wants) = (self.path.len(), info.path_parameters.len());
            return Err(format!("it has {has} values for {wants} parameters of its path"));
        }
        for (value, parameter) in self.path.iter().zip(info.path_parameters) {
            // The official SDKs do not encode these characters either, and such a value could otherwise change the path.
            if value.split('/').any(|part| matches!(part, "" | "." | "..")) {
                return Err(format!("{} is {value:?}, which cannot be part of a path", parameter.name));
            }
        }
        let values: Vec<&str> = self.path.iter().map(String::as_str).collect();
        let mut target = self.operation.path(&values);
        for (position, (name, value)) in self.query.iter().enumerate() {
            target.push(if position == 0 { '?' } else { '&' });
            target.push_str(name);
            target.push('=');
            oci_api::operation::percent_encode(&mut target, value, b"");
        }
        Ok(target)
    }
}
