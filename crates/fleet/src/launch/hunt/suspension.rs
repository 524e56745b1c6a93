//! Detects a suspended account. OCI documents no code for it, so refusals that are not about capacity are searched for typical
//! words. A hunt that finds them stops, because further requests would only make things worse.

use ledger::{ErrorClass, ErrorRecord};

/// Words for the account …
const WHOSE: [&str; 4] = ["tenancy", "tenant", "account", "subscription"];
/// … and for what happened to it.
const WHAT: [&str; 8] = [
    "suspended",
    "suspension",
    "terminated",
    "deactivated",
    "disabled",
    "is inactive",
    "is not active",
    "has been closed",
];

/// The words in a refusal that indicate a suspended account.
pub(crate) fn sign_of_suspension(error: &ErrorRecord) -> Option<&'static str> {
    let may_be = matches!(
        error.class,
        ErrorClass::Authentication | ErrorClass::NotFound | ErrorClass::Conflict | ErrorClass::Invalid
    );
    let is_answer = error.status.is_some_and(|status| (400..500).contains(&status));
    let text = format!("{} {}", error.code, error.message).to_ascii_lowercase();
    if !may_be || !is_answer || !WHOSE.iter().any(|whose| text.contains(whose)) {
        return None;
    }
    WHAT.into_iter().find(|what| text.contains(what))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(status: u16, class: &str, message: &str) -> bool {
        let error = ErrorRecord {
            class: class.into(),
            status: Some(status),
            code: "NotAuthenticated".to_owned(),
            message: message.to_owned(),
            ..ErrorRecord::default()
        };
        sign_of_suspension(&error).is_some()
    }

    #[test]
    fn a_suspended_account_is_told_by_its_words() {
        let refused = ErrorClass::Authentication.to_string();
        assert!(seen(401, &refused, "The tenancy has been suspended."));
        assert!(seen(403, &ErrorClass::NotFound.to_string(), "Your account is disabled"));
        for innocent in [
            "The required information to complete authentication was not provided or was incorrect.",
            "Authorization failed or requested resource not found.",
            "Out of host capacity.",
            "The instance was terminated.",
        ] {
            assert!(!seen(401, &refused, innocent), "{innocent}");
        }
        assert!(!seen(500, &refused, "The tenancy has been suspended."));
        assert!(!seen(500, "capacity", "The tenancy has been suspended."));
    }
}
