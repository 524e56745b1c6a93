//! Waits for the service to finish with a reservation, and reads the result.

use std::time::Duration;

use oci_api::models::{
    ComputeCapacityReservation, ComputeCapacityReservationLifecycleState as State, WorkRequestStatus,
};
use oci_client::{Answered, Client, Failure, FailureClass, plain_text};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::ReservationError;
use crate::engine::backoff::Backoff;
use crate::engine::failure::{AfterRead, policy};

/// The first pause between two reads; later ones grow up to the maximum.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// How long to wait, and what may end the wait.
#[derive(Clone, Debug)]
pub struct Patience {
    /// The start of the command.
    pub started: Instant,
    /// The total duration.
    pub limit: Duration,
    /// Ends the wait when cancelled.
    pub stop: CancellationToken,
}

impl Patience {
    /// Starts now and lasts this long.
    pub fn new(limit: Duration, stop: CancellationToken) -> Self {
        Self { started: Instant::now(), limit, stop }
    }

    /// The remaining time.
    pub fn left(&self) -> Duration {
        self.limit.saturating_sub(self.started.elapsed())
    }

    /// Pauses; returns false if further waiting is pointless.
    pub(crate) async fn pause(&self, pause: Duration) -> bool {
        let left = self.left();
        if left.is_zero() || self.stop.is_cancelled() {
            return false;
        }
        tokio::select! {
            () = sleep(pause.min(left)) => true,
            () = self.stop.cancelled() => false,
        }
    }

    fn over(&self, ocid: &str, state: &str) -> ReservationError {
        let (ocid, state) = (ocid.to_owned(), state.to_owned());
        if self.stop.is_cancelled() {
            ReservationError::Stopped { ocid, state }
        } else {
            ReservationError::StillBusy { ocid, state, waited_s: self.started.elapsed().as_secs() }
        }
    }
}

const PAUSES: Backoff = Backoff::growing(FIRST_PAUSE, LONGEST_PAUSE, 150);

/// Follows a change of a reservation to its end: first its work request, if there is one that may be read, then the
/// reservation's own state. Returns the reservation in its final state; `None` if it no longer exists.
pub(super) async fn settled(
    client: &Client,
    ocid: &str,
    work_request: Option<&str>,
    patience: &Patience,
) -> Result<Option<Answered<ComputeCapacityReservation>>, ReservationError> {
    let ended = match work_request {
        Some(id) => work_request_ended(client, ocid, id, patience).await?,
        None => None,
    };
    let reservation = steady(client, ocid, patience).await?;
    match (ended, work_request) {
        // What the reservation holds counts, not the status of the work request; without a reservation the status is all that
        // is known.
        (Some((status, errors)), Some(id)) if reservation.is_none() => Err(ReservationError::WorkRequest {
            ocid: ocid.to_owned(),
            work_request: id.to_owned(),
            status,
            errors,
        }),
        (Some((status, errors)), Some(id)) => {
            tracing::warn!(ocid, work_request = id, status, ?errors, "the work request did not succeed");
            Ok(reservation)
        }
        _ => Ok(reservation),
    }
}

/// Waits until the service has finished with the reservation; `None` if it no longer exists.
pub async fn until_active(
    client: &Client,
    ocid: &str,
    patience: &Patience,
) -> Result<Option<Answered<ComputeCapacityReservation>>, ReservationError> {
    steady(client, ocid, patience).await
}

/// Waits for the end of a work request. Returns `Some` unless it succeeded.
async fn work_request_ended(
    client: &Client,
    ocid: &str,
    id: &str,
    patience: &Patience,
) -> Result<Option<(String, Vec<String>)>, ReservationError> {
    let mut looks = 0;
    loop {
        let status = match client.get_work_request(id).await {
            Ok(answer) => answer.value.status,
            // If the work request may not be read or no longer exists, the reservation's state has to suffice.
            Err(failure) if failure.class == FailureClass::NotFound => return Ok(None),
            Err(failure) if passing(&failure) => WorkRequestStatus::InProgress,
            Err(failure) => return Err(failure.into()),
        };
        match status {
            WorkRequestStatus::Succeeded => return Ok(None),
            WorkRequestStatus::Failed | WorkRequestStatus::Canceled => {
                let errors = client.list_work_request_errors(id).await.unwrap_or_default();
                let errors = errors
                    .iter()
                    .map(|error| plain_text(&format!("{}: {}", error.code, error.message), 300))
                    .collect();
                return Ok(Some((status.to_string(), errors)));
            }
            _ => {}
        }
        looks += 1;
        if !patience.pause(PAUSES.pause(looks)).await {
            return Err(patience.over(ocid, status.as_str()));
        }
    }
}

async fn steady(
    client: &Client,
    ocid: &str,
    patience: &Patience,
) -> Result<Option<Answered<ComputeCapacityReservation>>, ReservationError> {
    let mut looks = 0;
    loop {
        let state = match client.get_capacity_reservation(ocid).await {
            Ok(answer) => match answer.value.lifecycle_state {
                State::Active => return Ok(Some(answer)),
                State::Deleted => return Ok(None),
                state => state,
            },
            Err(failure) if failure.class == FailureClass::NotFound => return Ok(None),
            Err(failure) if passing(&failure) => State::Unrecognized("unreadable".to_owned()),
            Err(failure) => return Err(failure.into()),
        };
        looks += 1;
        if !patience.pause(PAUSES.pause(looks)).await {
            return Err(patience.over(ocid, state.as_str()));
        }
    }
}

/// Whether a failed read says nothing about the resource, so that the next one may succeed.
pub(crate) fn passing(failure: &Failure) -> bool {
    policy(failure.class).read == AfterRead::Again
}
