//! The only table that decides what follows a failure, by its class and the kind of call; and the only error record. Pure.

use super::backoff::Backoff;
use ledger::{Action, ErrorClass, ErrorRecord};
use oci_client::{Failure, FailureClass, classify::classify_work_request_error, plain_text};
use std::time::Duration;

/// What follows a failure of some class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The action.
    pub action: Action,
    /// How many times the action is taken for one attempt of one slot.
    pub times: u32,
    /// The action after that.
    pub then: Action,
    /// The pause before the next try: up to `base`, doubling each time, up to `cap`. The pacer's wait is added.
    pub base: Duration,
    /// The longest pause.
    pub cap: Duration,
    /// Whether the same placement may succeed within a few minutes.
    pub passes: bool,
}

const fn at_once(action: Action) -> Rule {
    Rule { action, times: 1, then: action, base: Duration::ZERO, cap: Duration::ZERO, passes: false }
}

const fn again(action: Action, times: u32, then: Action, base: u64, cap: u64) -> Rule {
    Rule { action, times, then, base: Duration::from_secs(base), cap: Duration::from_secs(cap), passes: true }
}

/// What follows a refused or lost action on an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AfterAction {
    /// Repeat it as soon as the pacer allows: nothing was done, and nothing is wrong.
    Again,
    /// Repeat it after a pause, with the same token.
    Later,
    /// Repeat it after a pause, with a new token.
    NewToken,
    /// Let the instance's state decide.
    AskState,
    /// Do nothing more for this instance.
    GiveUp,
    /// Do nothing more for any instance.
    StopRun,
}

/// What follows a refused or lost deletion of a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AfterDelete {
    /// Repeat it after a pause.
    Again,
    /// Nothing needs to be deleted.
    Gone,
    /// Do nothing more.
    GiveUp,
}

/// What a failed read means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AfterRead {
    /// Nothing: the next read may succeed.
    Again,
    /// The service does not know the resource, or does not show it to this login.
    NotThere,
    /// The next read will fail too.
    GiveUp,
}

/// What follows a failure, for each kind of call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Policy {
    /// A launch.
    pub launch: Rule,
    /// A start, stop, reboot or termination.
    pub action: AfterAction,
    /// The deletion of a reservation.
    pub delete: AfterDelete,
    /// A read.
    pub read: AfterRead,
}

const fn row(launch: Rule, action: AfterAction, delete: AfterDelete, read: AfterRead) -> Policy {
    Policy { launch, action, delete, read }
}

/// The table.
pub(crate) const fn policy(class: FailureClass) -> Policy {
    use {AfterAction as A, AfterDelete as D, AfterRead as R};
    match class {
        // Another availability domain may accept the same shape at the same time.
        FailureClass::Capacity => {
            row(Rule { passes: true, ..at_once(Action::NextPlacement) }, A::GiveUp, D::GiveUp, R::GiveUp)
        }
        // The pacer has slowed all calls down; the limit only keeps a run finite.
        FailureClass::Throttled => {
            row(again(Action::RetrySameToken, 60, Action::GiveUpSlot, 0, 0), A::Again, D::Again, R::Again)
        }
        // It may be transient while failed launches are cleaned up, and some limits are per availability domain.
        FailureClass::Limit => {
            row(again(Action::Wait, 3, Action::NextPlacement, 20, 60), A::GiveUp, D::GiveUp, R::GiveUp)
        }
        // No other call will succeed either.
        FailureClass::Authentication => row(at_once(Action::StopRun), A::StopRun, D::GiveUp, R::GiveUp),
        // A launch: this is also the response for a shape that one availability domain lacks. An action: the instance is gone,
        // or a permission is missing; the state shows which.
        FailureClass::NotFound => row(at_once(Action::NextPlacement), A::AskState, D::Gone, R::NotThere),
        FailureClass::Invalid => row(at_once(Action::NextPlacement), A::GiveUp, D::GiveUp, R::GiveUp),
        // An action: the instance is busy, or already in the state. A reservation: its last instance is still leaving it.
        FailureClass::Conflict => row(at_once(Action::GiveUpSlot), A::AskState, D::Again, R::GiveUp),
        // Blocked: nothing leaves this machine until somebody changes its settings.
        FailureClass::StaleEtag | FailureClass::Blocked => {
            row(at_once(Action::GiveUpSlot), A::GiveUp, D::GiveUp, R::GiveUp)
        }
        FailureClass::Busy => {
            row(again(Action::Wait, 10, Action::GiveUpSlot, 2, 30), A::AskState, D::Again, R::Again)
        }
        // Either the instance exists (with another body, for example from another version), or it is gone.
        FailureClass::InvalidatedRetryToken => {
            row(at_once(Action::LookUp), A::NewToken, D::GiveUp, R::GiveUp)
        }
        // It may exist: the same token returns it if it does, and creates it if it does not.
        FailureClass::Ambiguous => {
            row(again(Action::RetrySameToken, 8, Action::LookUp, 1, 30), A::Later, D::Again, R::Again)
        }
        FailureClass::Service | FailureClass::Network => {
            row(again(Action::Wait, 8, Action::GiveUpSlot, 1, 30), A::Later, D::Again, R::Again)
        }
    }
}

