//! Deletes one part of a network and waits until it is gone, because the next one can be deleted only then.

use super::rows;
use crate::engine::backoff::Backoff;
use crate::engine::deletion::delete_until_gone;
use crate::plan::network::PartKind;
use crate::tuning::NETWORK_PART_ENDS;
use ledger::ErrorRecord;
use oci_client::{Client, Failure};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Deletes a part. A part that is gone already counts as deleted.
pub(crate) async fn delete_part(
    client: &Client,
    kind: PartKind,
    ocid: &str,
    stop: &CancellationToken,
) -> Result<(), ErrorRecord> {
    let pauses = Backoff::doubling(Duration::from_secs(1), Duration::from_secs(20));
    let how = (kind.what(), NETWORK_PART_ENDS, pauses);
    delete_until_gone(how, || delete(client, kind, ocid), || rows::state(client, kind, ocid), stop).await
}

async fn delete(client: &Client, kind: PartKind, ocid: &str) -> Result<(), Failure> {
    match kind {
        PartKind::Vcn => client.delete_vcn(ocid).await,
        PartKind::Subnet => client.delete_subnet(ocid).await,
        PartKind::InternetGateway => client.delete_internet_gateway(ocid).await,
        PartKind::NatGateway => client.delete_nat_gateway(ocid).await,
        PartKind::RouteTable => client.delete_route_table(ocid).await,
        PartKind::SecurityList => client.delete_security_list(ocid).await,
        PartKind::ComputeCluster => client.delete_compute_cluster(ocid).await,
    }
    .map(drop)
}
