//! Turns bounds into verdicts: how many instances, and why not more. Pure.

use std::collections::BTreeMap;

use ledger::Placement;
use schemars::JsonSchema;
use serde::Serialize;

/// How many reasons are shown if everything wanted can be obtained.
const SHOWN: usize = 2;

/// What a bound is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BoundKind {
    /// A service limit or a quota.
    Limit,
    /// The free addresses of a subnet.
    Addresses,
    /// The room of a reservation.
    Reservation,
    /// Hosts, and what decides where a launch may go.
    #[default]
    Place,
}

/// Something that limits how many instances can be obtained.
#[derive(Clone, Debug, PartialEq)]
pub struct Bound {
    /// What it is about.
    pub kind: BoundKind,
    /// How many more it allows.
    pub room: u64,
    /// Its description after "… because": `the limit standard-e4-core-count leaves 63 of 200`.
    pub why: String,
    /// Whether it is only a hint: a launch may obtain more or fewer.
    pub hint: bool,
    /// The pools from which the room is taken, in this order, if other places use them too. Empty if it belongs to this place
    /// only.
    pub pools: Vec<Pool>,
}

/// Room that several places may share.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize)]
pub struct Pool {
    /// Its name, which is the same in every place that uses it.
    pub name: String,
    /// Its amount, in the unit of the pool.
    pub amount: f64,
    /// The amount that an instance uses here; instances of other sizes use more or less.
    pub each: f64,
}

impl Pool {
    /// A pool that is counted in instances.
    pub(super) fn of_instances(name: impl Into<String>, room: u64) -> Self {
        Self { name: name.into(), amount: room as f64, each: 1.0 }
    }

    /// The number of instances for which an amount suffices. Amounts are exact to thousandths, so the tolerance added here
    /// cannot change the result.
    pub(super) fn fit(&self, amount: f64) -> u64 {
        (amount / self.each + 1e-6).floor().max(0.0) as u64
    }
}

impl Bound {
    /// A bound that no other place shares.
    pub(super) fn own(room: u64, why: impl Into<String>) -> Self {
        Self { kind: BoundKind::Place, room, why: why.into(), hint: false, pools: Vec::new() }
    }

    /// A bound shared by every place that names the same pool.
    pub(super) fn shared(pool: impl Into<String>, room: u64, why: impl Into<String>) -> Self {
        let pools = vec![Pool::of_instances(pool, room)];
        Self { kind: BoundKind::Place, room, why: why.into(), hint: false, pools }
    }

    /// The same for a pool of which instances use different amounts.
    pub(super) fn taking(pool: Pool, why: impl Into<String>) -> Self {
        let room = pool.fit(pool.amount);
        Self { kind: BoundKind::Place, room, why: why.into(), hint: false, pools: vec![pool] }
    }

    /// Says what it is about.
    pub(super) fn of(self, kind: BoundKind) -> Self {
        Self { kind, ..self }
    }
}

/// How many instances can be obtained in one place.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize)]
pub struct Verdict {
    /// The place, without its fault domain unless a reservation is used.
    pub placement: Placement,
    /// The number wanted.
    pub wanted: u32,
    /// How many can be obtained, as far as it could be checked.
    pub possible: u32,
    /// Whether a number below the wanted one is more than a hint.
    pub certain: bool,
    /// What limits the number, or what was checked and leaves enough room.
    pub because: Vec<String>,
    /// Everything that was checked.
    #[serde(skip)]
    pub bounds: Vec<Bound>,
}