/// What follows a failed launch.
pub const fn rule(class: FailureClass) -> Rule {
    policy(class).launch
}

impl Rule {
    /// What follows the failure number `nth` (from 1) of this class in one attempt.
    pub const fn nth(&self, nth: u32) -> Action {
        if nth <= self.times { self.action } else { self.then }
    }

    /// The longest pause after failure number `nth` (from 1).
    pub fn pause(&self, nth: u32) -> Duration {
        Backoff::doubling(self.base, self.cap).pause(nth)
    }
}

/// The class with which the ledger records a failed call.
pub const fn class_of(class: FailureClass) -> ErrorClass {
    match class {
        FailureClass::Capacity => ErrorClass::Capacity,
        FailureClass::Throttled => ErrorClass::Throttled,
        FailureClass::Limit => ErrorClass::Limit,
        FailureClass::Authentication => ErrorClass::Authentication,
        FailureClass::NotFound => ErrorClass::NotFound,
        FailureClass::Conflict => ErrorClass::Conflict,
        FailureClass::Busy => ErrorClass::Busy,
        FailureClass::InvalidatedRetryToken => ErrorClass::InvalidatedRetryToken,
        FailureClass::StaleEtag => ErrorClass::StaleEtag,
        FailureClass::Invalid => ErrorClass::Invalid,
        FailureClass::Ambiguous => ErrorClass::Ambiguous,
        FailureClass::Service => ErrorClass::Service,
        FailureClass::Network => ErrorClass::Network,
        FailureClass::Blocked => ErrorClass::Blocked,
    }
}

/// The maximum stored length of a message.
const MESSAGE_MAX: usize = 2000;
/// The maximum stored length of a code.
const CODE_MAX: usize = 100;

/// The error of a work request. The same words mean the same as in a response.
pub(crate) fn work_request_error(code: &str, message: &str) -> (FailureClass, ErrorRecord) {
    let class = classify_work_request_error(code, message);
    (class, own_error(class_of(class), &plain_text(code, CODE_MAX), message))
}

/// A failure that did not come from a response of the service.
pub(crate) fn own_error(class: ErrorClass, code: &str, message: &str) -> ErrorRecord {
    ErrorRecord {
        class,
        code: code.to_owned(),
        message: plain_text(message, MESSAGE_MAX),
        ..ErrorRecord::default()
    }
}

