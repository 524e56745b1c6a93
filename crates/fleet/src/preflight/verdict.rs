//! From bounds to verdicts: how many instances, and why not more. Pure.

use ledger::Placement;
use serde::Serialize;

/// How many reasons are given when everything that is wanted can be had.
const SHOWN: usize = 2;

/// Something that bounds how many instances can be had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Bound {
    /// How many more it lets through.
    pub room: u64,
    /// What it is, as the end of "… because": `the limit standard-e4-core-count leaves 63 of 200`.
    pub why: String,
    /// Whether it is a hint only: a launch may do better, or worse.
    pub hint: bool,
    /// Whether all availability domains share it.
    pub shared: bool,
}

/// How many instances can be had in one place.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// The place; its fault domain is left out.
    pub placement: Placement,
    /// How many are wanted.
    pub wanted: u32,
    /// How many can be had, as far as it could be asked.
    pub possible: u32,
    /// Whether the figure is more than a hint, when it is below what is wanted.
    pub certain: bool,
    /// What bounds the figure, or what was asked and leaves enough room.
    pub because: Vec<String>,
    /// Everything that was asked.
    #[serde(skip)]
    pub bounds: Vec<Bound>,
}

impl Verdict {
    /// The verdict on a place with these bounds.
    pub(super) fn new(placement: Placement, wanted: u32, bounds: Vec<Bound>) -> Self {
        let least =
            |hints: bool| bounds.iter().filter(|bound| hints || !bound.hint).map(|bound| bound.room).min();
        let possible = least(true).map_or(wanted, |room| wanted.min(u32::try_from(room).unwrap_or(u32::MAX)));
        let certain = least(false).is_some_and(|room| room <= u64::from(possible));
        let because = if possible < wanted {
            // A hard bound first: it is what has to change.
            let mut binding: Vec<&Bound> =
                bounds.iter().filter(|bound| bound.room == u64::from(possible)).collect();
            binding.sort_by_key(|bound| bound.hint);
            binding.into_iter().map(|bound| bound.why.clone()).collect()
        } else {
            let mut bounds: Vec<&Bound> = bounds.iter().collect();
            // The tightest are worth reading; the rest would bury them.
            bounds.sort_by_key(|bound| bound.room);
            bounds.into_iter().take(SHOWN).map(|bound| bound.why.clone()).collect()
        };
        Self { placement, wanted, possible, certain, because, bounds }
    }

    /// For people: `you can have 63 of 100 now, because …`.
    pub fn text(&self) -> String {
        let because = match self.because.as_slice() {
            [] => ", as nothing could be asked that speaks against it".to_owned(),
            [one] => format!(", because {one}"),
            [most @ .., last] => format!(", because {} and {last}", most.join(", ")),
        };
        let (possible, wanted) = (self.possible, self.wanted);
        match possible {
            0 if wanted > 0 => format!("you can have none of {wanted} now{because}"),
            _ if possible >= wanted && self.because.is_empty() => {
                format!("you can probably have all {wanted} now{because}")
            }
            _ if possible >= wanted => format!("you can have all {wanted} now{because}"),
            _ => format!("you can have {possible} of {wanted} now{because}"),
        }
    }
}

/// How many can be had in all places together: bounds that places share count once.
pub(super) fn in_all(verdicts: &[Verdict], wanted: u32) -> u32 {
    let mut sum: u64 = 0;
    let mut shared: Option<u64> = None;
    for verdict in verdicts {
        let own = verdict.bounds.iter().filter(|bound| !bound.shared).map(|bound| bound.room).min();
        sum = sum.saturating_add(own.unwrap_or_else(|| u64::from(wanted)));
        let ours = verdict.bounds.iter().filter(|bound| bound.shared).map(|bound| bound.room).min();
        // Places may differ in what they share (another shape); the widest of them is the bound for all.
        shared = match (shared, ours) {
            (None, ours) => ours,
            (Some(_), None) => Some(u64::MAX),
            (Some(a), Some(b)) => Some(a.max(b)),
        };
    }
    let all = sum.min(shared.unwrap_or(u64::MAX)).min(u64::from(wanted));
    u32::try_from(all).unwrap_or(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bound(room: u64, why: &str, hint: bool, shared: bool) -> Bound {
        Bound { room, why: why.to_owned(), hint, shared }
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
        insta::assert_snapshot!(verdict(50, Vec::new()).text(), @"you can probably have all 50 now, as nothing could be asked that speaks against it");
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
