//! Repeats a request for more capacity, because capacity returns a little at a time. Changes of the reservation by others end
//! the wait and are never undone.

use std::time::Duration;

use oci_api::models::InstanceReservationConfigDetails;
use oci_client::{Client, FailureClass};

use super::change::{replan, resend, send, sum};
use super::follow::{Patience, passing};
use super::{Change, Held, ReservationError, show};

/// How long the last change may take after the deadline.
const SETTLE: Duration = Duration::from_mins(1);

/// The result of one more try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gain {
    /// The number held before.
    pub before: u32,
    /// The number held now.
    pub now: u32,
    /// The number wanted.
    pub wanted: u32,
}

/// Changes a reservation and, while it holds less than requested, repeats the request at intervals. It ends when everything is
/// held, when the patience ends, or when something else changes the reservation; what is held then stays held.
pub async fn resize_until_held(
    client: &Client,
    ocid: &str,
    changes: &[Change],
    every: Duration,
    patience: &Patience,
    tell: &(dyn Fn(&Gain) + Sync),
) -> Result<(u32, Held), ReservationError> {
    let mut held = show(client, ocid).await?;
    let goal = replan(held.wire.instance_reservation_configs.as_deref().unwrap_or_default(), changes)?;
    let wanted = sum(&goal);
    let mut first = true;
    // Whether a change whose response was lost may have taken effect.
    let mut in_doubt = false;
    loop {
        let before = held.reserved();
        // The last request is followed to its end, so that the result is the held count instead of "busy".
        let settle = Patience::new(patience.left().max(SETTLE), patience.stop.clone());
        match send(client, &held, goal.clone(), &settle).await {
            Ok(now) => (held, in_doubt) = (now, false),
            Err(ReservationError::Failure(failure)) if passing(&failure) => {
                // A refused request had no effect.
                in_doubt |= !matches!(failure.class, FailureClass::Throttled | FailureClass::Busy);
                tracing::info!(%failure, "the reservation could not be changed; trying again");
            }
            // The next read shows whether the change was this command's.
            Err(ReservationError::Changed { .. }) if in_doubt => {}
            Err(ReservationError::Changed { .. }) if !first => return Err(overtaken(ocid, before)),
            Err(error) => return Err(error),
        }
        first = false;
        let now = held.reserved();
        if now != before {
            tell(&Gain { before, now, wanted });
        }
        if now >= wanted {
            return Ok((wanted, held));
        }
        let Some(fresh) = read_again(client, ocid, every, patience).await? else { return Ok((wanted, held)) };
        let (was, is) = (configs(&held), configs(&fresh));
        if was != is && !(in_doubt && between(&was, &is, &goal)) {
            return Err(overtaken(ocid, fresh.reserved()));
        }
        held = fresh;
    }
}

/// Reads the reservation after a pause: instances may have come and gone, which changes the etag. `None` if the patience ends
/// first.
async fn read_again(
    client: &Client,
    ocid: &str,
    every: Duration,
    patience: &Patience,
) -> Result<Option<Held>, ReservationError> {
    while patience.pause(every).await && !patience.left().is_zero() {
        match client.get_capacity_reservation(ocid).await {
            Ok(answer) => return Ok(Some(answer.into())),
            Err(failure) if passing(&failure) => {}
            Err(failure) => return Err(failure.into()),
        }
    }
    Ok(None)
}

fn overtaken(ocid: &str, held: u32) -> ReservationError {
    ReservationError::Overtaken { ocid: ocid.to_owned(), held }
}

/// The configs without their usage, in a normalised order because the service may list them in any order.
fn configs(held: &Held) -> Vec<InstanceReservationConfigDetails> {
    let mut configs: Vec<_> = held.wire.instance_reservation_configs.iter().flatten().map(resend).collect();
    configs.sort_by_cached_key(|config| format!("{:?}", kind(config)));
    configs
}

/// The properties that identify a config.
fn kind(config: &InstanceReservationConfigDetails) -> InstanceReservationConfigDetails {
    InstanceReservationConfigDetails { reserved_count: 0, ..config.clone() }
}

/// Whether this command's own change with a lost response may have turned `was` into `is`: each count lies between its old
/// value and the requested one.
fn between(
    was: &[InstanceReservationConfigDetails],
    is: &[InstanceReservationConfigDetails],
    goal: &[InstanceReservationConfigDetails],
) -> bool {
    let count = |all: &[InstanceReservationConfigDetails], of| {
        all.iter().find(|config| kind(config) == of).map_or(0, |config| config.reserved_count)
    };
    let known = |config| was.iter().chain(goal).any(|other| kind(other) == kind(config));
    is.iter().all(known)
        && was.iter().chain(is).chain(goal).all(|config| {
            let of = || kind(config);
            let (before, wanted) = (count(was, of()), count(goal, of()));
            (before.min(wanted)..=before.max(wanted)).contains(&count(is, of()))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(shape: &str, count: i64) -> InstanceReservationConfigDetails {
        InstanceReservationConfigDetails {
            instance_shape: shape.to_owned(),
            reserved_count: count,
            ..InstanceReservationConfigDetails::default()
        }
    }

    #[test]
    fn only_what_our_own_lost_change_can_have_done_is_taken_for_it() {
        let (was, goal) = ([config("A", 4), config("B", 2)], [config("A", 10), config("B", 2)]);
        for ours in [4, 7, 10] {
            assert!(between(&was, &[config("A", ours), config("B", 2)], &goal), "{ours}");
        }
        for theirs in [
            [config("A", 3), config("B", 2)],
            [config("A", 11), config("B", 2)],
            [config("A", 4), config("B", 3)],
        ] {
            assert!(!between(&was, &theirs, &goal), "{theirs:?}");
        }
        assert!(!between(&was, &[config("A", 4)], &goal));
        assert!(!between(&was, &[config("A", 4), config("B", 2), config("C", 0)], &goal));
        assert!(!between(&was, &[config("A", 4), config("B", 2), config("C", 1)], &goal));
    }
}
