//! Helpers to read requests and build results, which every operation uses.

use super::api::{ApiAnswer, ApiError, ApiRequest};
use super::error;
use oci_api::Operation;
use serde::{Deserialize, Serialize};

impl ApiRequest {
    /// A path parameter; empty if it is missing, since an empty OCID refers to nothing.
    pub(super) fn in_path(&self, name: &str) -> &str {
        self.path.get(name).map_or("", String::as_str)
    }

    /// A query parameter. An empty one counts as missing.
    pub(super) fn in_query(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A boolean query parameter.
    pub(super) fn flag(&self, name: &str, default: bool) -> Result<bool, ApiError> {
        match self.in_query(name) {
            None => Ok(default),
            Some(text) if text.eq_ignore_ascii_case("true") => Ok(true),
            Some(text) if text.eq_ignore_ascii_case("false") => Ok(false),
            Some(text) => Err(error::invalid(format!("{name} must be true or false, not '{text}'"))),
        }
    }

    /// The body as a model.
    pub(super) fn details<'a, T: Deserialize<'a>>(&'a self) -> Result<T, ApiError> {
        let body = self.body.as_ref().ok_or_else(error::unparsable)?;
        T::deserialize(body).map_err(|_| error::unparsable())
    }

    /// Refuses the request if it has an `if-match` other than this etag.
    pub(super) fn check_etag(&self, etag: &str) -> Result<(), ApiError> {
        match self.if_match.as_deref() {
            None | Some("*") => Ok(()),
            Some(wanted) if wanted.trim_matches('"') == etag => Ok(()),
            Some(_) => Err(error::etag_mismatch()),
        }
    }
}

/// A result with a model as its body.
pub(super) fn answer(operation: Operation, model: &impl Serialize) -> Result<ApiAnswer, ApiError> {
    let mut body = Vec::with_capacity(256);
    write(model, &mut body)?;
    Ok(ApiAnswer { body: Some(body.into()), ..empty(operation) })
}

/// Wraps a list in an object, as newer services do: `{"items": [...]}`.
pub(super) fn collection(mut list: ApiAnswer) -> ApiAnswer {
    list.body = list.body.map(|rows| [&b"{\"items\":"[..], &rows, b"}"].concat().into());
    list
}

/// Appends a model as JSON.
pub(super) fn write(model: &impl Serialize, body: &mut Vec<u8>) -> Result<(), ApiError> {
    serde_json::to_writer(body, model)
        .map_err(|failure| ApiError::new(500, "InternalError", format!("answer not serialisable: {failure}")))
}

/// A result without a body.
pub(super) fn empty(operation: Operation) -> ApiAnswer {
    ApiAnswer { status: operation.info().success, ..ApiAnswer::default() }
}

impl ApiAnswer {
    pub(super) fn with_etag(mut self, etag: String) -> Self {
        self.etag = Some(etag);
        self
    }

    pub(super) fn with_work_request(mut self, ocid: String) -> Self {
        self.work_request = Some(ocid);
        self
    }
}
