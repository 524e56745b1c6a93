//! Deletes a pool or a configuration, and takes a member out of its pool.

use super::rows;
use crate::engine::backoff::Backoff;
use crate::engine::failure::{AfterDelete, AfterRead, error_record, own_error, policy};
use crate::tuning::POOL_ENDS;
use ledger::{EnginePart, ErrorClass, ErrorRecord};
use oci_client::{Client, Failure, FailureClass};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Deletes a part and waits until it is gone: a pool with its members and their volumes. A part that is gone already counts as
/// deleted.
pub(crate) async fn delete_part(
    client: &Client,
    part: EnginePart,
    ocid: &str,
    stop: &CancellationToken,
) -> Result<(), ErrorRecord> {
    let end = Instant::now() + POOL_ENDS;
    let pauses = Backoff::doubling(Duration::from_secs(2), Duration::from_secs(20));
    let mut accepted = false;
    for nth in 1.. {
        let last = if accepted {
            match state(client, part, ocid).await {
                Ok(state) if state == "TERMINATED" => return Ok(()),
                Ok(_) => None,
                Err(failure) => match policy(failure.class).read {
                    AfterRead::NotThere => return Ok(()),
                    AfterRead::Again => Some(failure),
                    AfterRead::GiveUp => return Err(error_record(&failure)),
                },
            }
        } else {
            match delete(client, part, ocid).await {
                Ok(()) if part == EnginePart::InstanceConfiguration => return Ok(()),
                Ok(()) => {
                    accepted = true;
                    None
                }
                Err(failure) => match policy(failure.class).delete {
                    AfterDelete::Gone => return Ok(()),
                    AfterDelete::Again => Some(failure),
                    AfterDelete::GiveUp => return Err(error_record(&failure)),
                },
            }
        };
        let is_over = Instant::now() >= end || {
            tokio::select! {
                () = tokio::time::sleep(pauses.pause(nth)) => false,
                () = stop.cancelled() => true,
            }
        };
        if is_over {
            return Err(match last {
                Some(failure) => error_record(&failure),
                None => own_error(
                    ErrorClass::NotDeleted,
                    "NotDeleted",
                    &format!("the {} is being deleted; run the command again to go on", part.what()),
                ),
            });
        }
    }
    Ok(())
}

async fn state(client: &Client, part: EnginePart, ocid: &str) -> Result<String, Failure> {
    match part {
        EnginePart::ClusterNetwork => {
            Ok(client.get_cluster_network(ocid).await?.value.lifecycle_state.to_string())
        }
        _ => Ok(rows::pool(client, ocid).await?.0),
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
        Err(failure) if failure.class == FailureClass::NotFound => Ok(()),
        answer => answer,
    }
}
