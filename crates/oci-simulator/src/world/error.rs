//! The errors of the region, with published texts of the service where known.
//!
//! "Invented" marks a text or code without a public example.

use super::api::ApiError;

/// The service's text, at once or in a work request, if no host has capacity.
pub(super) const OUT_OF_CAPACITY: &str = "Out of host capacity.";

/// 404 for an OCID that does not exist or that the caller may not see (Oracle: "API Errors").
pub(crate) fn not_found() -> ApiError {
    ApiError::new(404, "NotAuthorizedOrNotFound", "Authorization failed or requested resource not found.")
}

/// 404 with its own text: `shape X not found`, `image X not found`.
pub(super) fn named_not_found(what: &str, name: &str) -> ApiError {
    ApiError::new(404, "NotAuthorizedOrNotFound", format!("{what} {name} not found"))
}

/// 400 for a field or parameter with a bad value.
pub(super) fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new(400, "InvalidParameter", message)
}

/// 400 for a field that is missing.
pub(super) fn missing(field: &str) -> ApiError {
    ApiError::new(400, "MissingParameter", format!("{field} is required"))
}

/// 400 for a body that does not match the operation.
pub(super) fn unparsable() -> ApiError {
    invalid("Unable to parse message body")
}

/// 500 if no host has capacity.
pub(super) fn out_of_capacity() -> ApiError {
    ApiError::new(500, "InternalError", OUT_OF_CAPACITY)
}

/// 409 for a resource that is changing.
pub(super) fn busy(ocid: &str) -> ApiError {
    ApiError::new(409, "Conflict", format!("instance {ocid} is currently being modified, try again later"))
}

/// 409 for a change that the resource's state does not allow.
pub(super) fn incorrect_state(message: impl Into<String>) -> ApiError {
    ApiError::new(409, "IncorrectState", message)
}

/// 409 for a retry token that cannot be used, or no longer.
pub(super) fn invalidated_token(why: &str) -> ApiError {
    ApiError::new(409, "InvalidatedRetryToken", why)
}

/// 412 for an etag other than that of the resource (text invented).
pub(super) fn etag_mismatch() -> ApiError {
    ApiError::new(412, "NoEtagMatch", "The If-Match header does not match the ETag of the resource.")
}

/// 400 LimitExceeded, with the names of the limits.
pub(super) fn limit_exceeded(names: &[String]) -> ApiError {
    ApiError::new(400, "LimitExceeded", limit_text(names))
}

/// The text of LimitExceeded, including the service's trailing space.
pub(super) fn limit_text(names: &[String]) -> String {
    format!(
        "The following service limits were exceeded: {}. Request a service limit increase from the service limits \
         page in the console. ",
        names.join(", ")
    )
}

/// 400 QuotaExceeded.
pub(super) fn quota_exceeded(name: &str, quota: &str, by: i64) -> ApiError {
    ApiError::new(
        400,
        "QuotaExceeded",
        format!("The following compartment quotas were exceeded: {name} in policy '{quota}' by {by}"),
    )
}
