//! Decides which members leave when a fleet shrinks, and why. Pure data.

use super::census::FleetMember;
use crate::plan::{Across, SpreadDomain};
use crate::query::select::{Machine, Tag};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The freeform tag that protects a member from termination by this program, with any value except `false`.
pub const PROTECT_TAG: &str = "oci-insta-scale-protect";

/// The order in which members leave, after those that never ran and those that share a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LeavingOrder {
    /// The highest numbers first, and among members without a number the youngest.
    #[default]
    Newest,
    /// The lowest numbers first, and among members without a number the oldest.
    Oldest,
    /// These, by name or OCID, and no others.
    Named(Vec<String>),
    /// From the fullest domain (availability domain and fault domain), the newest first.
    Balance,
    /// From the fullest domain of the fleet's spread.
    Spread(Across),
}

/// Why a member leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Its launch was given up before it ran.
    NeverRan,
    /// Another member has its number.
    SharesNumber,
    /// The user named it.
    Named,
    /// It is one of the newest.
    Newest,
    /// It is one of the oldest.
    Oldest,
    /// Its domain had the most members.
    Balance,
}

impl Why {
    /// A phrase that follows a number: `3 newest`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NeverRan => "never ran",
            Self::SharesNumber => "sharing a number",
            Self::Named => "named",
            Self::Newest => "newest",
            Self::Oldest => "oldest",
            Self::Balance => "in the fullest domain",
        }
    }
}

/// A member that leaves.
#[derive(Clone, Debug, PartialEq)]
pub struct Leaving {
    /// The member.
    pub member: FleetMember,
    /// The reason.
    pub why: Why,
}

/// The members that leave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Picked {
    /// The members that leave, in order.
    pub leaving: Vec<Leaving>,
    /// How many more would have to leave but may not, because they are protected or were not named.
    pub short: u32,
    /// How many members are protected.
    pub protected: u32,
    /// Named texts that match no member.
    pub unknown: Vec<String>,
    /// Named members that are protected.
    pub refused: Vec<String>,
}

/// Whether a member is protected from termination, by its own tag or by one that the user names.
pub fn is_protected(machine: &Machine, protect: &[Tag]) -> bool {
    let own = machine.tags.get(PROTECT_TAG).is_some_and(|value| !value.trim().eq_ignore_ascii_case("false"));
    own || protect.iter().any(|tag| tag.is_on(machine))
}

/// Picks `surplus` members.
pub fn pick(members: &[FleetMember], surplus: u32, order: &LeavingOrder, protect: &[Tag]) -> Picked {
    let (protected, mut free): (Vec<&FleetMember>, Vec<&FleetMember>) =
        members.iter().partition(|member| is_protected(&member.machine, protect));
    let mut picked =
        Picked { protected: u32::try_from(protected.len()).unwrap_or(u32::MAX), ..Picked::default() };
    let wanted = usize::try_from(surplus).unwrap_or(usize::MAX);
    if let LeavingOrder::Named(names) = order {
        named(names, &protected, &free, &mut picked);
    } else {
        free.sort_by_key(|member| age_key(member));
        take(&mut free, wanted, &mut picked, Why::NeverRan, |member| member.never_ran);
        let mut seen: BTreeMap<u32, u32> = BTreeMap::new();
        for number in members.iter().filter_map(|member| member.number) {
            *seen.entry(number).or_default() += 1;
        }
        for leaving in &picked.leaving {
            if let Some(count) = leaving.member.number.and_then(|number| seen.get_mut(&number)) {
                *count -= 1;
            }
        }
        // From the newest on, so that the older one of two keeps the name.
        free.reverse();
        take(&mut free, wanted, &mut picked, Why::SharesNumber, |member| {
            let count = member.number.and_then(|number| seen.get_mut(&number));
            count.filter(|count| **count > 1).map(|count| *count -= 1).is_some()
        });
        free.reverse();
        match order {
            LeavingOrder::Balance => {
                let pair = |member: &FleetMember| member.domain(Across::FaultDomain);
                balance(free, &protected, wanted, &mut picked, pair);
            }
            LeavingOrder::Spread(across) => {
                let domain = |member: &FleetMember| member.domain(*across);
                balance(free, &protected, wanted, &mut picked, domain);
            }
            LeavingOrder::Oldest => take(&mut free, wanted, &mut picked, Why::Oldest, |_| true),
            _ => {
                free.reverse();
                take(&mut free, wanted, &mut picked, Why::Newest, |_| true);
            }
        }
    }
    picked.short = surplus.saturating_sub(u32::try_from(picked.leaving.len()).unwrap_or(u32::MAX));
    picked
}

/// Sorts the oldest first: by number, or by age without one.
fn age_key(member: &FleetMember) -> impl Ord + use<> {
    let created = member.machine.created.unwrap_or_default();
    (member.number.is_none(), member.number, created, member.machine.ocid.clone())
}

fn take<'a>(
    free: &mut Vec<&'a FleetMember>,
    wanted: usize,
    picked: &mut Picked,
    why: Why,
    mut is_meant: impl FnMut(&'a FleetMember) -> bool,
) {
    free.retain(|member| {
        if picked.leaving.len() >= wanted || !is_meant(member) {
            return true;
        }
        picked.leaving.push(Leaving { member: (*member).clone(), why });
        false
    });
}

fn named(names: &[String], protected: &[&FleetMember], free: &[&FleetMember], picked: &mut Picked) {
    let mut seen = BTreeSet::new();
    for name in names {
        let is_it = |member: &&&FleetMember| member.machine.name == *name || member.machine.ocid == *name;
        let found: Vec<&&FleetMember> = free.iter().filter(is_it).collect();
        if found.is_empty() {
            let list = if protected.iter().any(|member| is_it(&member)) {
                &mut picked.refused
            } else {
                &mut picked.unknown
            };
            list.push(name.clone());
        }
        for member in found {
            if seen.insert(member.machine.ocid.clone()) {
                picked.leaving.push(Leaving { member: (*member).clone(), why: Why::Named });
            }
        }
    }
}

/// Takes members from the fullest domain repeatedly. Protected members count, because they stay where they are.
fn balance(
    free: Vec<&FleetMember>,
    protected: &[&FleetMember],
    wanted: usize,
    picked: &mut Picked,
    domain: impl Fn(&FleetMember) -> SpreadDomain,
) {
    let mut counts: BTreeMap<_, usize> = BTreeMap::new();
    let mut domains: BTreeMap<_, Vec<&FleetMember>> = BTreeMap::new();
    for member in protected {
        *counts.entry(domain(member)).or_default() += 1;
    }
    for member in free {
        *counts.entry(domain(member)).or_default() += 1;
        domains.entry(domain(member)).or_default().push(member);
    }
    while picked.leaving.len() < wanted {
        let fullest = domains
            .iter()
            .filter(|(_, members)| !members.is_empty())
            .map(|(domain, members)| {
                let newest = members.last().map(|member| age_key(member));
                (counts.get(domain).copied().unwrap_or_default(), newest, domain.clone())
            })
            .max();
        let Some((_, _, fullest)) = fullest else { return };
        let Some(member) = domains.get_mut(&fullest).and_then(Vec::pop) else { return };
        counts.entry(fullest).and_modify(|count| *count -= 1);
        picked.leaving.push(Leaving { member: member.clone(), why: Why::Balance });
    }
}
