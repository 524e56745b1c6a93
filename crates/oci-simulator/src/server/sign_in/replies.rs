//! The responses of the auth host.

use super::super::auth::Refusal;
use super::super::reply;
use bytes::Bytes;
use http::Response;
use serde_json::json;

pub(super) fn refused() -> Response<Bytes> {
    reply::error_response(401, "NotAuthenticated", super::super::auth::MISSING)
}

pub(super) fn not_verified(refusal: &Refusal) -> Response<Bytes> {
    tracing::debug!(%refusal, "not signed in");
    reply::error_response(401, "NotAuthenticated", &refusal.message())
}

pub(super) fn invalid(what: &str) -> Response<Bytes> {
    reply::error_response(400, "InvalidParameter", what)
}

pub(super) fn token_response(token: &str) -> Response<Bytes> {
    let mut response = Response::new(json!({"token": token}).to_string().into());
    response
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    response
}
