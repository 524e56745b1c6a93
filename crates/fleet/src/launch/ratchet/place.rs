//! One availability domain of a ratchet: its reservation, and how much to request there next.

use crate::launch::memory::target_of;
use crate::plan::Plan;
use crate::reservation::{Change, Held, NewCount, Share, Want, shares, spread};
use ledger::ErrorRecord;
use ledger::capacity::Subject;

/// One availability domain.
pub(super) struct Place {
    pub share: Share,
    pub target: Subject,
    /// Its reservation, once there is one.
    pub ocid: Option<String>,
    /// Why nothing can ever be reserved here.
    pub dead: Option<ErrorRecord>,
    /// Whether this process has sent a request here.
    pub was_asked: bool,
    /// Whether any response was about capacity.
    pub has_answer: bool,
    /// The most that the next request asks for.
    step: u32,
    /// Whether an update was ever granted in part. If so, a request for everything that is missing gains all that is available.
    fills_partly: bool,
    /// The number of requests so far. If the fleet names fault domains, the requests alternate between them.
    asked: usize,
}

impl Place {
    /// The places of a plan.
    pub fn all(plan: &Plan) -> Vec<Self> {
        let place = |share: Share| Self {
            target: target_of(&plan.fleet, &share.placement),
            ocid: share.existing.clone(),
            dead: None,
            was_asked: false,
            has_answer: false,
            step: u32::MAX,
            fills_partly: false,
            asked: 0,
            share,
        };
        shares(plan).into_iter().map(place).collect()
    }

    pub fn domain(&self) -> &str {
        &self.share.placement.availability_domain
    }

    /// How many of the missing instances to request.
    pub fn step(&self, missing: u32) -> u32 {
        if self.fills_partly { missing } else { self.step.min(missing) }
    }

    /// Sets the next step from what a request for `amount` gained: twice as many after a success, one after a refusal.
    pub fn got(&mut self, gained: u32, amount: u32, is_update: bool) {
        self.has_answer = true;
        self.fills_partly |= is_update && gained > 0 && gained < amount;
        self.step = if gained >= amount { amount.saturating_mul(2) } else { 1 };
    }

    /// The share of each kind of instance in this many.
    pub fn parts(&mut self, amount: u32) -> Vec<Want> {
        let kinds = self.share.wants.len();
        let parts = spread(amount, kinds);
        let first = self.asked % kinds.max(1);
        self.asked += 1;
        let wants = self.share.wants.iter().enumerate();
        let parted = wants.map(|(at, want)| {
            let count = parts.get((at + kinds - first) % kinds.max(1)).copied().unwrap_or_default();
            Want { count, ..want.clone() }
        });
        parted.filter(|want| want.count > 0).collect()
    }

    /// The changes that enlarge the reservation by this many.
    pub fn growth(&mut self, held: &Held, amount: u32) -> Vec<Change> {
        let there = held.wire.instance_reservation_configs.as_deref().unwrap_or_default();
        let change = |want: Want| {
            if there.iter().any(|config| want.matches(config)) {
                let more = want.count;
                Change::Count(Some(want), NewCount::Grow(more))
            } else {
                Change::Add(want)
            }
        };
        self.parts(amount).into_iter().map(change).collect()
    }

    /// How many of the held instances the run has launched or can launch. `ours` is the number of the run's instances in the
    /// reservation, which the service may not count yet.
    pub fn usable(&self, held: &Held, ours: u32) -> u32 {
        let there = held.wire.instance_reservation_configs.as_deref().unwrap_or_default();
        let matching = there.iter().filter(|config| self.share.wants.iter().any(|want| want.matches(config)));
        let (mut reserved, mut used) = (0_u32, 0_u32);
        for config in matching.map(crate::reservation::Config::from) {
            reserved = reserved.saturating_add(config.reserved);
            used = used.saturating_add(config.used);
        }
        reserved.saturating_sub(used.max(ours)).saturating_add(ours)
    }
}
