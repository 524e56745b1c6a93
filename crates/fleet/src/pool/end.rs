//! Deletes a pool or a configuration, and takes a member out of its pool.

use super::rows;
use crate::engine::backoff::Backoff;
use crate::engine::deletion::delete_until_gone;
use crate::tuning::POOL_ENDS;
use ledger::{EnginePart, ErrorRecord};
use oci_client::{Client, Failure, FailureClass};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Deletes a part and waits until it is gone: a pool with its members and their volumes. A part that is gone already counts as
/// deleted.
pub(crate) async fn delete_part(
    client: &Client,
    part: EnginePart,
    ocid: &str,
    stop: &CancellationToken,
) -> Result<(), ErrorRecord> {
    let pauses = Backoff::doubling(Duration::from_secs(2), Duration::from_secs(20));
    let how = (part.what(), POOL_ENDS, pauses);
    delete_until_gone(how, || delete(client, part, ocid), || state(client, part, ocid), stop).await
}

async fn state(client: &Client, part: EnginePart, ocid: &str) -> Result<String, Failure> {
    match part {
        // It has no state: it exists or not.
        EnginePart::InstanceConfiguration => {
            client.get_instance_configuration(ocid).await.map(|_| "AVAILABLE".to_owned())
        }
        EnginePart::ClusterNetwork => {
            Ok(client.get_cluster_network(ocid).await?.value.lifecycle_state.to_string())
        }
        EnginePart::InstancePool | EnginePart::ComputeCluster => Ok(rows::pool(client, ocid).await?.0),
    }
}

async fn delete(client: &Client, part: EnginePart, ocid: &str) -> Result<(), Failure> {
    match part {
        EnginePart::InstanceConfiguration => client.delete_instance_configuration(ocid).await,
        EnginePart::ClusterNetwork => client.terminate_cluster_network(ocid).await,
        EnginePart::InstancePool | EnginePart::ComputeCluster => client.terminate_instance_pool(ocid).await,
    }
}

/// Takes a member out of its pool, so that the pool neither replaces it nor loses its size. One that has left already is no
/// failure.
pub(crate) async fn detach(client: &Client, pool: &str, ocid: &str, token: &str) -> Result<(), Failure> {
    match client.detach_instance_pool_instance(pool, ocid, token).await {
        // The service says the same to somebody who may not detach it, and the pool would then replace what is terminated.
        Err(failure) if failure.class == FailureClass::NotFound => {
            match client.get_instance_pool_instance(pool, ocid).await {
                Ok(_) => Err(failure),
                Err(read) if read.class == FailureClass::NotFound => Ok(()),
                Err(read) => Err(read),
            }
        }
        answer => answer,
    }
}
