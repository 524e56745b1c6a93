//! Which missing members get a successor now, and when it expires.
//!
//! A successor expires when the member that it replaces would have expired, and an expired member gets none: a fleet that was
//! given an expiry should not continue in part forever.

use super::census::Census;
use super::lives::Lives;
use super::numbers::grown;
use crate::cleanup::{EXPIRY_TAG, expiry_value};
use crate::plan::FleetSpec;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// The expiry of the last instance of each number: from its tag while the service lists it, otherwise from its launch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Lifetimes(BTreeMap<u32, Option<Timestamp>>);

impl Lifetimes {
    /// The list takes precedence over the ledger, because users extend instances.
    pub(super) fn of(census: &Census, lives: &Lives) -> Self {
        let mut known = lives.expires.clone();
        known.extend(&census.expires);
        Self(known)
    }

    fn until(&self, number: u32) -> Option<Timestamp> {
        self.0.get(&number).copied().flatten()
    }
}

/// The launches that replace missing members.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Successors {
    /// Numbers whose instances died too often.
    pub hopeless: BTreeSet<u32>,
    /// Numbers that have expired.
    pub expired: BTreeSet<u32>,
    /// The launch to start now, whose members all have the same expiry; `None` if there is none.
    pub fleet: Option<FleetSpec>,
    /// How many others have to be launched after that.
    pub later: u32,
}

/// Chooses among the numbers that `missing` new members would get beside the `taken` ones.
pub(super) fn successors(
    fleet: &FleetSpec,
    missing: u32,
    taken: &BTreeSet<u32>,
    lives: &Lives,
    lifetimes: &Lifetimes,
    now: Timestamp,
) -> Successors {
    let mut chosen = Successors::default();
    let mut hopeful: Vec<u32> = Vec::new();
    let free = grown(fleet, missing, taken);
    for number in free.all_numbers().filter_map(|number| u32::try_from(number).ok()) {
        if lifetimes.until(number).is_some_and(|until| until <= now) {
            chosen.expired.insert(number);
        } else if lives.is_hopeless(number) {
            chosen.hopeless.insert(number);
        } else {
            hopeful.push(number);
        }
    }
    let Some(until) = hopeful.first().map(|number| lifetimes.until(*number)) else { return chosen };
    let (together, later): (Vec<u32>, Vec<u32>) =
        hopeful.into_iter().partition(|number| lifetimes.until(*number) == until);
    let count = |numbers: &[u32]| u32::try_from(numbers.len()).unwrap_or(u32::MAX);
    let mut taken = taken.clone();
    taken.extend(chosen.hopeless.iter().chain(&chosen.expired).chain(&later));
    let mut fleet = grown(fleet, count(&together), &taken);
    if let Some(until) = until {
        ends_at(&mut fleet, until);
    }
    chosen.fleet = Some(fleet);
    chosen.later = count(&later);
    chosen
}

/// Gives all instances of a launch an expiry.
pub(super) fn ends_at(fleet: &mut FleetSpec, until: Timestamp) {
    let tags = fleet.template.freeform_tags.get_or_insert_default();
    tags.insert(EXPIRY_TAG.to_owned(), expiry_value(until));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::fleet_expiry;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_successor_lives_as_long_as_its_predecessor_was_to() {
        let census = Census {
            expires: BTreeMap::from([(1, Some(at(50))), (2, Some(at(200))), (3, None), (4, Some(at(200)))]),
            ..Census::default()
        };
        // The list says that number 3 no longer expires.
        let mut lives = Lives::default();
        lives.expires = BTreeMap::from([(3, Some(at(10))), (5, Some(at(60)))]);
        let lifetimes = Lifetimes::of(&census, &lives);
        let fleet = FleetSpec { name_prefix: "web".to_owned(), ..FleetSpec::default() };
        let mut taken = BTreeSet::new();
        let chosen = successors(&fleet, 6, &taken, &lives, &lifetimes, at(100));
        assert_eq!(chosen.expired, BTreeSet::from([1, 5]));
        let first = chosen.fleet.unwrap();
        assert_eq!(first.all_numbers().collect::<Vec<_>>(), [2, 4]);
        assert_eq!((fleet_expiry(&first), chosen.later), (Some(at(200)), 2));

        taken.extend([2, 4]);
        let chosen = successors(&fleet, 4, &taken, &lives, &lifetimes, at(100));
        let second = chosen.fleet.unwrap();
        assert_eq!(second.all_numbers().collect::<Vec<_>>(), [3, 6], "not the numbers of those that expired");
        assert_eq!((fleet_expiry(&second), chosen.later), (None, 0));

        taken.extend([3, 6]);
        let chosen = successors(&fleet, 2, &taken, &lives, &lifetimes, at(100));
        assert_eq!((chosen.fleet, chosen.expired.len()), (None, 2));
    }
}
