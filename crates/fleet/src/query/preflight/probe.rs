//! Asks for one thing at a time, so that the service's one answer to "wrong OCID" and "not allowed" names its culprit.

use oci_client::{Failure, FailureClass};

use super::{Finding, Level};
use crate::plan::policy::{PolicyScope, statement};

/// The thing that was asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Probe<'a> {
    /// What it is: `subnet`.
    pub what: &'static str,
    /// Its OCID.
    pub ocid: &'a str,
    /// The verb and resource-type that a policy must grant.
    pub needs: (&'static str, &'static str),
    /// Where.
    pub scope: PolicyScope<'a>,
}

impl Probe<'_> {
    /// What a failure of the question says.
    pub fn finding(&self, failure: &Failure) -> Finding {
        let Self { what, ocid, needs: (verb, resource), scope } = *self;
        match failure.class {
            // A web filter knows nothing of what was asked for.
            _ if failure.is_foreign() => Finding::new(
                Level::Warning,
                ocid,
                format!(
                    "the {what} could not be read, because the response did not come from OCI: {}",
                    text(failure)
                ),
            ),
            FailureClass::NotFound => Finding::new(
                Level::Stop,
                ocid,
                format!("this {what} does not exist, or you may not use it (OCI does not say which)"),
            )
            .remedy(format!(
                "check the OCID; if it is correct, add: {}",
                statement("<your group>", verb, resource, scope)
            )),
            FailureClass::Authentication => refused(failure),
            FailureClass::Invalid => {
                Finding::new(Level::Stop, ocid, format!("OCI does not accept this {what}: {}", text(failure)))
            }
            _ => {
                Finding::new(Level::Warning, ocid, format!("the {what} could not be read: {}", text(failure)))
            }
        }
        .request(failure)
    }
}

/// The finding of a refused login.
pub(super) fn refused(failure: &Failure) -> Finding {
    let message = format!("OCI refused the login: {}", text(failure));
    let (message, remedy) = match failure.clock_error() {
        Some(clock) => (format!("{message}; {clock}"), "set the clock of this machine"),
        None if failure.message.contains("session token") => {
            (message, "log in again: `oci session authenticate`")
        }
        None => (
            message,
            "check that the API key with this fingerprint is registered for the user, and that the user belongs to this \
             tenancy",
        ),
    };
    Finding::new(Level::Stop, "credentials", message).remedy(remedy).request(failure)
}

fn text(failure: &Failure) -> String {
    oci_client::plain_text(&format!("{}: {}", failure.code, failure.message), 300)
}
