//! Finds the network of a fleet: by the records of this machine, whose OCIDs are read directly because lists lag, then by its tags.

use super::rows::{self, lives};
use super::summary::NetworkSummary;
use crate::plan::network::{NETWORK_TAG, NetworkPlan, PartKind, ssh_sources};
use crate::plan::{FLEET_TAG, same_endpoint};
use ledger::{LedgerError, Outcome, RunId, RunKind, RunState, Store};
use oci_client::{Client, Failure, FailureClass};

/// The network of a fleet that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FleetNetwork {
    /// OCID of the VCN.
    pub vcn: String,
    /// OCID of its subnet.
    pub subnet: String,
    /// How it differs from what the config asks for, in words. It is not changed.
    pub differences: Vec<String>,
}

/// Whether the network of a fleet exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetworkStanding {
    /// It has not been made, or has been deleted.
    Absent,
    /// It exists.
    Complete(FleetNetwork),
    /// This run of this machine has made a part of it, or may have.
    Unfinished {
        /// The run.
        run: RunId,
        /// OCID of the VCN, if it is known to exist.
        vcn: Option<String>,
    },
    /// It has no subnet: another machine has not finished it, or somebody deleted the subnet.
    Incomplete {
        /// OCID of the VCN.
        vcn: String,
        /// The run, by its tag.
        run: Option<RunId>,
    },
}

/// Why the network cannot be found.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// The ledger cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The service does not say.
    #[error(transparent)]
    Failure(Box<Failure>),
}

impl NetworkStanding {
    /// OCID of the VCN, if it is known to exist.
    pub fn vcn(&self) -> Option<&str> {
        match self {
            Self::Absent => None,
            Self::Complete(network) => Some(&network.vcn),
            Self::Unfinished { vcn, .. } => vcn.as_deref(),
            Self::Incomplete { vcn, .. } => Some(vcn),
        }
    }
}

impl From<Failure> for FindError {
    fn from(failure: Failure) -> Self {
        Self::Failure(Box::new(failure))
    }
}

/// Finds the network of a fleet.
///
/// # Errors
/// When it cannot be told, because a second network must not be made.
pub async fn find(
    client: &Client,
    store: &dyn Store,
    plan: &NetworkPlan,
) -> Result<NetworkStanding, FindError> {
    let client = &client.at(None);
    for state in of_ledger(store, plan).await? {
        let summary = NetworkSummary::of(&state);
        let Some(vcn) = summary.ocid(PartKind::Vcn) else {
            // Its creation may have succeeded, and only the run can find out.
            return Ok(NetworkStanding::Unfinished { run: state.run, vcn: None });
        };
        if !is_there(client, vcn).await? {
            continue;
        }
        return Ok(match summary.ocid(PartKind::Subnet) {
            Some(subnet) if state.outcome == Some(Outcome::Complete) => {
                complete(client, plan, (vcn, subnet), Some(state.run)).await?
            }
            _ => NetworkStanding::Unfinished { run: state.run, vcn: Some(vcn.to_owned()) },
        });
    }
    let named = |row: &rows::PartRow| {
        let is = |tag: &str, value: &str| row.tags.get(tag).is_some_and(|own| own == value);
        is(FLEET_TAG, &plan.fleet) && is(NETWORK_TAG, PartKind::Vcn.key())
    };
    let vcns = rows::vcns(client, &plan.compartment).await?;
    let Some(vcn) = vcns.into_iter().filter(named).min_by(|a, b| a.id.cmp(&b.id)) else {
        return Ok(NetworkStanding::Absent);
    };
    let subnets = rows::parts(client, PartKind::Subnet, &plan.compartment, &vcn.id).await?;
    let own = subnets.into_iter().find(|row| vcn.run().is_some_and(|run| row.is(PartKind::Subnet, run)));
    Ok(match own {
        Some(subnet) => complete(client, plan, (&vcn.id, &subnet.id), vcn.run()).await?,
        None => NetworkStanding::Incomplete { run: vcn.run(), vcn: vcn.id },
    })
}

