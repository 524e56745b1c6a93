//! The sequence of placements that a slot tries. Pure: the same plan leads to the same placements in every process.

use super::Plan;
use super::spec::FleetSpec;
use super::spread::SpreadDomain;
use ledger::{Placement, SlotNumber};

impl Plan {
    /// The placement of an attempt (from 1) of a slot: its placements in order, repeatedly. In a spread fleet, those of the
    /// slot's domain come first.
    pub fn placement(&self, slot: SlotNumber, attempt: u32) -> Placement {
        let nth = attempt.saturating_sub(1) as usize;
        let placements = &self.fleet.placements;
        let index = match self.fleet.walk(slot) {
            None => Some(nth % placements.len().max(1)),
            Some(walk) => walk.get(nth % walk.len().max(1)).copied(),
        };
        index.and_then(|index| placements.get(index)).cloned().unwrap_or_default()
    }

    /// The number of placements that a slot tries before it starts again.
    pub(crate) fn placements_of(&self, slot: SlotNumber) -> usize {
        self.fleet.walk(slot).map_or(self.fleet.placements.len(), |walk| walk.len())
    }
}

impl FleetSpec {
    /// The placements of a slot with a domain, as indexes: first those of its domain, then the others unless the spread refuses
    /// them. `None` for a slot without a domain, which uses all placements.
    fn walk(&self, slot: SlotNumber) -> Option<Vec<usize>> {
        let (spread, home) = (self.spread?, self.home(slot)?);
        let home = self.placements.get(home).map(|placement| spread.across.of(placement));
        let (mut own, mut others): (Vec<usize>, Vec<usize>) =
            (0..self.placements.len()).partition(|at| Some(spread.across.of(&self.placements[*at])) == home);
        if !spread.refuses() && !others.is_empty() {
            // Slots of one domain without capacity continue in different others.
            let turn = slot.saturating_sub(1) as usize / spread.across.domains(&self.placements).len().max(1);
            let length = others.len();
            others.rotate_left(turn % length);
            own.append(&mut others);
        }
        Some(own)
    }

    /// The index of the placement that a slot of a spread fleet tries first.
    fn home(&self, slot: SlotNumber) -> Option<usize> {
        let at = usize::try_from(slot.checked_sub(1)?).ok()?;
        self.homes.get(at).and_then(|home| usize::try_from(*home).ok())
    }

    /// The only domain in which a slot may be launched; `None` if others are allowed.
    pub(crate) fn bound_to(&self, slot: SlotNumber) -> Option<SpreadDomain> {
        let spread = self.spread.filter(|one| one.refuses())?;
        self.placements.get(self.home(slot)?).map(|placement| spread.across.of(placement))
    }

    /// Whether a placement is outside the domain that the spread chose for a slot.
    pub(crate) fn is_displaced(&self, slot: SlotNumber, at: &Placement) -> bool {
        let home = self.home(slot).and_then(|home| self.placements.get(home));
        self.spread.zip(home).is_some_and(|(spread, home)| spread.across.of(home) != spread.across.of(at))
    }

    /// Whether a slot that was refused at one placement may be launched at the other.
    pub(crate) fn may_move(&self, from: &Placement, to: &Placement) -> bool {
        let bound = self.spread.filter(|spread| spread.refuses() && !self.homes.is_empty());
        bound.is_none_or(|spread| spread.across.of(from) == spread.across.of(to))
    }
}
