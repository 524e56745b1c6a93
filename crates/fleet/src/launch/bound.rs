//! The end of a slot's chances, and what the spread of its fleet has to do with it.

use super::context::Context;
use crate::plan::SpreadDomain;
use ledger::{ErrorClass, ErrorRecord, Event, SlotNumber};

impl Context<'_> {
    /// Writes down that a slot has failed for good.
    pub async fn give_up(&self, slot: SlotNumber, error: ErrorRecord) {
        let error = match self.plan.fleet.bound_to(slot) {
            Some(domain) => bound(error, &domain),
            None => error,
        };
        self.journal.record(vec![Event::SlotFailed { slot, error }]).await;
    }
}

/// Says of a lack of capacity that the slot was not tried elsewhere, and how it would be.
fn bound(error: ErrorRecord, domain: &SpreadDomain) -> ErrorRecord {
    if !matches!(error.class, ErrorClass::Capacity | ErrorClass::ReservationExhausted) {
        return error;
    }
    let message = format!(
        "{} (the spread of the fleet allows this instance in {domain} only; `when_impossible: best_effort` allows it in other \
             domains)",
        error.message
    );
    ErrorRecord { message, ..error }
}
