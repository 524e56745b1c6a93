//! The parts of networks as lists show them: what all kinds have in common.

pub(super) use crate::engine::deletion::lives;
use crate::plan::RUN_TAG;
use crate::plan::network::{NETWORK_TAG, PartKind};
use ledger::RunId;
use oci_client::{Client, Failure};
use std::collections::BTreeMap;

/// One part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PartRow {
    pub id: String,
    pub name: Option<String>,
    pub tags: BTreeMap<String, String>,
    pub state: String,
}

macro_rules! rows {
    ($list:expr) => {
        $list
            .into_iter()
            .map(|row| PartRow {
                id: row.id,
                name: Option::<String>::from(row.display_name),
                tags: row.freeform_tags.unwrap_or_default(),
                state: row.lifecycle_state.to_string(),
            })
            .filter(PartRow::lives)
            .collect()
    };
}

impl PartRow {
    /// Whether it exists and nobody has deleted it.
    fn lives(&self) -> bool {
        lives(&self.state)
    }

    /// The run that made it, if this tool did.
    pub fn run(&self) -> Option<RunId> {
        self.tags.get(RUN_TAG)?.parse().ok()
    }

    /// Whether this run made it as this part.
    pub fn is(&self, kind: PartKind, run: RunId) -> bool {
        self.run() == Some(run) && self.tags.get(NETWORK_TAG).is_some_and(|key| key == kind.key())
    }
}

/// The living networks of a compartment.
pub(super) async fn vcns(client: &Client, compartment: &str) -> Result<Vec<PartRow>, Failure> {
    Ok(rows!(client.list_vcns(compartment).await?))
}

/// The living parts of one kind in a network.
pub(super) async fn parts(
    client: &Client,
    kind: PartKind,
    compartment: &str,
    vcn: &str,
) -> Result<Vec<PartRow>, Failure> {
    Ok(match kind {
        PartKind::Vcn => vcns(client, compartment).await?,
        PartKind::Subnet => rows!(client.list_subnets(compartment, Some(vcn)).await?),
        PartKind::InternetGateway => rows!(client.list_internet_gateways(compartment, vcn).await?),
        PartKind::NatGateway => rows!(client.list_nat_gateways(compartment, vcn).await?),
        PartKind::RouteTable => rows!(client.list_route_tables(compartment, vcn).await?),
        PartKind::SecurityList => rows!(client.list_security_lists(compartment, vcn).await?),
        PartKind::ComputeCluster => rows!(client.list_compute_clusters(compartment).await?),
    })
}

/// The other parts that a network can have, which this tool never makes, each with its kind in words.
pub(super) async fn others(
    client: &Client,
    compartment: &str,
    vcn: &str,
) -> Result<Vec<(&'static str, PartRow)>, Failure> {
    let gateways: Vec<PartRow> = rows!(client.list_service_gateways(compartment, vcn).await?);
    let options: Vec<PartRow> = rows!(client.list_dhcp_options(compartment, vcn).await?);
    let groups = client.list_network_security_groups(compartment).await?;
    let groups: Vec<PartRow> = rows!(groups.into_iter().filter(|group| group.vcn_id == vcn));
    let named = |what: &'static str, rows: Vec<PartRow>| rows.into_iter().map(move |row| (what, row));
    Ok(named("service gateway", gateways)
        .chain(named("set of DHCP options", options))
        .chain(named("network security group", groups))
        .collect())
}

/// The state of a part.
pub(super) async fn state(client: &Client, kind: PartKind, ocid: &str) -> Result<String, Failure> {
    Ok(match kind {
        PartKind::Vcn => client.get_vcn(ocid).await?.value.lifecycle_state.to_string(),
        PartKind::Subnet => client.get_subnet(ocid).await?.value.lifecycle_state.to_string(),
        PartKind::InternetGateway => {
            client.get_internet_gateway(ocid).await?.value.lifecycle_state.to_string()
        }
        PartKind::NatGateway => client.get_nat_gateway(ocid).await?.value.lifecycle_state.to_string(),
        PartKind::RouteTable => client.get_route_table(ocid).await?.value.lifecycle_state.to_string(),
        PartKind::SecurityList => client.get_security_list(ocid).await?.value.lifecycle_state.to_string(),
        PartKind::ComputeCluster => client.get_compute_cluster(ocid).await?.value.lifecycle_state.to_string(),
    })
}
