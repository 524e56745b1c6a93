//! The one table that says what follows a failed launch. Pure; knows classes, no messages.

use ledger::{Action, ErrorRecord};
use oci_client::{Failure, FailureClass, plain_text};
use std::time::Duration;

/// What follows a failure of some class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What is done.
    pub action: Action,
    /// How often that is done for one attempt of one slot …
    pub times: u32,
    /// … and what is done after that.
    pub then: Action,
    /// The pause before trying again: up to `base`, doubling each time, up to `cap`. The pacer's wait comes on top.
    pub base: Duration,
    /// The longest pause.
    pub cap: Duration,
    /// Whether the same placement may well succeed in a few minutes.
    pub passes: bool,
}

const fn at_once(action: Action) -> Rule {
    Rule { action, times: 1, then: action, base: Duration::ZERO, cap: Duration::ZERO, passes: false }
}

const fn again(action: Action, times: u32, then: Action, base: u64, cap: u64) -> Rule {
    Rule { action, times, then, base: Duration::from_secs(base), cap: Duration::from_secs(cap), passes: true }
}

/// The table.
pub const fn rule(class: FailureClass) -> Rule {
    match class {
        // Another availability domain may accept the same shape in the same second.
        FailureClass::Capacity => Rule { passes: true, ..at_once(Action::NextPlacement) },
        // The pacer has slowed everybody down; the bound only keeps a run finite.
        FailureClass::Throttled => again(Action::RetrySameToken, 60, Action::GiveUpSlot, 0, 0),
        // Can be a false alarm while failed launches are cleaned up; and some limits are per availability domain.
        FailureClass::Limit => again(Action::Wait, 3, Action::NextPlacement, 20, 60),
        // Nobody else's call will fare better.
        FailureClass::Authentication => at_once(Action::StopRun),
        // Also the answer for a shape that one availability domain does not have.
        FailureClass::NotFound | FailureClass::Invalid => at_once(Action::NextPlacement),
        // Blocked: nothing leaves this machine until somebody changes its settings.
        FailureClass::Conflict | FailureClass::StaleEtag | FailureClass::Blocked => {
            at_once(Action::GiveUpSlot)
        }
        FailureClass::Busy => again(Action::Wait, 10, Action::GiveUpSlot, 2, 30),
        // Either our instance is there (another body, say, from another version), or it is gone.
        FailureClass::InvalidatedRetryToken => at_once(Action::LookUp),
        // It may exist: the same token gives it back if it does, and makes it if not.
        FailureClass::Ambiguous => again(Action::RetrySameToken, 8, Action::LookUp, 1, 30),
        FailureClass::Service | FailureClass::Network => again(Action::Wait, 8, Action::GiveUpSlot, 1, 30),
    }
}

impl Rule {
    /// What follows the failure number `nth` (from 1) of this class in one attempt.
    pub const fn nth(&self, nth: u32) -> Action {
        if nth <= self.times { self.action } else { self.then }
    }

    /// The longest pause after failure number `nth` (from 1).
    pub fn pause(&self, nth: u32) -> Duration {
        self.base.saturating_mul(1 << nth.saturating_sub(1).min(20)).min(self.cap)
    }
}

/// The failure as it is remembered and shown: its texts on one line and free of control characters.
pub fn error_record(failure: &Failure) -> ErrorRecord {
    let mut message = plain_text(&failure.message, 1000);
    if failure.class == FailureClass::Authentication
        && let Some(clock) = failure.clock_error()
    {
        message = format!("{message} ({clock})");
    }
    ErrorRecord {
        class: failure.class.name().to_owned(),
        status: failure.status,
        code: plain_text(&failure.code, 100),
        message,
        opc_request_id: failure.opc_request_id.as_deref().map(|id| plain_text(id, 200)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_its_action() {
        let mut table = String::new();
        for class in FailureClass::ALL {
            let rule = rule(class);
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
