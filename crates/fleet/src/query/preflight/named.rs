//! The other resources that a launch names by OCID ([`crate::plan::named`]). Each is read with its own request, so that the
//! service's single response for "wrong OCID" and "not allowed" identifies the resource.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use ledger::Placement;
use oci_api::Operation;
use oci_client::{Answered, Call, Failure};
use serde_json::Value;

use super::asker::Asker;
use super::probe::Probe;
use super::verdict::Bound;
use super::{Finding, Level};
use crate::plan::FleetSpec;
use crate::plan::named::{BOOT_VOLUME, ResourceKind, VOLUME, of_launch};
use crate::plan::policy::PolicyScope;

/// The resources in the fleet's launches that a service can read, each once.
fn of_fleet(fleet: &FleetSpec) -> Vec<(&'static ResourceKind, Operation, String)> {
    let all = of_launch(&fleet.template).into_iter();
    all.filter_map(|(named, ocid)| Some((named, named.read?, ocid))).collect()
}

/// The facts about the resources that a launch names.
#[derive(Debug, Default)]
pub(super) struct NamedResources {
    pub findings: Vec<Finding>,
    /// The availability domains to which resources are bound.
    domains: BTreeMap<&'static str, String>,
}

/// The number of these resources.
pub(super) fn count(fleet: &FleetSpec) -> usize {
    of_fleet(fleet).len()
}

/// Reads each of them.
pub(super) async fn ask(asker: &Asker<'_>) -> NamedResources {
    let all = of_fleet(asker.fleet);
    asker.count(u32::try_from(all.len()).unwrap_or(u32::MAX));
    let answers = join_all(all.iter().map(|(_, read, ocid)| {
        let call = Call::new(*read).path(ocid);
        asker.client.call::<Value>(call)
    }))
    .await;
    let mut named = NamedResources::default();
    for ((kind, _, ocid), answer) in all.into_iter().zip(answers) {
        named.take(asker, kind, &ocid, answer);
    }
    named
}

impl NamedResources {
    fn take(
        &mut self,
        asker: &Asker<'_>,
        kind: &'static ResourceKind,
        ocid: &str,
        answer: Result<Answered<Value>, Failure>,
    ) {
        let scope = PolicyScope::Compartment(&asker.fleet.compartment);
        let found = match answer {
            Ok(answer) => answer.value,
            Err(failure) => {
                let probe = Probe { what: kind.what, ocid, needs: kind.needs, scope };
                self.findings.push(probe.finding(asker.client, &failure));
                return;
            }
        };
        let state = found["lifecycleState"].as_str().unwrap_or_default();
        if !state.is_empty() && !kind.good.is_empty() && !kind.good.contains(&state) {
            let state = oci_client::plain_text(state, 40);
            let message = format!("the {} is {state}, not {}", kind.what, kind.good[0]);
            let remedy = format!("use another {}, or wait until it is {}", kind.what, kind.good[0]);
            self.findings.push(Finding::new(Level::Stop, ocid, message).remedy(remedy));
        }
        // The location of the simulated region's hosts and clusters is not known, so only volumes count.
        let is_volume = [BOOT_VOLUME.what, VOLUME.what].contains(&kind.what);
        let domain = found["availabilityDomain"].as_str().filter(|domain| is_volume && !domain.is_empty());
        if let Some(domain) = domain {
            self.domains.insert(kind.what, domain.to_owned());
        }
    }

    /// The room that they leave at a place: none outside their own availability domain.
    pub(super) fn bounds(&self, place: &Placement) -> Vec<Bound> {
        let elsewhere = self.domains.iter().filter(|(_, domain)| **domain != place.availability_domain);
        elsewhere
            .map(|(what, domain)| {
                Bound::own(0, format!("the {what} is in {}", oci_client::plain_text(domain, 120)))
            })
            .collect()
    }
}
