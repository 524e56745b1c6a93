//! Rechecks a LimitExceeded. If the limits themselves have room, it is transient: a failed launch holds its share of the limit
//! until it is cleaned up. This module decides whether one is transient, and how long a launch is repeated because of that. It
//! reads the limits that the refusal names, or those of the shape if it names none.

use super::capacity_cache::{CapacityCache, PlacementState};
use crate::engine::backoff::Backoff;
use crate::plan::FleetSpec;
use crate::query::preflight::limits::{self, NamedLimits};
use ledger::{ErrorRecord, Event, Placement};
use oci_client::Client;
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// How long a result counts, for all slots, because other launches use up the limit.
const REMEMBERED: Duration = Duration::from_mins(2);
/// A transient refusal was seen to last for more than an hour. Unless `--retry-for` says otherwise, one is waited out for this
/// long, counted from the placement's first refusal since an accepted launch.
const PATIENCE: Duration = Duration::from_mins(90);
/// The pause before the first try that a recheck allows; it doubles …
const PAUSE: Duration = Duration::from_mins(1);
/// … up to this.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// The rechecked limits of launches that were refused.
#[derive(Default)]
pub(crate) struct LimitRechecks {
    /// By placement, and by the limits that the refusal named.
    places: Mutex<HashMap<(Placement, Vec<String>), Recheck>>,
    /// One task reads the limits; the others wait for its result.
    asking: tokio::sync::Mutex<()>,
}

struct Recheck {
    /// When the first launch was refused since the last accepted one.
    since: Instant,
    asked: Instant,
    is_transient: bool,
}

/// The longest pause before the try after `nth` (from 1) rechecks that found room.
pub(crate) fn pause(nth: u32) -> Duration {
    Backoff::doubling(PAUSE, LONGEST_PAUSE).pause(nth)
}

impl LimitRechecks {
    /// Whether a launch that a limit refused in this placement should be repeated there, and a notable fact about that.
    ///
    /// Never while another placement is open, nor with a reservation, whose capacity already counts as used.
    pub async fn is_transient(
        &self,
        client: &Client,
        fleet: &FleetSpec,
        capacity: &Mutex<CapacityCache>,
        patience: Option<Duration>,
        placement: &Placement,
        error: &ErrorRecord,
    ) -> (bool, Option<Event>) {
        let place = Placement { fault_domain: None, ..placement.clone() };
        let reserved = place.capacity_reservation.as_deref().is_some_and(|ocid| !ocid.is_empty());
        if reserved || is_open_elsewhere(fleet, capacity, placement) {
            return (false, None);
        }
        let names = limits::named_in(&error.message);
        let key = (place.clone(), names.clone());
        let _turn = self.asking.lock().await;
        let known = self.lock().get(&key).map(|known| (known.since, known.asked, known.is_transient));
        let now = Instant::now();
        let since = known.map_or(now, |(since, ..)| since);
        if now.duration_since(since) >= patience.unwrap_or(PATIENCE) {
            return (false, None);
        }
        if let Some((_, asked, is_transient)) = known
            && now.duration_since(asked) < REMEMBERED
        {
            return (is_transient, None);
        }
        let Placement { shape, availability_domain, .. } = placement;
        let region = place.region.as_deref();
        let (client, fleet) = (client.at(region), fleet.in_region(region));
        let (is_transient, why) = match limits::named(&client, &fleet, &place, &names).await {
            NamedLimits::Foreign(name) => {
                let why = format!(
                    "the limit {name} in the response does not count OCPUs, memory or GPUs of this shape"
                );
                (false, Some(why))
            }
            NamedLimits::Room(bounds) => {
                let tightest = bounds.iter().min_by_key(|bound| bound.room);
                (tightest.is_some_and(|bound| bound.room > 0), tightest.map(|bound| bound.why.clone()))
            }
        };
        let recheck = Recheck { since, asked: Instant::now(), is_transient };
        let before = self.lock().insert(key, recheck);
        let is_new = before.is_none_or(|known| known.is_transient != is_transient);
        let told = why.filter(|_| is_new).map(|why| {
            let message = if is_transient {
                format!(
                    "a limit refuses {shape} in {availability_domain}, but {why}: the refusal counts as transient, \
                         and such launches are retried"
                )
            } else {
                format!("a limit refuses {shape} in {availability_domain}: {why}; such launches are not retried")
            };
            Event::Warning { message }
        });
        (is_transient, told)
    }

    /// Records that a launch was accepted at the placement.
    pub fn over(&self, placement: &Placement) {
        let place = Placement { fault_domain: None, ..placement.clone() };
        self.lock().retain(|(refused, _), _| *refused != place);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(Placement, Vec<String>), Recheck>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_open_elsewhere(fleet: &FleetSpec, capacity: &Mutex<CapacityCache>, placement: &Placement) -> bool {
    let capacity = capacity.lock().unwrap_or_else(PoisonError::into_inner);
    let now = Instant::now();
    let mut others =
        fleet.placements.iter().filter(|other| *other != placement && fleet.may_move(placement, other));
    others.any(|other| capacity.known(other, now) == PlacementState::Open)
}
