//! What the capacity reports of a hunt said, and how far that is believed. Pure.

use crate::query::preflight::Availability;
use crate::tuning::HUNT_DISTRUSTS;
use ledger::capacity::Subject;
use std::collections::{BTreeMap, BTreeSet};
use tokio::time::Instant;

/// What the reports said.
#[derive(Debug, Default)]
pub(super) struct Hints {
    /// The targets with capacity according to their last report.
    available: BTreeSet<Subject>,
    /// Until when reports about a target are ignored, because a launch contradicted the last one.
    distrusted: BTreeMap<Subject, Instant>,
    /// The number of the probe after which reports are followed again: a wrong report costs at most one probe of a cycle.
    followed_from: u64,
    /// How many reports were asked for, which decides what the next one is about.
    pub asked: usize,
    /// When this process may ask for the next one.
    pub not_before: Option<Instant>,
}

impl Hints {
    /// Whether a target is to be probed before others, if this many probes were sent.
    pub fn is_first(&self, target: &Subject, probes: u64) -> bool {
        probes >= self.followed_from && self.available.contains(target)
    }

    /// A launch was refused although the last report showed capacity there.
    pub fn contradicted(&mut self, target: &Subject, probes: u64, targets: usize, now: Instant) {
        if self.available.remove(target) {
            self.distrusted.insert(target.clone(), now + HUNT_DISTRUSTS);
            self.followed_from = probes.saturating_add(targets as u64);
        }
    }

    /// What the last report says about a target.
    pub fn learn(&mut self, target: Subject, availability: &Availability, now: Instant) {
        let is_distrusted = self.distrusted.get(&target).is_some_and(|until| *until > now);
        if matches!(availability, Availability::Available { .. }) && !is_distrusted {
            self.available.insert(target);
        } else {
            self.available.remove(&target);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::launch::target::target_of;
    use crate::plan::FleetSpec;
    use ledger::Placement;
    use std::time::Duration;

    fn target(domain: &str) -> Subject {
        let placement = Placement { availability_domain: domain.to_owned(), ..Placement::default() };
        target_of(&FleetSpec::default(), &placement)
    }

    #[tokio::test(start_paused = true)]
    async fn a_contradicted_report_is_not_believed_again() {
        let (mut hints, now) = (Hints::default(), Instant::now());
        let some = Availability::Available { count: None };
        hints.learn(target("a"), &some, now);
        hints.learn(target("b"), &some, now);
        assert!(hints.is_first(&target("a"), 7));
        hints.contradicted(&target("a"), 7, 12, now);
        assert!(!hints.is_first(&target("b"), 18), "within the cycle");
        assert!(hints.is_first(&target("b"), 19));
        hints.learn(target("a"), &some, now + HUNT_DISTRUSTS - Duration::from_secs(1));
        assert!(!hints.is_first(&target("a"), 19));
        hints.learn(target("a"), &some, now + HUNT_DISTRUSTS);
        assert!(hints.is_first(&target("a"), 19));
        hints.learn(target("a"), &Availability::OutOfHostCapacity, now + HUNT_DISTRUSTS);
        assert!(!hints.is_first(&target("a"), 19));
    }
}
