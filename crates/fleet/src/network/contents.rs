//! What is in a network: the parts that a run of this tool made, in the order in which they can be deleted, and everything else.

use super::rows::{self, PartRow};
use crate::plan::network::{NETWORK_TAG, PartKind};
use crate::plan::{FLEET_TAG, RUN_TAG};
use ledger::RunId;
use oci_client::{Client, Failure, FailureClass};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The kinds in the order in which they can be deleted: each before what it uses.
const DELETED_IN_ORDER: [PartKind; 6] = [
    PartKind::Subnet,
    PartKind::RouteTable,
    PartKind::SecurityList,
    PartKind::InternetGateway,
    PartKind::NatGateway,
    PartKind::Vcn,
];

/// A part that this tool made.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct NetworkPart {
    /// What it is.
    pub kind: PartKind,
    /// Its OCID.
    pub ocid: String,
    /// Its display name.
    pub name: String,
}

/// What is in a network.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Contents {
    /// The run that made the network.
    pub run: Option<RunId>,
    /// The fleet for which it was made.
    pub fleet: String,
    /// What that run made, in the order in which it can be deleted.
    pub parts: Vec<NetworkPart>,
    /// What somebody else put there, in words.
    pub others: Vec<String>,
    /// The network cards in its subnet.
    pub vnics: BTreeSet<String>,
}

/// Reads what is in a network; `None` if this tool did not make it, or it is gone.
///
/// # Errors
/// When a list cannot be read, because it is then uncertain what else uses the network.
pub async fn contents(client: &Client, compartment: &str, vcn: &str) -> Result<Option<Contents>, Failure> {
    let network = match client.get_vcn(vcn).await {
        Ok(found) => found.value,
        Err(failure) if failure.class == FailureClass::NotFound => return Ok(None),
        Err(failure) => return Err(failure),
    };
    let tags = network.freeform_tags.clone().unwrap_or_default();
    let run: Option<RunId> = tags.get(RUN_TAG).and_then(|run| run.parse().ok());
    let is_ours = tags.get(NETWORK_TAG).is_some_and(|key| key == PartKind::Vcn.key());
    let Some(run) = run.filter(|_| is_ours && rows::lives(network.lifecycle_state.as_str())) else {
        return Ok(None);
    };
    let defaults =
        [network.default_route_table_id, network.default_security_list_id, network.default_dhcp_options_id];
    let is_default = |row: &PartRow| defaults.iter().flatten().any(|ocid| *ocid == row.id);
    let mut found = Contents {
        run: Some(run),
        fleet: tags.get(FLEET_TAG).cloned().unwrap_or_default(),
        ..Contents::default()
    };
    for kind in DELETED_IN_ORDER {
        if kind == PartKind::Vcn {
            continue;
        }
        for row in rows::parts(client, kind, compartment, vcn).await? {
            if row.is(kind, run) {
                let name = row.name.clone().unwrap_or_default();
                found.parts.push(NetworkPart { kind, ocid: row.id, name });
            } else if !is_default(&row) {
                found.others.push(describe(kind.what(), &row));
            }
        }
    }
    for (what, row) in rows::others(client, compartment, vcn).await? {
        if !is_default(&row) {
            found.others.push(describe(what, &row));
        }
    }
    let subnets: Vec<String> = found
        .parts
        .iter()
        .filter(|part| part.kind == PartKind::Subnet)
        .map(|part| part.ocid.clone())
        .collect();
    for subnet in subnets {
        let addresses = client.list_private_ips(Some(&subnet), None).await?;
        found.vnics.extend(addresses.into_iter().map(|row| row.vnic_id.or(row.id).unwrap_or_default()));
    }
    let name = network.display_name.unwrap_or_default();
    found.parts.push(NetworkPart { kind: PartKind::Vcn, ocid: network.id, name });
    Ok(Some(found))
}

fn describe(what: &str, row: &PartRow) -> String {
    format!("{what} {} ({})", row.name.as_deref().unwrap_or("without a name"), row.id)
}

impl Contents {
    /// Why the network cannot be deleted: what somebody else put there, and network cards other than these.
    pub fn in_use_by_others(&self, own: &BTreeSet<String>) -> Option<String> {
        if let Some(first) = self.others.first() {
            let more = match self.others.len() - 1 {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            return Some(format!("this tool did not make the {first}{more} in it"));
        }
        let mut foreign = self.vnics.difference(own);
        let first = foreign.next()?;
        Some(match foreign.count() {
            0 => format!("a network card that is none of the fleet's is in its subnet: {first}"),
            more => format!(
                "{} network cards that are none of the fleet's are in its subnet: {first}, …",
                more + 1
            ),
        })
    }
}
