//! Responses before they become bytes on a socket or the result of an in-process call.

use super::cut::CutBody;
use crate::world::{ApiAnswer, ApiError};
use axum::body::Body;
use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, DATE, ETAG, HeaderName, LOCATION, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use jiff::Timestamp;
use oci_api::ErrorBody;

pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("opc-request-id");
const BYTES_REMAINING: HeaderName = HeaderName::from_static("opc-bytes-remaining");
const WORK_REQUEST: HeaderName = HeaderName::from_static("opc-work-request-id");
pub(super) const NEXT_PAGE: HeaderName = HeaderName::from_static("opc-next-page");

/// A response and how it ends.
#[derive(Debug)]
pub(super) struct Reply {
    pub response: Response<Bytes>,
    pub ending: Ending,
}

/// How a response ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// The whole response arrives.
    Whole,
    /// The connection is cut before anything arrives.
    Reset,
    /// The connection is cut after this many bytes of the body.
    CutAfter(usize),
}

/// Marks a response of [`Region::router`](super::Region::router) that must never arrive: the connection is cut instead.
///
/// It is an extension of the response, whose body fails at once. The TCP server drops the connection when it sees it. An
/// in-process transport should return its own error for "connection closed", or use
/// [`Region::exchange`](super::Region::exchange), which does so.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionReset;

impl Reply {
    /// The response as axum sends it.
    pub fn into_axum(self) -> Response<Body> {
        let Self { response, ending } = self;
        match ending {
            Ending::Whole => response.map(Body::from),
            Ending::Reset => {
                let mut response = response.map(|_| Body::new(CutBody::new(Bytes::new())));
                response.extensions_mut().insert(ConnectionReset);
                response
            }
            Ending::CutAfter(bytes) => {
                let whole = response.body().len();
                let mut response =
                    response.map(|body| Body::new(CutBody::new(body.slice(..bytes.min(body.len())))));
                response.headers_mut().insert(CONTENT_LENGTH, whole.into());
                response
            }
        }
    }
}

impl From<Response<Bytes>> for Reply {
    fn from(response: Response<Bytes>) -> Self {
        Self { response, ending: Ending::Whole }
    }
}

/// Converts the world's answer to HTTP.
pub(super) fn from_answer(answer: ApiAnswer) -> Response<Bytes> {
    let mut response = Response::new(answer.body.unwrap_or_default());
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    // Oracle's services send the content type even without a body, except with a 204, which has neither.
    if answer.status != 204 {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    if let Some(bytes) = answer.bytes_remaining {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        headers.insert(BYTES_REMAINING, HeaderValue::from(bytes));
    }
    for (name, value) in [
        (ETAG, answer.etag),
        (WORK_REQUEST, answer.work_request),
        (NEXT_PAGE, answer.next_page),
        (LOCATION, answer.location),
    ] {
        // The world builds these values from letters and digits; a value that is not valid in a header is omitted.
        if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
            headers.insert(name, value);
        }
    }
    response
}

/// An error with Oracle's body.
pub(super) fn from_error(error: &ApiError) -> Response<Bytes> {
    error_response(error.status, error.code, &error.message)
}

pub(super) fn error_response(status: u16, code: &str, message: &str) -> Response<Bytes> {
    let body = ErrorBody { code: code.to_owned(), message: message.to_owned(), ..ErrorBody::default() };
    let body = serde_json::to_vec(&body).unwrap_or_default();
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// A response without a body.
pub(super) fn empty(status: u16) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
}

/// Dates the response by a clock other than this machine's.
pub(super) fn date(response: &mut Response<Bytes>, time: Timestamp) {
    let date = time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    if let Ok(date) = HeaderValue::try_from(date) {
        response.headers_mut().insert(DATE, date);
    }
}

/// A refusal because of too many requests. The service then closes the connection.
pub(super) fn too_many_requests(message: &str, retry_after_seconds: Option<u32>) -> Response<Bytes> {
    let mut response = error_response(429, "TooManyRequests", message);
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    if let Some(seconds) = retry_after_seconds {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// Oracle's usual code and text for a status that a fault returns.
pub(super) fn usual_code(status: u16) -> (&'static str, &'static str) {
    match status {
        401 => ("NotAuthenticated", super::auth::MISSING),
        404 => ("NotAuthorizedOrNotFound", "Authorization failed or requested resource not found."),
        409 => ("IncorrectState", "The requested state for the resource conflicts with its current state."),
        429 => ("TooManyRequests", "Too many requests for the user"),
        501 => ("MethodNotImplemented", "The requested method is not implemented."),
        502 => ("ExternalServerInvalidResponse", "Bad Gateway"),
        503 => ("ServiceUnavailable", "The service is currently unavailable."),
        504 => ("ExternalServerTimeout", "Gateway Timeout"),
        400..=499 => ("InvalidParameter", "The request is not valid."),
        _ => ("InternalError", "An internal error has occurred."),
    }
}
