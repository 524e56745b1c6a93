//! Asks for one thing at a time, so that the service's one answer to "wrong OCID" and "not allowed" names its culprit.

use std::fmt::Write as _;

use oci_client::{Failure, FailureClass};

use super::{Finding, Level};
use crate::policy::{Scope, statement};

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
    pub scope: Scope<'a>,
}

impl Probe<'_> {
    /// What a failure of the question says.
    pub fn finding(&self, failure: &Failure) -> Finding {
        let Self { what, ocid, needs: (verb, resource), scope } = *self;
        match failure.class {
            FailureClass::NotFound => Finding::new(
                Level::Stop,
                ocid,
                format!("this {what} does not exist, or you may not use it (OCI does not tell which)"),
            )
            .remedy(format!(
                "check the OCID; if it is right, add: {}",
                statement("<your group>", verb, resource, scope)
            )),
            FailureClass::Authentication => refused(failure),
            FailureClass::Invalid => {
                Finding::new(Level::Stop, ocid, format!("OCI does not accept this {what}: {}", text(failure)))
            }
            _ => Finding::new(
                Level::Warning,
                ocid,
                format!("the {what} could not be looked at: {}", text(failure)),
            ),
        }
        .request(failure)
    }
}

/// The finding of a refused login.
pub(super) fn refused(failure: &Failure) -> Finding {
    let mut message = format!("the login was refused: {}", text(failure));
    if let Some(ahead) = failure.clock_ahead_s.filter(|ahead| ahead.abs() > 60) {
        let side = if ahead > 0 { "ahead of" } else { "behind" };
        // Writing to a String cannot fail.
        let _ = write!(message, "; this machine's clock is {} s {side} the server's", ahead.abs());
    }
    Finding::new(Level::Stop, "credentials", message)
        .remedy(
            "check that user and tenancy OCID belong together, that the API key with this fingerprint is registered for \
             the user, and the clock",
        )
        .request(failure)
}

fn text(failure: &Failure) -> String {
    oci_client::plain_text(&format!("{}: {}", failure.code, failure.message), 300)
}
