//! The table that turns an answer into a class of failure. Pure, and the only place that decides it.
//!
//! Rows come from Oracle's "API Errors" and from answers that users of the service have published; codes are an open set, so
//! each status has a last row for any code. Text is matched for one thing only, lack of capacity, which comes as a plain 500.

use oci_api::operation::Method;
use oci_api::{ErrorBody, Operation};

use crate::failure::FailureClass;

/// What a request does, if it succeeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing is changed: asking again is always safe.
    Read,
    /// Something is changed.
    Write,
}

/// What an operation does. The capacity report is a question although it is asked with POST.
pub fn effect(operation: Operation) -> Effect {
    match (operation.info().method, operation) {
        (Method::Get, _) | (_, Operation::CreateComputeCapacityReport) => Effect::Read,
        (Method::Post | Method::Put | Method::Delete, _) => Effect::Write,
    }
}

/// The class of an answer that is not a success.
pub fn classify(effect: Effect, status: u16, body: &ErrorBody) -> FailureClass {
    if says_no_capacity(status, body) {
        return FailureClass::Capacity;
    }
    match (status, body.code.as_str()) {
        (_, "InvalidatedRetryToken") => FailureClass::InvalidatedRetryToken,
        (_, "LimitExceeded" | "QuotaExceeded" | "ServiceLimit") => FailureClass::Limit,
        (_, "TooManyRequests") | (429, _) => FailureClass::Throttled,
        (_, "NotAuthenticated") | (401, _) => FailureClass::Authentication,
        // A malformed part of a path; and 501, what the service does not have: nothing can have happened.
        (404, "InvalidParameter" | "MissingParameter") | (501, _) => FailureClass::Invalid,
        (_, "NotAuthorizedOrNotFound" | "RelatedResourceNotAuthorizedOrNotFound") | (403 | 404 | 410, _) => {
            FailureClass::NotFound
        }
        // Oracle calls `Conflict` lasting; Compute answers it for an instance that is being modified.
        (409, "Conflict" | "IncorrectState" | "LockConflict" | "ExternalServerIncorrectState") => {
            FailureClass::Busy
        }
        (409, _) => FailureClass::Conflict,
        (412, _) => FailureClass::StaleEtag,
        // Gave up waiting for the request: it was not acted on.
        (408 | 425, _) => FailureClass::Service,
        // Neither a success nor a refusal: a proxy or a gateway in between, and nobody says what the service did before.
        (0..400, _) if effect == Effect::Write => FailureClass::Ambiguous,
        (500.., _) => failed(effect),
        (0..500, _) => FailureClass::Invalid,
    }
}

/// The class when the service, or a gateway before it, failed in the middle: also for an answer of success that cannot be read.
pub fn failed(effect: Effect) -> FailureClass {
    match effect {
        Effect::Read => FailureClass::Service,
        Effect::Write => FailureClass::Ambiguous,
    }
}

/// The class when the request may have arrived and no answer came.
pub fn unanswered(effect: Effect) -> FailureClass {
    match effect {
        Effect::Read => FailureClass::Network,
        Effect::Write => FailureClass::Ambiguous,
    }
}

/// The class of an error in a work request: the same words, without a status.
pub fn classify_work_request_error(code: &str, message: &str) -> FailureClass {
    let body = ErrorBody { code: code.to_owned(), message: message.to_owned(), original_message: None };
    // What has failed asynchronously is over: nothing about it is ambiguous.
    match classify(Effect::Read, 500, &body) {
        FailureClass::Service if matches!(code, "InvalidParameter" | "MissingParameter") => {
            FailureClass::Invalid
        }
        class => class,
    }
}

/// Whether an answer says that there is no capacity: by its code, or by its text where such texts have been seen or are to be
/// expected, unless its code says something more precise (a complaint about a parameter may quote the parameter).
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
