//! Identifies what OCI does not name. A launch that is refused as "not found or not authorised" does not say which OCID is
//! wrong or which permission is missing. Once per run, every resource that the fleet names is therefore read separately, as in
//! `plan`.

use crate::plan::FleetSpec;
use crate::plan::policy::{PolicyScope, statement};
use crate::price::Prices;
use crate::query::preflight::{Level, Preflight, preflight};
use ledger::{ErrorClass, ErrorRecord, RunState};
use oci_client::credentials::Subject;
use oci_client::{Client, QuestionLimits};

/// Whether launches of a run were refused without a reason.
pub(crate) fn is_wanted(state: &RunState) -> bool {
    state.slots.values().any(|slot| slot.error.as_deref().is_some_and(hides_its_reason))
}

/// Reads every resource that the fleet names, and describes the missing ones.
pub(crate) async fn find(client: &Client, fleet: &FleetSpec) -> Vec<String> {
    let client = client.with_question_limits(QuestionLimits::attended());
    let mut all = Vec::new();
    for (region, fleet) in fleet.by_region() {
        let answer = preflight(&client.at(region), &fleet, &Prices::default()).await;
        all.extend(told(&answer, client.signer_facts().subject, &fleet.compartment).into_iter().map(
            |message| match region {
                Some(region) => format!("{region}: {message}"),
                None => message,
            },
        ));
    }
    all
}

/// Whether a refusal names neither the missing resource nor the missing permission.
fn hides_its_reason(error: &ErrorRecord) -> bool {
    let text = error.message.to_ascii_lowercase();
    error.class == ErrorClass::NotFound
        && !oci_client::is_foreign(error.status, &error.code, &error.message)
        && !["shape ", "image ", "tag", "availability domain"].iter().any(|named| text.contains(named))
}

/// Describes the findings.
fn told(answer: &Preflight, subject: Subject, compartment: &str) -> Vec<String> {
    let stops = answer.findings.iter().filter(|finding| finding.level == Level::Stop);
    let culprits: Vec<String> = stops
        .map(|finding| match &finding.remedy {
            Some(remedy) => format!("{}: {}; {remedy}", finding.about, finding.message),
            None => format!("{}: {}", finding.about, finding.message),
        })
        .collect();
    if !culprits.is_empty() || answer.authenticated != Some(true) {
        return culprits;
    }
    if answer.findings.iter().any(|finding| finding.level == Level::Warning) {
        // Not every resource could be checked, so the absence of findings proves nothing.
        return Vec::new();
    }
    let right = statement(subject, "manage", "instances", PolicyScope::Compartment(compartment));
    vec![format!(
        "this login can read every OCID of the config, so the permission to launch is missing; add: {right}"
    )]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(message: &str) -> ErrorRecord {
        ErrorRecord {
            class: ErrorClass::NotFound,
            status: Some(404),
            message: message.to_owned(),
            ..ErrorRecord::default()
        }
    }

    #[test]
    fn only_a_refusal_that_names_nothing_is_looked_into() {
        assert!(hides_its_reason(&refusal("Authorization failed or requested resource not found.")));
        for named in
            ["shape X not found", "the response is not JSON of OCI: <html>", "Tag namespace X not found"]
        {
            assert!(!hides_its_reason(&refusal(named)), "{named}");
        }
        assert!(!hides_its_reason(&ErrorRecord { class: ErrorClass::Capacity, ..refusal("x") }));
    }
}
