//! Finds the compute cluster of a fleet, as its network is found, and tells whether it can be deleted.

use super::contents::NetworkPart;
use super::find::{FindError, of_ledger};
use super::rows::{self, lives};
use super::summary::NetworkSummary;
use crate::plan::network::{NETWORK_TAG, NetworkPlan, PartKind};
use crate::plan::{FLEET_TAG, RUN_TAG};
use ledger::{LedgerError, RunId, Store};
use oci_api::models::{ComputeCluster, InstanceLifecycleState};
use oci_client::{Client, Failure, FailureClass};
use std::collections::BTreeSet;

/// Whether the compute cluster of a fleet exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClusterStanding {
    /// It has not been made, or has been deleted.
    Absent,
    /// It exists.
    Complete(FleetCluster),
    /// This run of this machine may have made it.
    Unfinished(RunId),
}

/// The compute cluster of a fleet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FleetCluster {
    /// Its OCID.
    pub ocid: String,
    /// Its display name.
    pub name: String,
    /// Its availability domain.
    pub availability_domain: String,
    /// `ACTIVE`, …
    pub state: String,
    /// The fleet for which it was made, by its tag.
    pub fleet: String,
    /// The run that made it, by its tag.
    pub run: Option<RunId>,
}

impl FleetCluster {
    fn of(row: ComputeCluster) -> Self {
        let tags = row.freeform_tags.unwrap_or_default();
        Self {
            ocid: row.id,
            name: row.display_name.unwrap_or_default(),
            availability_domain: row.availability_domain,
            state: row.lifecycle_state.to_string(),
            fleet: tags.get(FLEET_TAG).cloned().unwrap_or_default(),
            run: tags.get(RUN_TAG).and_then(|run| run.parse().ok()),
        }
    }

    /// The part that deletes it.
    pub fn part(&self) -> NetworkPart {
        let (ocid, name) = (self.ocid.clone(), self.name.clone());
        NetworkPart { kind: PartKind::ComputeCluster, ocid, name }
    }
}

/// Finds the compute cluster of a fleet: by the records of this machine, whose OCIDs are read directly because lists lag, then by its
/// tags.
///
/// # Errors
/// When it cannot be told, because a second cluster must not be made.
pub async fn find_cluster(
    client: &Client,
    store: &dyn Store,
    plan: &NetworkPlan,
) -> Result<ClusterStanding, FindError> {
    let client = &client.at(None);
    for state in of_ledger(store, plan).await? {
        let summary = NetworkSummary::of(&state);
        let Some(ocid) = summary.ocid(PartKind::ComputeCluster) else {
            // Its creation may have succeeded, and only the run can find out.
            return Ok(ClusterStanding::Unfinished(state.run));
        };
        if let Some(found) = read(client, ocid).await? {
            return Ok(ClusterStanding::Complete(found));
        }
    }
    let named = clusters_of(client, &plan.compartment).await?;
    let own = named.into_iter().filter(|cluster| cluster.fleet == plan.fleet);
    Ok(own.min_by(|a, b| a.ocid.cmp(&b.ocid)).map_or(ClusterStanding::Absent, ClusterStanding::Complete))
}

/// Whether a run of this ledger has made a compute cluster for the fleet of the plan, or may have.
///
/// # Errors
/// When the ledger cannot be read.
pub async fn had_cluster(store: &dyn Store, plan: &NetworkPlan) -> Result<bool, LedgerError> {
    Ok(!of_ledger(store, plan).await?.is_empty())
}

/// The cluster with this OCID, if it still exists.
async fn read(client: &Client, ocid: &str) -> Result<Option<FleetCluster>, Failure> {
    match client.get_compute_cluster(ocid).await {
        Ok(found) if lives(found.value.lifecycle_state.as_str()) => Ok(Some(FleetCluster::of(found.value))),
        Ok(_) => Ok(None),
        Err(failure) if failure.class == FailureClass::NotFound => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// The compute clusters in a compartment that this tool made, by their tags.
pub(crate) async fn clusters_of(client: &Client, compartment: &str) -> Result<Vec<FleetCluster>, Failure> {
    let mut found = Vec::new();
    for row in rows::parts(client, PartKind::ComputeCluster, compartment, "").await? {
        let is_ours = row.tags.get(NETWORK_TAG).is_some_and(|key| key == PartKind::ComputeCluster.key());
        if row.run().is_some() && is_ours {
            // The list may lag behind its deletion.
            found.extend(read(client, &row.id).await?);
        }
    }
    Ok(found)
}

/// Why a cluster cannot be deleted: instances in it other than these.
///
/// # Errors
/// When its instances cannot be listed.
pub async fn others_in_cluster(
    client: &Client,
    compartment: &str,
    cluster: &str,
    own: &BTreeSet<&str>,
) -> Result<Option<String>, Failure> {
    let all = client.at(None).list_compute_cluster_instances(compartment, cluster).await?;
    let mut others = all.iter().filter(|row| {
        // The deletion waits for those that are ending.
        let ends = [InstanceLifecycleState::Terminating, InstanceLifecycleState::Terminated];
        !ends.contains(&row.lifecycle_state) && !own.contains(row.id.as_str())
    });
    let Some(first) = others.next() else { return Ok(None) };
    let name = first.display_name.as_deref().unwrap_or("without a name");
    Ok(Some(match others.count() {
        0 => format!("instance {name} ({}) is in it", first.id),
        more => format!("{} instances are in it: {name}, …", more + 1),
    }))
}
