//! What follows when an action was refused or lost: one table, failure class × verb.

use super::Verb;
use ledger::ErrorRecord;
use oci_client::{Failure, FailureClass, plain_text};

/// What follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Follow {
    /// The same again as soon as the pace allows: nothing was done, and nothing is wrong.
    Again,
    /// The same again after a pause, with the same token.
    Later,
    /// The same after a pause, with a new token.
    NewToken,
    /// The instance's state decides.
    Ask,
    /// Nothing more for this instance.
    GiveUp,
    /// Nothing more for any instance.
    StopRun,
}

/// The table.
pub(super) fn follow(class: FailureClass) -> Follow {
    match class {
        FailureClass::Throttled => Follow::Again,
        FailureClass::Service | FailureClass::Network | FailureClass::Ambiguous => Follow::Later,
        FailureClass::InvalidatedRetryToken => Follow::NewToken,
        // Busy, already there, or gone meanwhile: its state tells which. 404 is also what a missing right looks like.
        FailureClass::Busy | FailureClass::Conflict | FailureClass::NotFound => Follow::Ask,
        FailureClass::Capacity
        | FailureClass::Limit
        | FailureClass::Invalid
        | FailureClass::StaleEtag
        | FailureClass::Blocked => Follow::GiveUp,
        FailureClass::Authentication => Follow::StopRun,
    }
}

/// Whether waiting can help when the instance's state says that the action should be taken and the service says no.
pub(super) fn worth_waiting(class: FailureClass) -> bool {
    class != FailureClass::NotFound
}

/// The failure as it is kept.
pub(crate) fn record(failure: &Failure) -> ErrorRecord {
    ErrorRecord {
        class: failure.class.name().to_owned(),
        status: failure.status,
        code: plain_text(&failure.code, 80),
        message: plain_text(&failure.message, 2000),
        opc_request_id: failure.opc_request_id.as_ref().map(|id| plain_text(id, 120)),
    }
}

/// A failure that is not the service's.
pub(super) fn own(class: &str, code: &str, message: String) -> ErrorRecord {
    ErrorRecord { class: class.to_owned(), code: code.to_owned(), message, ..ErrorRecord::default() }
}

/// Classes of ours for [`own`]: the wanted state cannot come from the present one.
pub(super) const WRONG_STATE: &str = "wrong_state";
/// A protection tag stands in the way.
pub(super) const PROTECTED: &str = "protected";
/// It was named, and nobody found it.
pub(super) const MISSING: &str = "missing";

/// The record of an instance from whose state the wanted one cannot come.
pub(super) fn impossible(verb: Verb, state: &str, why: &str) -> ErrorRecord {
    own(WRONG_STATE, "IncorrectState", format!("cannot {} while {state}: {why}", verb.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_what_follows() {
        let table: Vec<String> =
            FailureClass::ALL.iter().map(|class| format!("{class:<28}{:?}", follow(*class))).collect();
        insta::assert_snapshot!(table.join("\n"), @r"
        capacity                    GiveUp
        throttled                   Again
        limit                       GiveUp
        authentication              StopRun
        not_found_or_not_authorised Ask
        conflict                    Ask
        busy                        Ask
        retry_token_invalidated     NewToken
        stale_etag                  GiveUp
        invalid                     GiveUp
        ambiguous                   Later
        service                     Later
        network                     Later
        blocked                     GiveUp
        ");
    }
}