impl Verdict {
    /// The verdict for a place with these bounds.
    pub(super) fn new(placement: Placement, wanted: u32, bounds: Vec<Bound>) -> Self {
        let least =
            |hints: bool| bounds.iter().filter(|bound| hints || !bound.hint).map(|bound| bound.room).min();
        let possible = least(true).map_or(wanted, |room| wanted.min(u32::try_from(room).unwrap_or(u32::MAX)));
        let certain = least(false).is_some_and(|room| room <= u64::from(possible));
        let because = if possible < wanted {
            // A hard bound comes first, because it has to change.
            let mut binding: Vec<&Bound> =
                bounds.iter().filter(|bound| bound.room == u64::from(possible)).collect();
            binding.sort_by_key(|bound| bound.hint);
            binding.into_iter().map(|bound| bound.why.clone()).collect()
        } else {
            let mut bounds: Vec<&Bound> = bounds.iter().collect();
            // The tightest bounds are useful; the others would hide them.
            bounds.sort_by_key(|bound| bound.room);
            bounds.into_iter().take(SHOWN).map(|bound| bound.why.clone()).collect()
        };
        Self { placement, wanted, possible, certain, because, bounds }
    }

    /// For people: `you can have 63 of 100 now, because …`.
    pub fn text(&self) -> String {
        let because = match self.because.as_slice() {
            [] => ", because no check could be made".to_owned(),
            [one] => format!(", because {one}"),
            [most @ .., last] => format!(", because {} and {last}", most.join(", ")),
        };
        let (possible, wanted) = (self.possible, self.wanted);
        let all = if wanted == 1 { "the instance".to_owned() } else { format!("all {wanted}") };
        match possible {
            0 if wanted > 0 => format!("you can have none of {wanted} now{because}"),
            _ if possible >= wanted && self.because.is_empty() => {
                format!("you can probably have {all} now{because}")
            }
            _ if possible >= wanted => format!("you can have {all} now{because}"),
            _ => format!("you can have {possible} of {wanted} now{because}"),
        }
    }
}

/// How many can be obtained in all places together, counting shared room once. Each place takes what it can from what earlier
/// places left. That is the maximum, because shared room is nested: a config in a reservation, a domain in the region.
pub(super) fn in_all(verdicts: &[Verdict], wanted: u32) -> u32 {
    let mut left: BTreeMap<&str, f64> = BTreeMap::new();
    let mut all = 0;
    for verdict in verdicts {
        let take = verdict.bounds.iter().map(|bound| bound.left(&left)).min().unwrap_or(u64::from(wanted));
        let take = take.min(u64::from(wanted) - all);
        all += take;
        for bound in &verdict.bounds {
            let mut rest = take;
            for pool in &bound.pools {
                let there = left.entry(pool.name.as_str()).or_insert(pool.amount);
                let part = rest.min(pool.fit(*there));
                *there -= part as f64 * pool.each;
                rest -= part;
            }
        }
    }
    u32::try_from(all).unwrap_or(wanted)
}

/// The same for bounds of some kinds only. Regions share no room, whatever its pools are called.
pub(super) fn in_regions(verdicts: &[Verdict], wanted: u32, kinds: &[BoundKind]) -> u32 {
    let mut regions: BTreeMap<Option<&str>, Vec<Verdict>> = BTreeMap::new();
    for verdict in verdicts {
        let bounds = verdict.bounds.iter().filter(|bound| kinds.contains(&bound.kind)).cloned().collect();
        let of_kinds = Verdict::new(verdict.placement.clone(), wanted, bounds);
        regions.entry(verdict.placement.region.as_deref()).or_default().push(of_kinds);
    }
    regions.values().fold(0_u32, |all, own| all.saturating_add(in_all(own, wanted)).min(wanted))
}

