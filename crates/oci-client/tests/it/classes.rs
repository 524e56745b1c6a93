//! The whole table of classes as a snapshot, so that a change to any row is visible.

use std::fmt::Write as _;

use oci_api::ErrorBody;
use oci_client::FailureClass;
use oci_client::classify::{Effect, classify, classify_work_request_error, effect};

/// The codes of Oracle's "API Errors", the additional ones of Compute, and some that nobody uses.
const CODES: &[&str] = &[
    "",
    "Bad Request",
    "CannotParseRequest",
    "Conflict",
    "ExternalServerIncorrectState",
    "ExternalServerTimeout",
    "IncorrectState",
    "InternalError",
    "InternalServerError",
    "InvalidParameter",
    "InvalidatedRetryToken",
    "LimitExceeded",
    "LockConflict",
    "MethodNotAllowed",
    "MethodNotImplemented",
    "MissingParameter",
    "NoEtagMatch",
    "NotAllowed",
    "NotAuthenticated",
    "NotAuthorized",
    "NotAuthorizedOrNotFound",
    "NotAuthorizedOrResourceAlreadyExists",
    "NotFound",
    "OutOfCapacity",
    "OutOfHostCapacity",
    "PaginationTokenExpired",
    "PayloadTooLarge",
    "QuotaExceeded",
    "RelatedResourceNotAuthorizedOrNotFound",
    "ResourceDisabled",
    "ResourceLocked",
    "SeOutOfCapacity",
    "ServiceUnavailable",
    "SignUpRequired",
    "TooManyRequests",
    "UnprocessableEntity",
    "WhateverComesNext",
];

fn body(code: &str, message: &str) -> ErrorBody {
    ErrorBody { code: code.into(), message: message.into(), original_message: None }
}

/// The ranges of statuses that share a class, for each group of codes with identical ranges.
fn table(effect: Effect, message: &str) -> String {
    let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
    for code in CODES {
        let class = |status| classify(effect, status, &body(code, message));
        let mut rows = Vec::new();
        let mut start = 400;
        for status in 400..=599 {
            if status == 599 || class(status + 1) != class(status) {
                let range = if start == status { start.to_string() } else { format!("{start}-{status}") };
                rows.push(format!("{range} {}", class(status)));
                start = status + 1;
            }
        }
        let row = rows.join("\n  ");
        match groups.iter_mut().find(|(known, _)| *known == row) {
            Some((_, codes)) => codes.push(code),
            None => groups.push((row, vec![code])),
        }
    }
    let mut out = String::new();
    for (row, codes) in groups {
        writeln!(out, "{codes:?}\n  {row}").unwrap();
    }
    out
}

#[test]
fn every_status_and_code_has_its_class() {
    insta::assert_snapshot!("write", table(Effect::Write, "some text"));
    insta::assert_snapshot!("read", table(Effect::Read, "some text"));
    insta::assert_snapshot!("write_out_of_capacity", table(Effect::Write, "Out of host capacity."));
}

#[test]
fn all_wordings_of_no_capacity_are_known() {
    for text in [
        "Out of host capacity.",
        "OUT OF HOST CAPACITY",
        "Out of capacity for shape VM.Standard.A1.Flex in availability domain AD-1. Create the instance in a different \
         availability domain or try again later.If you specified a fault domain, …",
        "We are out of capacity in this AD based on your fault constraints or specific request.",
    ] {
        assert_eq!(
            classify(Effect::Write, 500, &body("InternalError", text)),
            FailureClass::Capacity,
            "{text}"
        );
        assert_eq!(classify_work_request_error("InternalError", text), FailureClass::Capacity, "{text}");
    }
    let quoted = body("InvalidParameter", "displayName 'out of capacity' is not valid");
    assert_eq!(classify(Effect::Write, 400, &quoted), FailureClass::Invalid);
}

#[test]
fn errors_of_work_requests_have_the_same_classes() {
    for (code, class) in [
        ("OutOfCapacity", FailureClass::Capacity),
        ("LimitExceeded", FailureClass::Limit),
        ("QuotaExceeded", FailureClass::Limit),
        ("ServiceLimit", FailureClass::Limit),
        ("InvalidParameter", FailureClass::Invalid),
        ("PostLaunchFailure", FailureClass::Service),
        ("", FailureClass::Service),
    ] {
        assert_eq!(classify_work_request_error(code, "x"), class, "{code}");
    }
}

#[test]
fn only_questions_are_reads() {
    let reads = oci_api::Operation::ALL.iter().filter(|operation| effect(**operation) == Effect::Read);
    let others: Vec<_> =
        reads.filter(|read| !read.name().starts_with("Get") && !read.name().starts_with("List")).collect();
    assert_eq!(others, [&oci_api::Operation::CreateComputeCapacityReport]);
}

#[test]
fn names_of_classes_are_theirs_alone() {
    for class in FailureClass::ALL {
        assert_eq!(FailureClass::by_name(class.name()), Some(class));
    }
}