/// The runs that have made something of this network, or may have; the newest first.
pub(super) async fn of_ledger(store: &dyn Store, plan: &NetworkPlan) -> Result<Vec<RunState>, LedgerError> {
    let mut states = Vec::new();
    for head in store.runs().await?.iter().filter(|head| head.kind == Some(RunKind::Network)) {
        let records = store.records(head.run).await?;
        let state = RunState::fold(head.run, &records.records);
        let Ok(made) = serde_json::from_value::<NetworkPlan>(state.plan.clone()) else { continue };
        let same = made.is_of_same_fleet(plan) && same_endpoint(made.origin.as_ref(), plan.origin.as_ref());
        // A process that is working on it has not necessarily recorded anything yet.
        if same && (head.held || NetworkSummary::of(&state).has_something()) {
            states.push(state);
        }
    }
    Ok(states)
}

async fn is_there(client: &Client, vcn: &str) -> Result<bool, Failure> {
    match client.get_vcn(vcn).await {
        Ok(found) => Ok(lives(found.value.lifecycle_state.as_str())),
        Err(failure) if failure.class == FailureClass::NotFound => Ok(false),
        Err(failure) => Err(failure),
    }
}

/// The network with its differences from the config, as far as they can be read. Its parts were all made, but somebody may have deleted
/// the subnet since.
async fn complete(
    client: &Client,
    plan: &NetworkPlan,
    (vcn, subnet): (&str, &str),
    run: Option<RunId>,
) -> Result<NetworkStanding, Failure> {
    let lost = || NetworkStanding::Incomplete { vcn: vcn.to_owned(), run };
    let found = match client.get_subnet(subnet).await {
        Ok(found) if lives(found.value.lifecycle_state.as_str()) => found.value,
        Ok(_) => return Ok(lost()),
        Err(failure) if failure.class == FailureClass::NotFound => return Ok(lost()),
        Err(failure) => return Err(failure),
    };
    let mut differences = Vec::new();
    let Some(wanted) = &plan.network else {
        let (vcn, subnet) = (vcn.to_owned(), subnet.to_owned());
        return Ok(NetworkStanding::Complete(FleetNetwork { vcn, subnet, differences }));
    };
    if let Some(block) = found.cidr_block.filter(|block| *block != wanted.block.to_string()) {
        differences.push(format!("its block is {block}, not {}", wanted.block));
    }
    if let Some(is_private) =
        found.prohibit_public_ip_on_vnic.filter(|is_private| *is_private == wanted.public)
    {
        let word = |private: bool| if private { "private" } else { "public" };
        differences.push(format!("it is {}, not {}", word(is_private), word(!wanted.public)));
    }
    let mut sources = Vec::new();
    let mut is_known = true;
    for list in found.security_list_ids.iter().flatten() {
        match client.get_security_list(list).await {
            Ok(list) => sources.extend(ssh_sources(&list.value.ingress_security_rules)),
            Err(_) => is_known = false,
        }
    }
    let mut asked: Vec<String> = wanted.ssh_from.iter().map(ToString::to_string).collect();
    sources.sort();
    asked.sort();
    if is_known && sources != asked {
        let list =
            |blocks: &[String]| if blocks.is_empty() { "nowhere".to_owned() } else { blocks.join(", ") };
        differences.push(format!("it lets SSH in from {}, not from {}", list(&sources), list(&asked)));
    }
    let (vcn, subnet) = (vcn.to_owned(), subnet.to_owned());
    Ok(NetworkStanding::Complete(FleetNetwork { vcn, subnet, differences }))
}

/// The networks in a compartment that this tool made, by their tags.
pub(crate) async fn networks_of(client: &Client, compartment: &str) -> Result<Vec<String>, Failure> {
    let is_ours = |row: &rows::PartRow| {
        row.run().is_some() && row.tags.get(NETWORK_TAG).is_some_and(|key| key == PartKind::Vcn.key())
    };
    let vcns = rows::vcns(client, compartment).await?;
    Ok(vcns.into_iter().filter(is_ours).map(|row| row.id).collect())
}
