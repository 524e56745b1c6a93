//! Deletes one part of a network and waits until it is gone, because the next one can be deleted only then.

use super::rows;
use crate::engine::backoff::Backoff;
use crate::engine::failure::{AfterDelete, AfterRead, error_record, own_error, policy};
use crate::plan::network::PartKind;
use crate::tuning::NETWORK_PART_ENDS;
use ledger::{ErrorClass, ErrorRecord};
use oci_client::{Client, Failure};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Deletes a part. A part that is gone already counts as deleted.
pub(crate) async fn delete_part(
    client: &Client,
    kind: PartKind,
    ocid: &str,
    stop: &CancellationToken,
) -> Result<(), ErrorRecord> {
    let end = Instant::now() + NETWORK_PART_ENDS;
    let pauses = Backoff::doubling(Duration::from_secs(1), Duration::from_secs(20));
    let mut accepted = false;
    for nth in 1.. {
        let last = if accepted {
            match rows::state(client, kind, ocid).await {
                Ok(state) if matches!(state.as_str(), "TERMINATED" | "DELETED") => return Ok(()),
                Ok(_) => None,
                Err(failure) => match policy(failure.class).read {
                    AfterRead::NotThere => return Ok(()),
                    AfterRead::Again => Some(failure),
                    AfterRead::GiveUp => return Err(error_record(&failure)),
                },
            }
        } else {
            match delete(client, kind, ocid).await {
                Ok(()) => {
                    accepted = true;
                    None
                }
                Err(failure) => match policy(failure.class).delete {
                    // The service says the same to somebody who may not delete it.
                    AfterDelete::Gone => match rows::state(client, kind, ocid).await {
                        Ok(state) if rows::lives(&state) => return Err(error_record(&failure)),
                        _ => return Ok(()),
                    },
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
                    &format!("the {} is being deleted; run the command again to go on", kind.what()),
                ),
            });
        }
    }
    Ok(())
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
