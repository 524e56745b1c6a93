//! The table that maps a response to a failure class. It is pure, and nothing else decides the class.
//!
//! The rows come from Oracle's "API Errors" and from responses that users of the service have published. Codes are an open set,
//! so each status ends with a row for any code. Text is matched only to recognise a lack of capacity, which arrives as a plain
//! 500.

use oci_api::operation::Method;
use oci_api::{ErrorBody, Operation};

use crate::failure::FailureClass;

/// What a request does if it succeeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Changes nothing, so repeating it is always safe.
    Read,
    /// Changes something.
    Write,
}

/// Whether an operation reads or writes. The capacity report is a read although it is sent with POST.
pub fn effect(operation: Operation) -> Effect {
    match (operation.info().method, operation) {
        (Method::Get, _) | (_, Operation::CreateComputeCapacityReport) => Effect::Read,
        (Method::Post | Method::Put | Method::Patch | Method::Delete, _) => Effect::Write,
    }
}

/// The class of an unsuccessful response.
pub fn classify(effect: Effect, status: u16, body: &ErrorBody) -> FailureClass {
    if says_no_capacity(status, body) {
        return FailureClass::Capacity;
    }
    match (status, body.code.as_str()) {
        (_, "InvalidatedRetryToken") => FailureClass::InvalidatedRetryToken,
        (_, "LimitExceeded" | "QuotaExceeded" | "ServiceLimit") => FailureClass::Limit,
        (_, "TooManyRequests") | (429, _) => FailureClass::Throttled,
        (_, "NotAuthenticated") | (401, _) => FailureClass::Authentication,
        // The path is malformed, or the service does not implement the operation (501): nothing can have happened.
        (404, "InvalidParameter" | "MissingParameter") | (501, _) => FailureClass::Invalid,
        (_, "NotAuthorizedOrNotFound" | "RelatedResourceNotAuthorizedOrNotFound") | (403 | 404 | 410, _) => {
            FailureClass::NotFound
        }
        // Oracle describes `Conflict` as permanent, but Compute returns it while an instance is being modified.
        (409, "Conflict" | "IncorrectState" | "LockConflict" | "ExternalServerIncorrectState") => {
            FailureClass::Busy
        }
        (409, _) => FailureClass::Conflict,
        (412, _) => FailureClass::StaleEtag,
        // The server gave up waiting for the request, so it did not act on it.
        (408 | 425, _) => FailureClass::Service,
        // Neither a success nor a refusal by the service: a proxy or gateway responded, and what the service did before is
        // unknown.
        (0..400, _) if effect == Effect::Write => FailureClass::Ambiguous,
        (500.., _) => failed(effect),
        (0..500, _) => FailureClass::Invalid,
    }
}

/// The class when the service or a gateway in front of it failed during the request, or when a successful response cannot be
/// read.
pub fn failed(effect: Effect) -> FailureClass {
    match effect {
        Effect::Read => FailureClass::Service,
        Effect::Write => FailureClass::Ambiguous,
    }
}

/// The class when the request may have arrived but no response came.
pub fn unanswered(effect: Effect) -> FailureClass {
    match effect {
        Effect::Read => FailureClass::Network,
        Effect::Write => FailureClass::Ambiguous,
    }
}

/// The class of an error in a work request, which has the same codes and texts but no status.
pub fn classify_work_request_error(code: &str, message: &str) -> FailureClass {
    let body = ErrorBody { code: code.to_owned(), message: message.to_owned(), original_message: None };
    // An asynchronous operation that has failed is finished, so nothing about it is ambiguous.
    match classify(Effect::Read, 500, &body) {
        FailureClass::Service if matches!(code, "InvalidParameter" | "MissingParameter") => {
            FailureClass::Invalid
        }
        class => class,
    }
}

/// Whether a response reports a lack of capacity, either by its code or by its text. The text counts only where such texts were
/// seen or are expected, and only if the code is not more precise: a complaint about a parameter may quote that parameter.
fn says_no_capacity(status: u16, body: &ErrorBody) -> bool {
    let by_text = matches!(status, 400 | 409 | 500 | 503)
        && !matches!(body.code.as_str(), "InvalidParameter" | "MissingParameter" | "CannotParseRequest")
        && (is_capacity_text(&body.message)
            || body.original_message.as_deref().is_some_and(is_capacity_text));
    status >= 400 && (is_capacity_code(&body.code) || by_text)
}

/// Codes that say there is no capacity.
fn is_capacity_code(code: &str) -> bool {
    matches!(code, "OutOfHostCapacity" | "OutOfCapacity" | "SeOutOfCapacity")
}

/// Whether a text says `out of capacity` or `out of host capacity`, in any case.
pub fn is_capacity_text(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    text.contains("out of host capacity") || text.contains("out of capacity")
}
