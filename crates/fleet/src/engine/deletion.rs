//! Deletes a resource and waits until it is gone.

use super::backoff::Backoff;
use super::failure::{AfterDelete, AfterRead, error_record, own_error, policy};
use ledger::{ErrorClass, ErrorRecord};
use oci_client::Failure;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Whether a resource in this state exists and nobody has deleted it.
pub fn lives(state: &str) -> bool {
    !matches!(state, "TERMINATING" | "TERMINATED" | "DELETING" | "DELETED")
}

/// Deletes a resource, which is called `what`, and waits until its state or a refused read says that it is gone. One that is gone
/// already counts as deleted. Tries again for this long at most.
pub(crate) async fn delete_until_gone<D, S>(
    (what, within, pauses): (&str, Duration, Backoff),
    delete: impl Fn() -> D,
    state: impl Fn() -> S,
    stop: &CancellationToken,
) -> Result<(), ErrorRecord>
where
    D: Future<Output = Result<(), Failure>>,
    S: Future<Output = Result<String, Failure>>,
{
    let end = Instant::now() + within;
    let mut accepted = false;
    for nth in 1.. {
        let last = if accepted {
            match state().await {
                Ok(state) if matches!(state.as_str(), "TERMINATED" | "DELETED") => return Ok(()),
                Ok(_) => None,
                Err(failure) => match policy(failure.class).read {
                    AfterRead::NotThere => return Ok(()),
                    AfterRead::Again => Some(failure),
                    AfterRead::GiveUp => return Err(error_record(&failure)),
                },
            }
        } else {
            match delete().await {
                Ok(()) => {
                    accepted = true;
                    None
                }
                Err(failure) => match policy(failure.class).delete {
                    // The service says the same to somebody who may not delete it.
                    AfterDelete::Gone => match state().await {
                        Ok(state) if lives(&state) => return Err(error_record(&failure)),
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
                    &format!("the {what} is being deleted; run the command again to go on"),
                ),
            });
        }
    }
    Ok(())
}
