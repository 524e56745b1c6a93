//! Chooses the domains of new members so that the fleet stays spread, and finds what shrinking does to the spread. Pure.

use super::census::FleetMember;
use super::shrink::Picked;
use crate::plan::{Across, Finding, FleetSpec, SpreadDomain, skew};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Chooses the domain of each slot of a plan's fleet, beside its members. Without a spread it changes nothing. Returns a
/// finding if the fleet will be less even than allowed.
///
/// # Errors
/// The same finding if the spread refuses that.
pub fn spread_beside(fleet: &mut FleetSpec, members: &[FleetMember]) -> Result<Option<Finding>, Finding> {
    let Some(spread) = fleet.spread else { return Ok(None) };
    let existing: Vec<SpreadDomain> = members.iter().map(|member| member.domain(spread.across)).collect();
    fleet.spread_beside(existing, &[])
}

/// Gives each slot the domain of the member that it replaces, so that nothing moves. A member in none of the fleet's domains is
/// replaced in the emptiest one, whatever the skew.
pub(super) fn spread_in_place(fleet: &mut FleetSpec, members: &[FleetMember], old: &[&FleetMember]) {
    let Some(spread) = fleet.spread else { return };
    let leaving: BTreeSet<&str> = old.iter().map(|member| member.machine.ocid.as_str()).collect();
    let staying = members.iter().filter(|member| !leaving.contains(member.machine.ocid.as_str()));
    let existing: Vec<SpreadDomain> = staying.map(|member| member.domain(spread.across)).collect();
    let mut rest: Vec<&&FleetMember> = old.iter().collect();
    let mut take = |is_it: &dyn Fn(&FleetMember) -> bool| {
        let at = rest.iter().position(|member| is_it(member))?;
        Some(rest.remove(at).domain(spread.across))
    };
    let numbers: Vec<u64> = fleet.all_numbers().collect();
    let mut fixed: Vec<Option<SpreadDomain>> =
        numbers.iter().map(|number| take(&|member| member.number.map(u64::from) == Some(*number))).collect();
    for one in fixed.iter_mut().filter(|one| one.is_none()) {
        *one = take(&|_| true);
    }
    // The domains are chosen even if that is uneven, because refusing would keep an instance that the user wants replaced.
    let _ = fleet.spread_beside(existing, &fixed);
}

/// How evenly the members of a fleet are spread.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct SpreadStanding {
    /// The kind of domain.
    pub across: Across,
    /// The difference between the fullest and the emptiest domain.
    pub skew: u32,
    /// The allowed difference.
    pub max_skew: u32,
    /// The domains in the order of the config, with their member counts.
    pub domains: Vec<DomainCount>,
    /// Members in other domains, for example of an earlier config.
    pub elsewhere: u32,
}

/// A domain and its number of members.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct DomainCount {
    /// The domain.
    #[serde(flatten)]
    pub domain: SpreadDomain,
    /// The number of members in it.
    pub members: u32,
}

/// How the members are spread over the domains of a planned fleet; `None` without a spread.
pub fn spread_now(planned: &FleetSpec, members: &[FleetMember]) -> Option<SpreadStanding> {
    let spread = planned.spread?;
    let counts = planned.members_by_domain(members.iter().map(|member| member.domain(spread.across)));
    let inside: u32 = counts.iter().map(|(_, count)| *count).sum();
    Some(SpreadStanding {
        across: spread.across,
        skew: skew(counts.iter().map(|(_, count)| *count)),
        max_skew: spread.max_skew,
        elsewhere: u32::try_from(members.len()).unwrap_or(u32::MAX).saturating_sub(inside),
        domains: counts.into_iter().map(|(domain, members)| DomainCount { domain, members }).collect(),
    })
}

/// What shrinking does to the spread of a fleet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unevenness {
    /// The remaining skew, which exceeds both the allowed and the present skew.
    pub skew: u32,
    /// The skew that is allowed.
    pub max_skew: u32,
    /// The fullest remaining domain, and its members.
    pub fullest: (SpreadDomain, u32),
    /// The emptiest one.
    pub emptiest: (SpreadDomain, u32),
}

impl std::fmt::Display for Unevenness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ((full, most), (empty, least)) = (&self.fullest, &self.emptiest);
        let Self { skew, max_skew, .. } = self;
        write!(
            f,
            "{most} members would stay in {full} and {least} in {empty}: a skew of {skew}, above max_skew {max_skew}"
        )
    }
}

