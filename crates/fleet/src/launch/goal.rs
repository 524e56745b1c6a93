//! Wanted totals while one process carries out a launch: what exists and what is in flight decide whether another slot begins.
//!
//! A slot counts from the moment when it begins, at the size of its present placement. A launch is sent only while all others that
//! count are below one of the totals, so the run exceeds them by less than its last instance. Slots that gave up keep
//! counting, because another slot would be refused too.

use crate::plan::{FleetSpec, Plan, Totals, WantedTotals};
use ledger::{Phase, RunState, SlotNumber, SlotState};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The wanted totals of a run.
#[derive(Debug)]
pub(crate) struct Goal {
    want: WantedTotals,
    counted: Mutex<Counted>,
}

#[derive(Debug, Default)]
struct Counted {
    slots: BTreeMap<SlotNumber, Totals>,
    sum: Totals,
    /// The next slot beyond the number of instances of the first choice.
    spare: SlotNumber,
}

impl Counted {
    fn set(&mut self, slot: SlotNumber, of: Totals) {
        self.remove(slot);
        self.slots.insert(slot, of);
        self.sum = self.sum.plus(of);
    }

    fn remove(&mut self, slot: SlotNumber) {
        if let Some(before) = self.slots.remove(&slot) {
            self.sum = self.sum.minus(before);
        }
    }

    /// The sum of all slots except one.
    fn without(&self, slot: SlotNumber) -> Totals {
        self.slots.get(&slot).map_or(self.sum, |own| self.sum.minus(*own))
    }
}

impl Goal {
    /// The goal of a plan, if it wants totals, in the state of the run's records.
    pub fn of(plan: &Plan, state: &RunState) -> Option<Self> {
        let want = plan.fleet.want?;
        let mut counted = Counted { spare: plan.fleet.count.max(state.requested) + 1, ..Counted::default() };
        for (slot, known) in &state.slots {
            if let Some(totals) = totals_of(&plan.fleet, known) {
                counted.set(*slot, totals);
            }
        }
        Some(Self { want, counted: Mutex::new(counted) })
    }

    /// Whether another slot may begin.
    pub fn is_open(&self) -> bool {
        !self.want.is_reached(self.lock().sum)
    }

    /// The next slot beyond those of the plan, if the totals need one.
    pub fn spare(&self) -> Option<SlotNumber> {
        let mut counted = self.lock();
        let slot = counted.spare;
        (slot <= self.want.max_instances && !self.want.is_reached(counted.sum)).then(|| {
            counted.spare += 1;
            slot
        })
    }

    /// Counts a slot, unless all others reach the totals.
    pub fn claim(&self, slot: SlotNumber, totals: Totals) -> bool {
        let mut counted = self.lock();
        if self.want.is_reached(counted.without(slot)) {
            return false;
        }
        counted.set(slot, totals);
        true
    }

    /// Counts a slot as it is in the records: an instance, or a launch with an unknown result, otherwise nothing.
    pub fn recount(&self, slot: SlotNumber, fleet: &FleetSpec, known: &SlotState) {
        let mut counted = self.lock();
        match totals_of(fleet, known) {
            Some(totals) => counted.set(slot, totals),
            None => counted.remove(slot),
        }
    }

    /// Counts a slot that gave up, so that no other slot begins in its place.
    pub fn write_off(&self, slot: SlotNumber, totals: Totals) {
        let mut counted = self.lock();
        if !counted.slots.contains_key(&slot) {
            counted.set(slot, totals);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a slot counts toward the totals: its instance, or the one that a launch with an unknown result may have created.
fn totals_of(fleet: &FleetSpec, slot: &SlotState) -> Option<Totals> {
    let placement = match (&slot.unsettled, &slot.ocid) {
        (Some(intent), _) => Some(&intent.placement),
        (None, Some(_)) => slot.placement.as_deref(),
        (None, None) => return None,
    };
    Some(placement.map_or_else(Totals::default, |placement| fleet.totals_at(placement)))
}

/// What the selected instances of a run amount to.
pub(super) fn totals_in(fleet: &FleetSpec, state: &RunState, counts: impl Fn(&SlotState) -> bool) -> Totals {
    let slots = state.slots.values().filter(|slot| slot.ocid.is_some() && counts(slot));
    let totals = slots.filter_map(|slot| slot.placement.as_ref()).map(|placement| fleet.totals_at(placement));
    totals.fold(Totals::default(), Totals::plus)
}

/// Whether the instances that match the request reach the wanted totals; `None` if the plan wants none. `running` says whether
/// they have to run.
pub(super) fn has_reached(plan: &Plan, state: &RunState, running: bool) -> Option<bool> {
    let counts = |slot: &SlotState| slot.differs.is_none() && (!running || slot.phase == Phase::Running);
    plan.fleet.want.map(|want| want.is_reached(totals_in(&plan.fleet, state, counts)))
}

/// How many more instances of the first choice reach the wanted totals, within the maximum; `None` if the plan wants none.
pub(super) fn missing(plan: &Plan, state: &RunState) -> Option<u32> {
    let want = plan.fleet.want?;
    let held = totals_in(&plan.fleet, state, |_| true);
    let each = plan.fleet.first_placement().map(|first| plan.fleet.totals_at(first)).unwrap_or_default();
    let room = want.max_instances.saturating_sub(state.counts.launched);
    Some(want.missing(held, each).unwrap_or(u32::MAX).min(room))
}
