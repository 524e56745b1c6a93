//! Why an action was not carried out, in our own words.

use super::Verb;
use crate::engine::failure::own_error;
use ledger::{ErrorClass, ErrorRecord};
use oci_client::FailureClass;

/// Whether waiting can help when the instance's state says that the action should be taken and the service says no.
pub(super) fn worth_waiting(class: FailureClass) -> bool {
    class != FailureClass::NotFound
}

/// The record of an instance from whose state the wanted one cannot come.
pub(super) fn impossible(verb: Verb, state: &str, why: &str) -> ErrorRecord {
    own_error(
        ErrorClass::WrongState,
        "IncorrectState",
        &format!("cannot {} while {state}: {why}", verb.as_str()),
    )
}
