//! Notices that a limit was raised. A limit that refused a launch is left alone for an hour, but somebody may have requested an
//! increase: a hunt reads how much is available every few minutes, which is no probe, and ends the wait as soon as there is room.

use super::Hunt;
use crate::launch::context::{Context, Halted};
use crate::query::preflight::limits::{self, NamedLimits};
use crate::tuning::HUNT_READS_LIMITS;
use ledger::Placement;
use ledger::capacity::Subject;
use tokio::time::Instant;

impl Hunt {
    /// Whether it is time to read the limit again.
    fn may_look(&self, limit: &Subject) -> bool {
        let mut notes = self.lock();
        let now = Instant::now();
        let is_due =
            notes.looked.get(limit).is_none_or(|looked| now.duration_since(*looked) >= HUNT_READS_LIMITS);
        if is_due {
            notes.looked.insert(limit.clone(), now);
        }
        is_due
    }
}

impl Context<'_> {
    /// Ends the waits for limits that have room again.
    pub(in crate::launch) async fn look_at_limits(&self, hunt: &Hunt) -> Result<(), Halted> {
        for (limit, placements) in self.memory.waiting_limits(&self.plan.fleet, self.env.clock.now()) {
            let Subject::Limit { name, .. } = &limit else { continue };
            if !hunt.may_look(&limit) {
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
