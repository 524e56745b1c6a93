//! The slots that a run has launched into a reservation.

use crate::reservation::Held;
use ledger::{Event, Placement, RunState};
use std::time::Duration;

/// How long creating, changing or deleting a reservation may take.
pub(super) const PATIENCE: Duration = Duration::from_mins(30);

/// Slots of the run that use a reservation.
#[derive(Clone, Copy, Default)]
pub(in crate::launch) struct Drawn {
    /// Slots that have an instance.
    pub(in crate::launch) known: u32,
    /// Slots that may have one.
    pub(in crate::launch) in_doubt: u32,
}

pub(in crate::launch) fn drawn(state: &RunState, ocid: &str) -> Drawn {
    let on = |placement: &Placement| placement.capacity_reservation.as_deref() == Some(ocid);
    let mut drawn = Drawn::default();
    for slot in state.slots.values().filter(|slot| slot.placement.as_deref().is_some_and(on)) {
        drawn.known += u32::from(slot.ocid.is_some());
        drawn.in_doubt += u32::from(slot.ocid.is_none() && slot.unsettled.is_some());
    }
    drawn
}

pub(in crate::launch) fn held_event(held: &Held, asked: u32) -> Event {
    Event::ReservationHeld {
        ocid: held.ocid.clone(),
        availability_domain: held.availability_domain.clone(),
        asked,
        held: held.reserved(),
        usable: None,
    }
}
