//! Ends the attempts of a slot, taking the spread of its fleet into account.

use super::context::Context;
use crate::plan::SpreadDomain;
use ledger::{ErrorClass, ErrorRecord, Event, SlotNumber};

impl Context<'_> {
    /// Records that a slot has failed for good.
    pub async fn give_up(&self, slot: SlotNumber, error: ErrorRecord) {
        let error = match self.plan.fleet.bound_to(slot) {
            Some(domain) => bound(error, &domain),
            None => error,
        };
        self.write_off(slot);
        let mut events: Vec<Event> = self.bound_to_record(&error).into_iter().collect();
        events.push(Event::SlotFailed { slot, error });
        self.journal.record(events).await;
    }

    /// Reports how many instances a best-effort spread has launched outside their chosen domains.
    pub async fn report_displaced(&self) {
        let fleet = &self.plan.fleet;
        let Some(spread) = fleet.spread else { return };
        let displaced = self.journal.state(|state| {
            let launched = state.slots.iter().filter(|(_, slot)| slot.ocid.is_some());
            let away = launched.filter(|(number, slot)| {
                slot.placement.as_ref().is_some_and(|placement| fleet.is_displaced(**number, placement))
            });
            away.count()
        });
        let (what, are) = match displaced {
            0 => return,
            1 => ("1 instance".to_owned(), "is"),
            many => (format!("{many} instances"), "are"),
        };
        let message = format!(
            "{what} {are} not in the domain that the spread over {} chose, since that domain had no capacity: the skew may be \
             above max_skew {}; `status` shows it",
            spread.across.plural(),
            spread.max_skew
        );
        let known = self.journal.state(|state| state.warnings.contains(&message));
        if !known {
            self.journal.record(vec![Event::Warning { message }]).await;
        }
    }
}

/// Adds to a lack of capacity that the slot was not tried elsewhere, and how that can be allowed.
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
