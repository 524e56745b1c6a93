//! The choice of domains: even, deterministic, and refused if it cannot be even.

use super::*;
use crate::plan::{Plan, WhenImpossible};

fn placement(ad: u32, fault: Option<u32>) -> Placement {
    Placement {
        availability_domain: format!("x:AD-{ad}"),
        fault_domain: fault.map(|fault| format!("FAULT-DOMAIN-{fault}")),
        ..Placement::default()
    }
}

fn fleet(count: u32, across: Across, when_impossible: WhenImpossible, placements: &[Placement]) -> FleetSpec {
    FleetSpec {
        name_prefix: "web".to_owned(),
        count,
        spread: Some(Spread { across, max_skew: 1, when_impossible }),
        placements: placements.to_vec(),
        ..FleetSpec::default()
    }
}

/// A fleet in one availability domain, spread over its three fault domains.
fn faults(count: u32, when_impossible: WhenImpossible) -> FleetSpec {
    Plan::offline(fleet(count, Across::FaultDomain, when_impossible, &[placement(1, None)])).unwrap().fleet
}

/// This many members in each fault domain.
fn members(counts: [u32; 3]) -> Vec<SpreadDomain> {
    let of = |(at, count): (usize, u32)| {
        let domain = Across::FaultDomain.domain("x:AD-1", Some(FAULT_DOMAINS[at]));
        std::iter::repeat_n(domain, count as usize)
    };
    counts.into_iter().enumerate().flat_map(of).collect()
}

/// The fault domains in which each slot is tried, attempt after attempt.
fn walk(fleet: &FleetSpec, attempts: u32) -> Vec<String> {
    let plan = Plan { fleet: fleet.clone(), ..Plan::default() };
    let number = |placement: Placement| placement.fault_domain.unwrap().pop().unwrap();
    plan.slots().map(|slot| (1..=attempts).map(|nth| number(plan.placement(slot, nth))).collect()).collect()
}

#[test]
fn slots_fill_the_emptiest_domains_first() {
    let cases = [
        ([0, 0, 0], 3, "1 2 3"),
        ([0, 0, 0], 5, "1 2 3 1 2"),
        ([1, 0, 1], 1, "2"),
        ([2, 1, 1], 3, "2 3 1"),
        ([2, 3, 2], 4, "1 3 1 2"),
    ];
    for (counts, count, expected) in cases {
        let mut fleet = faults(count, WhenImpossible::Refuse);
        fleet.spread_beside(members(counts), &[]).unwrap();
        assert_eq!(walk(&fleet, 1).join(" "), expected, "{counts:?}");
    }
}

#[test]
fn an_impossible_spread_names_domains_and_remedy() {
    let mut fleet = faults(2, WhenImpossible::Refuse);
    let told = fleet.spread_beside(members([5, 0, 0]), &[]).unwrap_err().to_string();
    assert_eq!(
        told,
        "spread: 5 members would be in FAULT-DOMAIN-1 of x:AD-1 and 1 in FAULT-DOMAIN-2 of x:AD-1: a skew of 4, above \
             max_skew 1; use `scale N` with N at least 13, terminate members of the fullest domain first, or set \
             `when_impossible: best_effort`"
    );
    // The size in the remedy is the smallest that helps: 8 beside the 5 that exist.
    for (count, is_enough) in [(7, false), (8, true)] {
        let mut fleet = faults(count, WhenImpossible::Refuse);
        assert_eq!(fleet.spread_beside(members([5, 0, 0]), &[]).is_ok(), is_enough, "{count}");
    }
    let mut fleet = faults(2, WhenImpossible::BestEffort);
    let told = fleet.spread_beside(members([5, 0, 0]), &[]).unwrap().unwrap().message;
    assert!(
        told.ends_with("use `scale N` with N at least 13, terminate members of the fullest domain first"),
        "{told}"
    );
    assert_eq!(walk(&fleet, 1).join(" "), "2 3");
}

#[test]
fn a_single_domain_is_no_spread() {
    let one = |when| fleet(2, Across::AvailabilityDomain, when, &[placement(1, None)]);
    let told = Plan::offline(one(WhenImpossible::Refuse)).unwrap_err();
    assert_eq!(
        told[0].to_string(),
        "spread: a spread needs at least 2 availability domains, but there is only x:AD-1: spread across fault_domain, or \
             set `when_impossible: best_effort`"
    );
    assert!(Plan::offline(one(WhenImpossible::BestEffort)).is_ok());
}

#[test]
fn only_best_effort_leaves_the_domain_of_a_slot() {
    assert_eq!(walk(&faults(4, WhenImpossible::Refuse), 3), ["111", "222", "333", "111"]);
    // Slots of one domain continue in different others.
    assert_eq!(walk(&faults(4, WhenImpossible::BestEffort), 4), ["1231", "2132", "3123", "1321"]);
}

#[test]
fn listed_fault_domains_and_all_kinds_of_a_domain_are_kept() {
    let two = [placement(1, Some(3)), placement(1, Some(1))];
    let plan = Plan::offline(fleet(2, Across::FaultDomain, WhenImpossible::Refuse, &two)).unwrap();
    assert_eq!(walk(&plan.fleet, 2), ["33", "11"]);
    // Two shapes in each of two availability domains: a slot tries both in its own domain.
    let shaped = |ad, shape: &str| Placement { shape: shape.to_owned(), ..placement(ad, None) };
    let kinds = [shaped(1, "A"), shaped(2, "A"), shaped(1, "B"), shaped(2, "B")];
    let plan = Plan::offline(fleet(2, Across::AvailabilityDomain, WhenImpossible::Refuse, &kinds)).unwrap();
    assert_eq!(plan.placement(2, 1), kinds[1]);
    assert_eq!((plan.placement(2, 2), plan.placement(2, 3)), (kinds[3].clone(), kinds[1].clone()));
}

#[test]
fn a_plan_without_a_spread_is_written_as_before() {
    let fleet = FleetSpec { spread: None, ..faults(2, WhenImpossible::Refuse) };
    let plan = Plan::offline(FleetSpec { homes: Vec::new(), ..fleet }).unwrap();
    let kept = serde_json::to_value(&plan).unwrap();
    assert!(kept["fleet"].get("spread").is_none() && kept["fleet"].get("homes").is_none(), "{kept}");
    assert_eq!(serde_json::from_value::<Plan>(kept).unwrap(), plan);
    assert_eq!(plan.placement(2, 1), plan.fleet.placements[0], "every slot begins with the first placement");
}

#[test]
fn other_placements_keep_the_domains_of_slots() {
    let mut fleet = faults(3, WhenImpossible::Refuse);
    let before = std::mem::take(&mut fleet.placements);
    fleet.placements = vec![before[2].clone(), before[0].clone()];
    fleet.keep_homes(&before);
    let plan = Plan { fleet, ..Plan::default() };
    assert_eq!((plan.placement(1, 1), plan.placement(3, 1)), (before[0].clone(), before[2].clone()));
    assert_eq!(plan.placements_of(2), 0, "its domain is gone");
}
