//! Failure records of actions in this program's own words.

use super::Verb;
use crate::engine::failure::own_error;
use ledger::{ErrorClass, ErrorRecord};
use oci_client::FailureClass;

/// Whether waiting can help if the service refuses an action that the instance's state should allow.
pub(super) fn worth_waiting(class: FailureClass) -> bool {
    class != FailureClass::NotFound
}

/// The record of an instance whose state cannot lead to the wanted one.
pub(super) fn impossible(verb: Verb, state: &str, why: &str) -> ErrorRecord {
    own_error(
        ErrorClass::WrongState,
        "IncorrectState",
        &format!("cannot {} while {state}: {why}", verb.as_str()),
    )
}
