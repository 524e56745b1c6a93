//! What else a launch names by its OCID: security groups, hosts, clusters, volumes. Each is asked for by itself, with one
//! request, so that the service's one answer to "wrong OCID" and "not allowed" names its culprit.
//!
//! Encryption keys and cluster placement groups belong to services that are not asked.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;
use ledger::Placement;
use oci_api::Operation;
use oci_api::models::{InstanceSourceDetails, LaunchInstanceDetails};
use oci_client::{Answered, Call, Failure};
use serde_json::Value;

use super::asker::Asker;
use super::probe::Probe;
use super::verdict::Bound;
use super::{Finding, Level};
use crate::plan::FleetSpec;
use crate::plan::policy::PolicyScope;

/// A kind of thing that a launch may name.
struct Kind {
    what: &'static str,
    operation: Operation,
    needs: (&'static str, &'static str),
    /// The states in which a launch may use it.
    good: &'static [&'static str],
}

const GROUP: Kind = Kind {
    what: "network security group",
    operation: Operation::GetNetworkSecurityGroup,
    needs: ("use", "network-security-groups"),
    good: &["AVAILABLE"],
};
const HOST: Kind = Kind {
    what: "dedicated host",
    operation: Operation::GetDedicatedVmHost,
    needs: ("use", "dedicated-vm-hosts"),
    good: &["ACTIVE", "UPDATING"],
};
const CLUSTER: Kind = Kind {
    what: "compute cluster",
    operation: Operation::GetComputeCluster,
    needs: ("use", "compute-clusters"),
    good: &["ACTIVE"],
};
const BOOT_VOLUME: Kind = Kind {
    what: "boot volume",
    operation: Operation::GetBootVolume,
    needs: ("use", "volumes"),
    good: &["AVAILABLE"],
};
const VOLUME: Kind =
    Kind { what: "volume", operation: Operation::GetVolume, needs: ("use", "volumes"), good: &["AVAILABLE"] };
const CONFIGURATION: Kind = Kind {
    what: "instance configuration",
    operation: Operation::GetInstanceConfiguration,
    needs: ("use", "instance-configurations"),
    good: &[],
};

/// What a launch names, each once.
fn of_launch(launch: &LaunchInstanceDetails) -> Vec<(&'static Kind, String)> {
    let vnic = launch.create_vnic_details.as_deref();
    let groups = vnic.and_then(|vnic| vnic.nsg_ids.as_deref()).unwrap_or_default();
    let boot = match launch.source_details.as_deref() {
        Some(InstanceSourceDetails::BootVolume(volume)) => Some(&volume.boot_volume_id),
        _ => None,
    };
    let single = [
        (&HOST, launch.dedicated_vm_host_id.as_ref()),
        (&CLUSTER, launch.compute_cluster_id.as_ref()),
        (&BOOT_VOLUME, boot),
        (&CONFIGURATION, launch.instance_configuration_id.as_ref()),
    ];
    let attachments = serde_json::to_value(&launch.launch_volume_attachments).unwrap_or_default();
    let volumes = attachments.as_array().into_iter().flatten();
    let volumes = volumes.filter_map(|volume| Some((&VOLUME, volume["volumeId"].as_str()?.to_owned())));
    let mut all: Vec<(&'static Kind, String)> = groups
        .iter()
        .map(|ocid| (&GROUP, ocid.clone()))
        .chain(single.into_iter().filter_map(|(kind, ocid)| Some((kind, ocid?.clone()))))
        .chain(volumes)
        .collect();
    let mut seen = BTreeSet::new();
    all.retain(|(_, ocid)| !ocid.is_empty() && seen.insert(ocid.clone()));
    all
}

/// What was learnt of the things that a launch names.
#[derive(Debug, Default)]
pub(super) struct NamedResources {
    pub findings: Vec<Finding>,
    /// Availability domains by what is bound to them.
    domains: BTreeMap<&'static str, String>,
}

/// How many there are.
pub(super) fn count(fleet: &FleetSpec) -> usize {
    of_launch(&fleet.template).len()
}

/// Asks for each of them.
pub(super) async fn ask(asker: &Asker<'_>) -> NamedResources {
    let all = of_launch(&asker.fleet.template);
    asker.count(u32::try_from(all.len()).unwrap_or(u32::MAX));
    let answers = join_all(all.iter().map(|(kind, ocid)| {
        let call = Call::new(kind.operation).path(ocid);
        asker.client.call::<Value>(call)
    }))
    .await;
    let mut named = NamedResources::default();
    for ((kind, ocid), answer) in all.into_iter().zip(answers) {
        named.take(asker, kind, &ocid, answer);
    }
    named
}

impl NamedResources {
    fn take(
        &mut self,
        asker: &Asker<'_>,
        kind: &'static Kind,
        ocid: &str,
        answer: Result<Answered<Value>, Failure>,
    ) {
        let scope = PolicyScope::Compartment(&asker.fleet.compartment);
        let found = match answer {
            Ok(answer) => answer.value,
            Err(failure) => {
                let probe = Probe { what: kind.what, ocid, needs: kind.needs, scope };
                self.findings.push(probe.finding(&failure));
                return;
            }
        };
        let state = found["lifecycleState"].as_str().unwrap_or_default();
        if !state.is_empty() && !kind.good.is_empty() && !kind.good.contains(&state) {
            let state = oci_client::plain_text(state, 40);
            let message = format!("the {} is {state}, not {}", kind.what, kind.good[0]);
            self.findings.push(Finding::new(Level::Stop, ocid, message));
        }
        // Of the simulated region's hosts and clusters nobody says where they are, so only volumes count.
        let is_volume = [BOOT_VOLUME.what, VOLUME.what].contains(&kind.what);
        let domain = found["availabilityDomain"].as_str().filter(|domain| is_volume && !domain.is_empty());
        if let Some(domain) = domain {
            self.domains.insert(kind.what, domain.to_owned());
        }
    }

    /// What they leave room for at a place: nothing outside their own availability domain.
    pub(super) fn bounds(&self, place: &Placement) -> Vec<Bound> {
        let elsewhere = self.domains.iter().filter(|(_, domain)| **domain != place.availability_domain);
        elsewhere
            .map(|(what, domain)| {
                Bound::own(0, format!("the {what} is in {}", oci_client::plain_text(domain, 120)))
            })
            .collect()
    }
}
