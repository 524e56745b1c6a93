//! Deletes reservations. What a caller did not ask to keep must not stay held, so a failure here names the reservation that
//! still costs money.

use futures_util::future::join_all;
use ledger::Event;
use oci_client::{Client, FailureClass};

use super::follow::{Patience, settled};
use super::held::{Member, members};
use super::{Book, Held, ReservationError, show};
use crate::engine::backoff::Backoff;
use crate::engine::failure::{AfterDelete, policy};
use std::time::Duration;

/// The pauses between two attempts to delete one reservation.
const PAUSES: Backoff = Backoff::doubling(Duration::from_secs(1), Duration::from_secs(30));

/// Deletes a reservation and waits until it is gone; returns its previous state. Refused while instances use it, which the
/// error names. A reservation that is already deleted is left alone.
pub async fn delete(client: &Client, ocid: &str, patience: &Patience) -> Result<Held, ReservationError> {
    let held = show(client, ocid).await?;
    if held.state == "DELETED" {
        return Ok(held);
    }
    if held.used() > 0 {
        let inside = members(client, ocid).await?;
        // The count lags: if there is no member left, nothing blocks the deletion.
        if !inside.is_empty() {
            return Err(in_use(ocid, &inside));
        }
    }
    remove(client, ocid, held.etag.as_deref(), patience).await?;
    Ok(held)
}

fn in_use(ocid: &str, inside: &[Member]) -> ReservationError {
    ReservationError::InUse {
        ocid: ocid.to_owned(),
        instances: inside.iter().map(Member::describe).collect(),
    }
}

/// Sends the deletion and waits for its end.
async fn remove(
    client: &Client,
    ocid: &str,
    etag: Option<&str>,
    patience: &Patience,
) -> Result<(), ReservationError> {
    let work_request = match client.delete_capacity_reservation(ocid, etag).await {
        Ok(answer) => answer.work_request_id,
        Err(failure) => match failure.class {
            FailureClass::NotFound => return Ok(()),
            FailureClass::StaleEtag => return Err(ReservationError::Changed { ocid: ocid.to_owned() }),
            FailureClass::Conflict | FailureClass::Busy => {
                let inside = members(client, ocid).await.unwrap_or_default();
                return Err(if inside.is_empty() { failure.into() } else { in_use(ocid, &inside) });
            }
            _ => return Err(failure.into()),
        },
    };
    match settled(client, ocid, work_request.as_deref(), patience).await? {
        None => Ok(()),
        Some(answer) => Err(ReservationError::StillBusy {
            ocid: ocid.to_owned(),
            state: answer.value.lifecycle_state.to_string(),
            waited_s: patience.started.elapsed().as_secs(),
        }),
    }
}

/// Deletes unused reservations of a compartment that this program created. Tries each until it is gone or the patience ends;
/// returns those still held, with reasons.
pub async fn give_back(
    client: &Client,
    compartment: &str,
    ocids: &[String],
    book: &dyn Book,
    patience: &Patience,
) -> Vec<(String, ReservationError)> {
    let giving = ocids.iter().map(|ocid| give_back_one(client, compartment, ocid, book, patience));
    let results = join_all(giving).await;
    ocids.iter().zip(results).filter_map(|(ocid, result)| Some((ocid.clone(), result.err()?))).collect()
}

async fn give_back_one(
    client: &Client,
    compartment: &str,
    ocid: &str,
    book: &dyn Book,
    patience: &Patience,
) -> Result<(), ReservationError> {
    let mut tries = 0;
    loop {
        let removed = match remove(client, ocid, None, patience).await {
            Ok(()) => not_listed(client, compartment, ocid, patience).await,
            Err(error) => Err(error),
        };
        let Err(error) = removed else {
            // It is gone, whether or not that could be recorded.
            if let Err(error) =
                book.keep(Event::GivenBack { slot: None, ocid: ocid.to_owned(), work_request: None }).await
            {
                tracing::warn!(%error, ocid, "rolled back, but the ledger does not know");
            }
            return Ok(());
        };
        let again = match &error {
            ReservationError::Failure(failure) => policy(failure.class).delete == AfterDelete::Again,
            // A deletion that was accepted but had no effect is sent again.
            ReservationError::StillBusy { .. } | ReservationError::WorkRequest { .. } => true,
            _ => false,
        };
        tries += 1;
        if !again || !patience.pause(PAUSES.pause(tries)).await {
            return Err(error);
        }
    }
}

/// The service denies a reservation to a user who may not see it, just like one that is gone: the list must agree.
async fn not_listed(
    client: &Client,
    compartment: &str,
    ocid: &str,
    patience: &Patience,
) -> Result<(), ReservationError> {
    let rows = client.list_capacity_reservations(compartment, None).await?;
    let state =
        rows.into_iter().find(|row| row.id == ocid).map(|row| row.lifecycle_state.unwrap_or_default());
    match state {
        Some(state) if state != "DELETED" => Err(ReservationError::StillBusy {
            ocid: ocid.to_owned(),
            state,
            waited_s: patience.started.elapsed().as_secs(),
        }),
        _ => Ok(()),
    }
}