/// The failure as it is stored and shown: its texts on one line and without control characters.
pub fn error_record(failure: &Failure) -> ErrorRecord {
    let mut message = plain_text(&failure.message, MESSAGE_MAX);
    if failure.class == FailureClass::Authentication
        && let Some(clock) = failure.clock_error()
    {
        message = format!("{message} ({clock})");
    }
    ErrorRecord {
        class: class_of(failure.class),
        status: failure.status,
        code: plain_text(&failure.code, CODE_MAX),
        message,
        opc_request_id: failure.opc_request_id.as_deref().map(|id| plain_text(id, 200)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_its_action() {
        let (mut table, mut others) = (String::new(), String::new());
        for class in FailureClass::ALL {
            let Policy { launch: rule, action, delete, read } = policy(class);
            let row = format!("{:<28}{action:?}, {delete:?}, {read:?}\n", class.name());
            others.push_str(&row);
            let row = format!(
                "{:<28}{:?} x{} then {:?}, pause {}..{} s, later passes: {}\n",
                class.name(),
                rule.action,
                rule.times,
                rule.then,
                rule.base.as_secs(),
                rule.cap.as_secs(),
                rule.passes
            );
            table.push_str(&row);
        }
        insta::assert_snapshot!(table, @r"
        capacity                    NextPlacement x1 then NextPlacement, pause 0..0 s, later passes: true
        throttled                   RetrySameToken x60 then GiveUpSlot, pause 0..0 s, later passes: true
        limit                       Wait x3 then NextPlacement, pause 20..60 s, later passes: true
        authentication              StopRun x1 then StopRun, pause 0..0 s, later passes: false
        not_found_or_not_authorised NextPlacement x1 then NextPlacement, pause 0..0 s, later passes: false
        conflict                    GiveUpSlot x1 then GiveUpSlot, pause 0..0 s, later passes: false
        busy                        Wait x10 then GiveUpSlot, pause 2..30 s, later passes: true
        retry_token_invalidated     LookUp x1 then LookUp, pause 0..0 s, later passes: false
        stale_etag                  GiveUpSlot x1 then GiveUpSlot, pause 0..0 s, later passes: false
        invalid                     NextPlacement x1 then NextPlacement, pause 0..0 s, later passes: false
        ambiguous                   RetrySameToken x8 then LookUp, pause 1..30 s, later passes: true
        service                     Wait x8 then GiveUpSlot, pause 1..30 s, later passes: true
        network                     Wait x8 then GiveUpSlot, pause 1..30 s, later passes: true
        blocked                     GiveUpSlot x1 then GiveUpSlot, pause 0..0 s, later passes: false
        ");
        insta::assert_snapshot!(others, @r"
        capacity                    GiveUp, GiveUp, GiveUp
        throttled                   Again, Again, Again
        limit                       GiveUp, GiveUp, GiveUp
        authentication              StopRun, GiveUp, GiveUp
        not_found_or_not_authorised AskState, Gone, NotThere
        conflict                    AskState, Again, GiveUp
        busy                        AskState, Again, Again
        retry_token_invalidated     NewToken, GiveUp, GiveUp
        stale_etag                  GiveUp, GiveUp, GiveUp
        invalid                     GiveUp, GiveUp, GiveUp
        ambiguous                   Later, Again, Again
        service                     Later, Again, Again
        network                     Later, Again, Again
        blocked                     GiveUp, GiveUp, GiveUp
        ");
    }

    #[test]
    fn the_ledger_calls_each_class_by_its_own_name() {
        for class in FailureClass::ALL {
            assert_eq!(class_of(class), class.name());
        }
    }

    #[test]
    fn only_a_refused_login_stops_the_whole_run() {
        for class in FailureClass::ALL {
            let rule = rule(class);
            assert_eq!(rule.action == Action::StopRun, class == FailureClass::Authentication);
            if class == FailureClass::Ambiguous {
                assert!(!matches!(rule.action, Action::GiveUpSlot | Action::NextPlacement));
                assert!(!matches!(rule.then, Action::GiveUpSlot | Action::NextPlacement));
            }
        }
    }
}