impl Bound {
    /// What is left of it if this much is left of the pools.
    fn left(&self, left: &BTreeMap<&str, f64>) -> u64 {
        let of = |pool: &Pool| pool.fit(left.get(pool.name.as_str()).copied().unwrap_or(pool.amount));
        if self.pools.is_empty() { self.room } else { self.pools.iter().map(of).fold(0, u64::saturating_add) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bound(room: u64, why: &str, hint: bool, shared: bool) -> Bound {
        let bound = if shared { Bound::shared(why, room, why) } else { Bound::own(room, why) };
        Bound { hint, ..bound }
    }

    fn verdict(wanted: u32, bounds: Vec<Bound>) -> Verdict {
        Verdict::new(Placement::default(), wanted, bounds)
    }

    #[test]
    fn the_reason_is_what_binds() {
        let limit = bound(63, "the limit standard-e4-core-count leaves 63 of 200", false, false);
        let subnet = bound(250, "the subnet has 250 free addresses", false, true);
        let report = bound(80, "the capacity report sees room for 80 (a hint)", true, false);
        let all = vec![report, subnet, limit];
        insta::assert_snapshot!(verdict(100, all.clone()).text(), @"you can have 63 of 100 now, because the limit standard-e4-core-count leaves 63 of 200");
        insta::assert_snapshot!(verdict(50, all).text(), @"you can have all 50 now, because the limit standard-e4-core-count leaves 63 of 200 and the capacity report sees room for 80 (a hint)");
        insta::assert_snapshot!(verdict(50, Vec::new()).text(), @"you can probably have all 50 now, because no check could be made");
        insta::assert_snapshot!(verdict(5, vec![bound(0, "the shape is not offered there", false, false)]).text(), @"you can have none of 5 now, because the shape is not offered there");
    }

    #[test]
    fn a_hint_alone_makes_nothing_certain() {
        let hint = verdict(10, vec![bound(0, "hint", true, false), bound(50, "limit", false, false)]);
        assert_eq!((hint.possible, hint.certain), (0, false));
        let hard = verdict(10, vec![bound(4, "hint", true, false), bound(4, "limit", false, false)]);
        assert_eq!((hard.possible, hard.certain), (4, true));
        assert_eq!(hard.because, ["limit", "hint"]);
    }

    #[test]
    fn what_places_share_is_counted_once() {
        let place = || verdict(100, vec![bound(60, "limit", false, false), bound(90, "subnet", false, true)]);
        assert_eq!(in_all(&[place(), place(), place()], 100), 90);
        assert_eq!(in_all(&[place()], 100), 60);
        assert_eq!(in_all(&[], 100), 0);
    }

    #[test]
    fn instances_of_two_sizes_share_a_limit_by_their_size() {
        let sized = |each: f64, own: u64| {
            let limit = Bound::taking(Pool { name: "cores".into(), amount: 20.0, each }, "limit");
            verdict(100, vec![limit, Bound::own(own, "own")])
        };
        assert_eq!(in_all(&[sized(8.0, 100), sized(2.0, 100)], 100), 4, "2 of 8, then 2 of 2");
        assert_eq!(in_all(&[sized(8.0, 1), sized(2.0, 100)], 100), 7, "1 of 8, then 6 of 2");
        assert_eq!(in_all(&[sized(2.0, 3), sized(8.0, 100)], 100), 4, "3 of 2, then 1 of 8");
    }

    #[test]
    fn a_place_takes_its_own_room_before_the_room_of_all() {
        let pools = |own: &str| {
            let pools = [(own, 5), ("of all", 10)].map(|(name, room)| Pool::of_instances(name, room));
            verdict(100, vec![Bound { pools: pools.into(), ..Bound::own(15, "") }])
        };
        let any = verdict(100, vec![Bound::shared("of all", 10, "")]);
        assert_eq!(in_all(&[pools("a"), pools("b"), any.clone()], 100), 20);
        assert_eq!(in_all(&[any.clone(), pools("a"), pools("b")], 100), 20);
        assert_eq!(in_all(&[any.clone(), any], 100), 10);
    }

    proptest! {
        #[test]
        fn no_verdict_promises_more_than_any_bound(
            wanted in 0u32..1000,
            rooms in proptest::collection::vec((0u64..2000, any::<bool>(), any::<bool>()), 0..8),
        ) {
            let bounds: Vec<Bound> = rooms.iter().map(|(room, hint, shared)| bound(*room, "x", *hint, *shared)).collect();
            let verdict = verdict(wanted, bounds.clone());
            prop_assert!(verdict.possible <= wanted);
            for bound in &bounds {
                prop_assert!(u64::from(verdict.possible) <= bound.room);
            }
            let all = in_all(std::slice::from_ref(&verdict), wanted);
            prop_assert_eq!(all, verdict.possible);
        }
    }
}
