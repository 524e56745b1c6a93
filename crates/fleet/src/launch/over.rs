//! When nothing more is launched: the fleet has expired, the time of a hunt is over, or the bound on its cost is reached. What exists
//! stays then, and `--min` counts.

use super::context::Context;
use super::hunt::Announced;
use crate::plan::{SpendingTerms, SpentSoFar};
use crate::tuning::SPENDING_LOOKS;
use ledger::{ErrorClass, ErrorRecord, Event, Placement};
use std::time::Duration;

impl Context<'_> {
    /// Why nothing more is launched: the fleet has expired, the time of the hunt is over, or the bound on its cost is reached.
    pub fn is_over(&self) -> Option<ErrorRecord> {
        let hunt_is_over = || self.hunt.as_ref()?.time_is_over(self.env.clock.now());
        self.time_is_over().or_else(hunt_is_over).or_else(|| self.bound_is_reached())
    }

    fn bound_is_reached(&self) -> Option<ErrorRecord> {
        let terms = self.plan.spending.as_ref()?;
        let over = &self.money.over;
        if over.get().is_none() {
            let spent = self.spent(terms);
            let is_known = self.journal.state(|state| state.bound_reached);
            if !is_known && terms.left(spent) > 0.0 {
                return None;
            }
            let SpentSoFar { spent, per_hour } = spent;
            let event = Event::BoundReached { spent, per_hour };
            _ = over.set((bound_reached(terms, spent, per_hour), event));
        }
        over.get().map(|(error, _)| error.clone())
    }

    /// What the instances have cost, including those that are about to be launched.
    fn spent(&self, terms: &SpendingTerms) -> SpentSoFar {
        let now = self.env.clock.now();
        let known = self.journal.state(|state| terms.spent(&state.spending, now));
        let announced = self.money.announced();
        SpentSoFar { per_hour: known.per_hour + announced, ..known }
    }

    /// How long the bound lasts if nothing changes; any time without one, and once it is reached.
    pub fn money_lasts(&self) -> Duration {
        let Some(terms) = self.plan.spending.as_ref().filter(|_| self.bound_is_reached().is_none()) else {
            return Duration::MAX;
        };
        let spent = self.spent(terms);
        let hours = terms.left(spent) / spent.per_hour;
        let lasts = Duration::try_from_secs_f64(hours * 3600.0).unwrap_or(Duration::MAX);
        lasts.max(SPENDING_LOOKS)
    }

    /// Counts a launch at a placement until the returned value is dropped.
    pub fn announce(&self, placement: &Placement) -> Option<Announced<'_>> {
        let hour = self.plan.spending.as_ref()?.hour(placement);
        Some(self.money.announce(hour))
    }

    /// The record of the reached bound, before the first slot that it ends.
    pub fn bound_to_record(&self, error: &ErrorRecord) -> Option<Event> {
        let is_first = error.class == ErrorClass::Bound && !self.journal.state(|state| state.bound_reached);
        self.money.over.get().filter(|_| is_first).map(|(_, event)| event.clone())
    }
}

fn bound_reached(terms: &SpendingTerms, spent: f64, per_hour: f64) -> ErrorRecord {
    let (bound, currency) = (terms.max_cost, &terms.currency);
    let kept = if per_hour > 0.0 {
        format!("; those that exist cost {per_hour:.4} {currency} per hour until they are terminated")
    } else {
        String::new()
    };
    ErrorRecord {
        class: ErrorClass::Bound,
        code: "BoundReached".to_owned(),
        message: format!(
            "the instances have cost {spent:.2} of at most {bound} {currency} (--max-cost){kept}"
        ),
        ..ErrorRecord::default()
    }
}
