//! How long the instances of each number have lived, according to the ledger, so that a member that repeatedly dies soon after
//! it ran is not replaced forever.

use super::identity::{FleetKey, of_fleet};
use super::wanted::is_scale_of;
use crate::plan::{FleetSpec, fleet_expiry};
use crate::tuning::{LIVES_SHORTLY, RUNS_LOOKED_AT, SHORT_LIVES};
use jiff::Timestamp;
use ledger::{Event, LedgerError, RunKind, Store};
use std::collections::{BTreeMap, BTreeSet};

/// One instance of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Life {
    launched: Timestamp,
    ran: Option<Timestamp>,
}

/// The instances that runs of a fleet created, by number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lives {
    by_number: BTreeMap<u32, Vec<Life>>,
    /// The newest instance of each number, unless a run is known to have ended it.
    pub newest: BTreeMap<u32, String>,
    /// The expiry of the newest instance of each number, as it was launched.
    pub expires: BTreeMap<u32, Option<Timestamp>>,
}

impl Lives {
    /// Reads the newest runs of a fleet, without what they launched in regions that it does not list. Lives before the last `scale` do not count, because the user has looked at the fleet
    /// since.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn read(store: &dyn Store, fleet: &FleetSpec, key: &FleetKey) -> Result<Self, LedgerError> {
        let mut lives = Self::default();
        let mut ended = BTreeSet::new();
        let mut since = None;
        for head in store.runs().await?.into_iter().take(RUNS_LOOKED_AT) {
            match head.kind {
                Some(RunKind::Terminate | RunKind::Cleanup) => {
                    let records = store.records(head.run).await?.records;
                    ended.extend(records.into_iter().filter_map(|record| match record.event {
                        Event::ActionAccepted { ocid, .. } | Event::ActionDone { ocid, .. } => Some(ocid),
                        _ => None,
                    }));
                }
                Some(RunKind::Scale) if since.is_none() && is_scale_of(store, head.run, key).await? => {
                    since = Some(head.created_at);
                }
                Some(RunKind::Launch) => {
                    let Some((state, plan)) = of_fleet(store, head.run, key).await? else { continue };
                    // The launch of a `scale` begins in the same moment.
                    let counts = since.is_none_or(|since| head.created_at >= since);
                    for (slot, known) in &state.slots {
                        let Ok(number) = u32::try_from(plan.fleet.number(*slot)) else { continue };
                        let region =
                            known.placement.as_ref().and_then(|placement| placement.region.as_deref());
                        if !fleet.lists(region) {
                            continue;
                        }
                        if let Some(ocid) = &known.ocid {
                            // Runs are read from the newest on.
                            lives.newest.entry(number).or_insert_with(|| ocid.clone());
                            lives.expires.entry(number).or_insert_with(|| fleet_expiry(&plan.fleet));
                        }
                        if let (true, Some(launched)) = (counts, known.launched_at) {
                            lives.add(number, Life { launched, ran: known.running_at });
                        }
                    }
                }
                _ => {}
            }
        }
        lives.newest.retain(|_, ocid| !ended.contains(ocid));
        Ok(lives)
    }

    fn add(&mut self, number: u32, life: Life) {
        let lives = self.by_number.entry(number).or_default();
        lives.push(life);
        lives.sort_by_key(|life| life.launched);
    }

    /// Whether the last instances of a number all died so soon after they ran that another one would too.
    pub fn is_hopeless(&self, number: u32) -> bool {
        let Some(lives) = self.by_number.get(&number) else { return false };
        let pairs = lives.iter().zip(lives.iter().skip(1));
        let short = |(before, after): &(&Life, &Life)| {
            before.ran.is_some_and(|ran| after.launched.duration_since(ran) <= LIVES_SHORTLY)
        };
        pairs.rev().take_while(short).count() >= SHORT_LIVES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lives(minutes: &[(i64, Option<i64>)]) -> Lives {
        let at = |minute: i64| Timestamp::from_second(minute * 60).unwrap();
        let mut lives = Lives::default();
        for (launched, ran) in minutes {
            lives.add(3, Life { launched: at(*launched), ran: ran.map(at) });
        }
        lives
    }

    #[test]
    fn three_quick_replacements_of_a_number_are_enough() {
        let quick = [(0, Some(1)), (4, Some(5)), (8, Some(9))];
        assert!(!lives(&quick).is_hopeless(3), "two replacements");
        let third = [&quick[..], &[(12, Some(13))]].concat();
        assert!(lives(&third).is_hopeless(3));
        assert!(!lives(&third).is_hopeless(4), "another number");
        let after_a_long_life = [&third[..], &[(60, Some(61))]].concat();
        assert!(!lives(&after_a_long_life).is_hopeless(3));
        let never_ran = [(0, None), (4, None), (8, None), (12, None)];
        assert!(!lives(&never_ran).is_hopeless(3), "what never ran is the launch's own business");
    }
}
