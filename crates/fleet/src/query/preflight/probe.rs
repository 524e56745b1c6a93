//! Reads one resource at a time, so that the service's single response for "wrong OCID" and "not allowed" identifies it.

use oci_client::{Client, Failure, FailureClass};

use super::{Finding, Level};
use crate::plan::policy::{PolicyScope, statement};

/// The remedy for a response that says nothing about what was asked.
pub(super) const AGAIN: &str = "try again; if this continues, the request id helps Oracle's support";

/// The resource to read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Probe<'a> {
    /// Its kind: `subnet`.
    pub what: &'static str,
    /// Its OCID.
    pub ocid: &'a str,
    /// The verb and resource-type that a policy must grant.
    pub needs: (&'static str, &'static str),
    /// The scope of the policy.
    pub scope: PolicyScope<'a>,
}

impl Probe<'_> {
    /// The finding for a failed read.
    pub fn finding(&self, client: &Client, failure: &Failure) -> Finding {
        let Self { what, ocid, needs: (verb, resource), scope } = *self;
        match failure.class {
            // A web filter knows nothing about the resource.
            _ if failure.is_foreign() => Finding::new(
                Level::Warning,
                ocid,
                format!(
                    "the {what} could not be read, because the response did not come from OCI: {}",
                    text(failure)
                ),
            )
            .remedy("look at the proxy or the web filter between this machine and OCI"),
            FailureClass::NotFound => Finding::new(
                Level::Stop,
                ocid,
                format!("this {what} does not exist, or you may not use it (OCI does not say which)"),
            )
            .remedy(format!(
                "check the OCID{}; if it is correct, add: {}",
                lists(what),
                statement(client.signer_facts().subject, verb, resource, scope)
            )),
            FailureClass::Authentication => refused(client, failure),
            FailureClass::Invalid => {
                Finding::new(Level::Stop, ocid, format!("OCI does not accept this {what}: {}", text(failure)))
                    .remedy("correct its OCID")
            }
            _ => {
                Finding::new(Level::Warning, ocid, format!("the {what} could not be read: {}", text(failure)))
                    .remedy(AGAIN)
            }
        }
        .request(failure)
    }
}

/// The finding of a refused login.
pub(super) fn refused(client: &Client, failure: &Failure) -> Finding {
    let message = format!("OCI refused the login: {}", text(failure));
    if let Some(clock) = failure.clock_error() {
        return Finding::new(Level::Stop, "credentials", format!("{message}; {clock}"))
            .remedy("set the clock of this machine")
            .request(failure);
    }
    let facts = client.signer_facts();
    let remedy = match (facts.log_in, facts.ends) {
        (Some(log_in), _) => format!("log in again: `{log_in}`"),
        (None, Some(_)) => {
            "look at the claims of the token: its tenancy and its region have to be those of the config".to_owned()
        }
        (None, None) => "check that the API key with this fingerprint is registered for the user, and that the user belongs to \
                         this tenancy"
            .to_owned(),
    };
    Finding::new(Level::Stop, "credentials", message).remedy(remedy).request(failure)
}

/// Where to look the OCID up.
fn lists(what: &str) -> String {
    let command = match what {
        "image" => "find images",
        "subnet" => "find subnets",
        "compartment" => "find compartments",
        "capacity reservation" => "reservation list",
        _ => return String::new(),
    };
    format!(" (`oci-insta-scale {command}` lists those that exist)")
}

fn text(failure: &Failure) -> String {
    oci_client::plain_text(&format!("{}: {}", failure.code, failure.message), 300)
}