/// Whether the leaving members would make the fleet less even than its spread allows; `None` if not, or if it was no better
/// before.
pub fn uneven_after(fleet: &FleetSpec, members: &[FleetMember], picked: &Picked) -> Option<Unevenness> {
    let spread = fleet.spread?;
    let mut counts: BTreeMap<SpreadDomain, u32> = BTreeMap::new();
    for member in members {
        *counts.entry(member.domain(spread.across)).or_default() += 1;
    }
    let before = skew(counts.values().copied());
    for leaving in &picked.leaving {
        let domain = leaving.member.domain(spread.across);
        counts.entry(domain).and_modify(|count| *count = count.saturating_sub(1));
    }
    let after = skew(counts.values().copied());
    let by_count = || counts.iter().map(|(domain, count)| (domain.clone(), *count));
    let fullest = by_count().rev().max_by_key(|(_, count)| *count)?;
    let emptiest = by_count().min_by_key(|(_, count)| *count)?;
    let worse = after > spread.max_skew && after > before;
    worse.then_some(Unevenness { skew: after, max_skew: spread.max_skew, fullest, emptiest })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleets::{LeavingOrder, pick};
    use crate::plan::{Spread, WhenImpossible};
    use crate::query::select::Machine;

    /// Members web-1 … in these fault domains.
    fn members(faults: &[u32]) -> Vec<FleetMember> {
        let member = |(number, fault): (u32, &u32)| FleetMember {
            machine: Machine {
                ocid: format!("i{number}"),
                name: format!("web-{number}"),
                availability_domain: "x:AD-1".into(),
                fault_domain: Some(format!("FAULT-DOMAIN-{fault}").into()),
                ..Machine::default()
            },
            number: Some(number),
            never_ran: false,
        };
        (1..).zip(faults).map(member).collect()
    }

    fn fleet() -> FleetSpec {
        let spread =
            Spread { across: Across::FaultDomain, max_skew: 1, when_impossible: WhenImpossible::Refuse };
        FleetSpec { spread: Some(spread), ..FleetSpec::default() }
    }

    /// The members that leave, and whether that breaks the spread.
    fn shrunk(faults: &[u32], surplus: u32, order: &LeavingOrder) -> (Vec<u32>, Option<u32>) {
        let members = members(faults);
        let picked = pick(&members, surplus, order, &[]);
        let uneven = uneven_after(&fleet(), &members, &picked);
        let numbers = picked.leaving.iter().filter_map(|leaving| leaving.member.number).collect();
        (numbers, uneven.map(|uneven| uneven.skew))
    }

    #[test]
    fn shrinking_by_the_spread_keeps_the_skew() {
        let order = LeavingOrder::Spread(Across::FaultDomain);
        let faults = [1, 2, 3, 1, 2, 3, 1];
        for surplus in 0..=7 {
            assert_eq!(shrunk(&faults, surplus, &order).1, None, "{surplus}");
        }
        assert_eq!(shrunk(&faults, 2, &order).0, [7, 6]);
    }

    #[test]
    fn an_order_that_breaks_the_spread_is_noticed() {
        let faults = [1, 1, 2, 2, 3, 3];
        assert_eq!(shrunk(&faults, 2, &LeavingOrder::Newest), (vec![6, 5], Some(2)));
        assert_eq!(shrunk(&faults, 2, &LeavingOrder::Oldest), (vec![1, 2], Some(2)));
        assert_eq!(shrunk(&faults, 6, &LeavingOrder::Newest).1, None, "nobody is left");
        // A fleet that is already uneven may become less so.
        assert_eq!(shrunk(&[1, 1, 1, 1, 2, 3], 1, &LeavingOrder::Oldest).1, None);
    }

    #[test]
    fn successors_stay_in_the_domain_of_the_old() {
        let members = members(&[1, 1, 2, 3]);
        let old: Vec<&FleetMember> = [1, 3].map(|at: usize| &members[at]).into();
        let mut fleet = FleetSpec { count: 2, numbers: vec![2, 4], ..fleet() };
        fleet.placements = crate::plan::Plan::offline(FleetSpec {
            placements: vec![ledger::Placement {
                availability_domain: "x:AD-1".to_owned(),
                ..ledger::Placement::default()
            }],
            ..fleet.clone()
        })
        .unwrap()
        .fleet
        .placements;
        spread_in_place(&mut fleet, &members, &old);
        let counts: Vec<u32> = fleet.slots_by_domain().into_iter().map(|(_, slots)| slots).collect();
        assert_eq!((counts, fleet.homes.clone()), (vec![1, 0, 1], vec![0, 2]));
    }
}
