//! What a ratchet has spent on unused capacity, and when its time or money runs out.

use super::Ratchet;
use crate::tuning::{RATCHET_LOOKS, RATCHET_MARGIN};
use jiff::Timestamp;
use ledger::RatchetEnd;
use std::time::Duration;

impl Ratchet<'_> {
    /// Whether the time or money has run out.
    pub(super) fn over(&self) -> Option<RatchetEnd> {
        if let Some(before) = self.context.journal.state(|state| state.ratchet_ended) {
            return Some(before);
        }
        let now = self.context.env.clock.now();
        if self.hunt.until() <= now || self.context.ends_at.is_some_and(|ends_at| ends_at <= now) {
            return Some(RatchetEnd::Time);
        }
        let (left, per_hour) = self.money(now)?;
        (left <= per_hour * RATCHET_MARGIN.as_secs_f64() / 3600.0).then_some(RatchetEnd::Money)
    }

    /// What is left of the bound, and what an hour costs now. `None` without a bound.
    fn money(&self, now: Timestamp) -> Option<(f64, f64)> {
        let bound = self.terms.max_hold_cost?;
        self.context.journal.state(|state| {
            // Every price was known when the bound was accepted. If one is missing, the cost counts as above the bound.
            let spent = self.terms.cost(&state.holding.unit_seconds(now)).unwrap_or(f64::INFINITY);
            let per_hour = self.terms.cost_per_hour(&state.holding.unused()).unwrap_or(f64::INFINITY);
            Some((bound - spent, per_hour))
        })
    }

    /// How many more instances can be held in a domain before all capacity would have to be released at once.
    pub(super) fn affordable(&self, domain: &str) -> u32 {
        let Some((left, per_hour)) = self.money(self.context.env.clock.now()) else { return u32::MAX };
        let Some(hour) = self.terms.hours.get(domain).filter(|hour| **hour > 0.0) else { return u32::MAX };
        let margin = RATCHET_MARGIN.as_secs_f64() / 3600.0;
        ((left / margin - per_hour) / hour).floor().clamp(0.0, f64::from(u32::MAX)) as u32
    }

    /// Returns when the time or money has run out.
    pub(super) async fn until_over(&self) {
        while self.over().is_none() {
            let now = self.context.env.clock.now();
            let ends = [Some(self.hunt.until()), self.context.ends_at];
            let time = ends.into_iter().flatten().min().map(|end| end.duration_since(now));
            let time = time.and_then(|left| Duration::try_from(left).ok()).unwrap_or(*RATCHET_LOOKS.end());
            let money = self.money(now).filter(|(_, per_hour)| *per_hour > 0.0).map_or(
                *RATCHET_LOOKS.end(),
                |(left, per_hour)| {
                    let hours = Duration::try_from_secs_f64(left / per_hour * 3600.0).unwrap_or_default();
                    hours.saturating_sub(RATCHET_MARGIN)
                },
            );
            tokio::time::sleep(time.min(money).clamp(*RATCHET_LOOKS.start(), *RATCHET_LOOKS.end())).await;
        }
    }
}
