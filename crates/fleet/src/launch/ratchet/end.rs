//! How a ratchet ends without a launch, and what it reports then.

use super::Ratchet;
use crate::launch::{cut::Cut, finish};
use ledger::{ErrorClass, ErrorRecord, Event, RatchetEnd};
use tokio_util::sync::CancellationToken;

impl Ratchet<'_> {
    /// Ends the ratchet when its time or money has run out: all capacity is released, unless enough instances were launched
    /// before.
    pub(super) async fn end(&self, reason: RatchetEnd, stop: &CancellationToken) {
        let journal = self.context.journal;
        let held = self.held();
        if journal.state(|state| state.ratchet_ended.is_none()) {
            // Recorded before anything is released, so that the next process continues the release.
            if journal.intend(Event::RatchetEnded { reason }).await.is_err() {
                return self.keep(stop).await;
            }
            let message = format!("{}: {held}", what_is_over(reason));
            journal.record(vec![Event::Warning { message }]).await;
        }
        let error = ErrorRecord {
            class: ErrorClass::Deadline,
            code: "RatchetEnded".to_owned(),
            message: format!("{} before enough was reserved: {held}", what_is_over(reason)),
            ..ErrorRecord::default()
        };
        for slot in self.untried() {
            self.context.give_up(slot, error.clone()).await;
        }
        Box::pin(finish::end(self.context, stop, Cut::Late)).await;
    }

    /// Ends the ratchet because nothing can be reserved anywhere.
    pub(super) async fn end_as_hopeless(&self, error: ErrorRecord, stop: &CancellationToken) {
        for slot in self.untried() {
            self.context.give_up(slot, error.clone()).await;
        }
        Box::pin(finish::end(self.context, stop, Cut::Not)).await;
    }

    /// `35 of 40 reserved (15 in AD-1, 20 in AD-2)`.
    fn held(&self) -> String {
        self.context.journal.state(|state| {
            let usable = state.holding.usable();
            let all = state.holding.usable_in_all();
            let places: Vec<String> =
                usable.iter().map(|(domain, count)| format!("{count} in {domain}")).collect();
            let places = if places.is_empty() { String::new() } else { format!(" ({})", places.join(", ")) };
            format!("{all} of {} reserved{places}", self.least())
        })
    }

    /// Reports what is still held although the command ends, what it costs, and how to release it.
    pub(super) async fn tell_what_is_kept(&self) {
        let events = self.context.journal.state(|state| {
            let unused = state.holding.unused();
            let held = state.reservations.iter().filter(|(_, (.., held))| *held > 0);
            let kept = held.map(|(ocid, (domain, _, held))| {
                let here = unused.get(domain.as_str()).copied().unwrap_or_default();
                let cost = self.terms.cost_per_hour(&[(domain.as_str(), here)].into());
                let currency = &self.terms.currency;
                let price = cost.map_or_else(
                    || "an unknown price".to_owned(),
                    |cost| format!("{cost:.4} {currency} per hour"),
                );
                let end = match self.reserve.grown.get(ocid) {
                    Some(before) => format!("reservation update {ocid} --count {before}"),
                    None => format!("reservation delete {ocid}"),
                };
                let message = format!(
                    "{ocid} in {domain} holds {held} and costs {price}, unused: `oci-insta-scale resume {}` continues, \
                     `oci-insta-scale {end}` ends it",
                    state.run
                );
                Event::Warning { message }
            });
            kept.collect()
        });
        self.context.journal.record(events).await;
    }
}

fn what_is_over(reason: RatchetEnd) -> &'static str {
    match reason {
        RatchetEnd::Time => "the time of the ratchet is over",
        RatchetEnd::Money => "the money of the ratchet (--max-hold-cost) is used up",
    }
}
