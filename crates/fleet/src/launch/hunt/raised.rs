//! Notices that a limit was raised. A limit that refused a launch is left alone for an hour, but somebody may have requested an
//! increase: a hunt reads how much is available every few minutes, which is no probe, and ends the wait as soon as there is room.

use super::Hunt;
use super::notes::HuntNotes;
use crate::launch::context::{Context, Halted};
use crate::query::preflight::limits::{self, NamedLimits};
use crate::tuning::HUNT_READS_LIMITS;
use ledger::Placement;
use ledger::capacity::Subject;
use tokio::time::Instant;

impl HuntNotes {
    /// Whether it is time to read the limit of a region again. Limits have the same names in each region.
    fn may_look(&mut self, region: Option<&str>, limit: &Subject, now: Instant) -> bool {
        let key = (region.map(str::to_owned), limit.clone());
        let is_due =
            self.looked.get(&key).is_none_or(|looked| now.duration_since(*looked) >= HUNT_READS_LIMITS);
        if is_due {
            self.looked.insert(key, now);
        }
        is_due
    }
}

impl Context<'_> {
    /// Ends the waits for limits that have room again.
    pub(in crate::launch) async fn look_at_limits(&self, hunt: &Hunt) -> Result<(), Halted> {
        for (limit, placements) in self.memory.waiting_limits(&self.plan.fleet, self.env.clock.now()) {
            let Subject::Limit { name, .. } = &limit else { continue };
            // A limit belongs to one region, and so do its placements.
            let region = placements.first().and_then(|placement| placement.region.as_deref());
            if !hunt.lock().may_look(region, &limit, Instant::now()) {
                continue;
            }
            let names: Vec<String> = Some(name.clone()).filter(|name| !name.is_empty()).into_iter().collect();
            for placement in placements {
                if self.has_room(&placement, &names).await? {
                    self.memory.report(placement.region.as_deref(), &limit, self.env.clock.now());
                    break;
                }
            }
        }
        Ok(())
    }

    /// Whether the limits, those of the shape if none is named, have room for an instance. What cannot be read has none.
    async fn has_room(&self, placement: &Placement, names: &[String]) -> Result<bool, Halted> {
        let (client, fleet) =
            (self.client_at(placement), self.plan.fleet.in_region(placement.region.as_deref()));
        let asking = limits::named(&client, &fleet, placement, names);
        Ok(match self.ask(asking).await? {
            NamedLimits::Room(bounds) => !bounds.is_empty() && bounds.iter().all(|bound| bound.room > 0),
            NamedLimits::Foreign(_) => false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_region_has_looks_of_its_own() {
        let mut notes = HuntNotes::default();
        let limit = Subject::Limit { name: "standard-e4-core-count".to_owned(), shape: "VM".to_owned() };
        let now = Instant::now();
        assert!(notes.may_look(None, &limit, now));
        assert!(!notes.may_look(None, &limit, now));
        assert!(notes.may_look(Some("us-ashburn-1"), &limit, now), "not at the expense of the first region");
        assert!(notes.may_look(None, &limit, now + HUNT_READS_LIMITS));
    }
}
