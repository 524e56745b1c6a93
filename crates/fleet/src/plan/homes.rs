//! Chooses the domain of each slot of a spread fleet, beside the existing members. Pure, so that the same members and the same
//! config always lead to the same domains.

use super::finding::Finding;
use super::spec::FleetSpec;
use super::spread::{Across, Spread, SpreadDomain, skew};
use ledger::Placement;
use std::collections::BTreeMap;

/// The fault domains of an availability domain (Oracle, "Regions and Availability Domains": each has three), for users who may
/// not list them.
pub(super) const FAULT_DOMAINS: [&str; 3] = ["FAULT-DOMAIN-1", "FAULT-DOMAIN-2", "FAULT-DOMAIN-3"];

/// The field of findings about the spread.
pub const FIELD: &str = "spread";

/// Replaces placements that leave the fault domain to the service with one placement per fault domain. `names` are those of an
/// availability domain, if they could be listed.
pub(super) fn by_fault_domain(
    placements: Vec<Placement>,
    names: &BTreeMap<String, Vec<String>>,
) -> Vec<Placement> {
    let usual: Vec<String> = FAULT_DOMAINS.map(str::to_owned).into();
    let mut all = Vec::new();
    for placement in placements {
        if placement.fault_domain.is_some() {
            all.push(placement);
            continue;
        }
        let names = names.get(&placement.availability_domain).unwrap_or(&usual);
        all.extend(
            names.iter().map(|name| Placement { fault_domain: Some(name.clone()), ..placement.clone() }),
        );
    }
    all
}

/// The number of members of each domain.
struct Occupied {
    domains: Vec<SpreadDomain>,
    counts: Vec<u32>,
}

impl Occupied {
    /// Members elsewhere do not count, because no launch of this fleet could balance them.
    fn add(&mut self, domain: &SpreadDomain) -> Option<usize> {
        let at = self.domains.iter().position(|known| known == domain)?;
        self.counts[at] += 1;
        Some(at)
    }

    /// Adds one to the emptiest domain; if there are several, to the first of the config.
    fn add_to_emptiest(&mut self) -> usize {
        let emptiest = self.counts.iter().enumerate().min_by_key(|(at, count)| (**count, *at));
        let at = emptiest.map_or(0, |(at, _)| at);
        if let Some(count) = self.counts.get_mut(at) {
            *count += 1;
        }
        at
    }
}

/// The members before the launch.
struct Before {
    /// The number in each domain.
    counts: Vec<u32>,
    /// The total, including members elsewhere.
    members: u32,
}

impl FleetSpec {
    /// Chooses the domain of each slot, beside the members in the domains `existing`. A slot with a fixed domain, for example
    /// because it replaces an instance, keeps it if the fleet may use it. A fleet without a spread stays unchanged. Returns a
    /// finding if the skew will exceed the allowed one and the spread is best effort.
    ///
    /// # Errors
    /// The same finding if the spread refuses that; the domains are chosen nevertheless.
    pub fn spread_beside(
        &mut self,
        existing: impl IntoIterator<Item = SpreadDomain>,
        fixed: &[Option<SpreadDomain>],
    ) -> Result<Option<Finding>, Finding> {
        let Some(spread) = self.spread else { return Ok(None) };
        let domains = spread.across.domains(&self.placements);
        if domains.is_empty() {
            return Ok(None);
        }
        let mut occupied = Occupied { counts: vec![0; domains.len()], domains };
        let mut members = 0;
        for domain in existing {
            occupied.add(&domain);
            members += 1;
        }
        let before = Before { counts: occupied.counts.clone(), members };
        let mut chosen: Vec<Option<usize>> = (0..self.count as usize)
            .map(|slot| fixed.get(slot)?.as_ref().and_then(|domain| occupied.add(domain)))
            .collect();
        for one in chosen.iter_mut().filter(|one| one.is_none()) {
            *one = Some(occupied.add_to_emptiest());
        }
        let firsts: Vec<u32> = occupied
            .domains
            .iter()
            .map(|domain| self.placements.iter().position(|place| spread.across.of(place) == *domain))
            .map(|at| at.and_then(|at| u32::try_from(at).ok()).unwrap_or_default())
            .collect();
        self.homes = chosen.into_iter().flatten().filter_map(|at| firsts.get(at).copied()).collect();
        match spread.problem(&occupied, &before).map(|message| Finding::new(FIELD, message)) {
            Some(finding) if spread.refuses() => Err(finding),
            told => Ok(told),
        }
    }

    /// The domains of the spread in the order of the config, with the members in each; empty without a spread.
    pub fn members_by_domain(
        &self,
        existing: impl IntoIterator<Item = SpreadDomain>,
    ) -> Vec<(SpreadDomain, u32)> {
        let Some(spread) = self.spread else { return Vec::new() };
        let domains = spread.across.domains(&self.placements);
        let mut occupied = Occupied { counts: vec![0; domains.len()], domains };
        for domain in existing {
            occupied.add(&domain);
        }
        occupied.domains.into_iter().zip(occupied.counts).collect()
    }

    /// Keeps the domains of the slots when other placements replace those `before`. A slot whose domain no longer has a
    /// placement gets an index out of range.
    pub(crate) fn keep_homes(&mut self, before: &[Placement]) {
        let Some(spread) = self.spread else { return };
        let nowhere = u32::MAX;
        for home in &mut self.homes {
            let domain = before.get(*home as usize).map(|placement| spread.across.of(placement));
            let at = self.placements.iter().position(|placement| Some(spread.across.of(placement)) == domain);
            *home = at.and_then(|at| u32::try_from(at).ok()).unwrap_or(nowhere);
        }
    }

    /// The number of slots per domain, in the order of the config; empty without a spread.
    pub fn slots_by_domain(&self) -> Vec<(SpreadDomain, u32)> {
        let Some(spread) = self.spread.filter(|_| !self.homes.is_empty()) else { return Vec::new() };
        let domains = spread.across.domains(&self.placements);
        let mut occupied = Occupied { counts: vec![0; domains.len()], domains };
        for placement in self.homes.iter().filter_map(|home| self.placements.get(*home as usize)) {
            occupied.add(&spread.across.of(placement));
        }
        occupied.domains.into_iter().zip(occupied.counts).collect()
    }
}

impl Spread {
    /// The reason why the fleet cannot be spread as required.
    fn problem(self, occupied: &Occupied, before: &Before) -> Option<String> {
        let Self { across, max_skew, .. } = self;
        let or_else = if self.refuses() { ", or set `when_impossible: best_effort`" } else { "" };
        if let [only] = occupied.domains.as_slice() {
            let what = across.plural();
            let other = match across {
                Across::AvailabilityDomain => "spread across fault_domain",
                Across::FaultDomain => "allow more of them",
            };
            return Some(format!(
                "a spread needs at least 2 {what}, but there is only {only}: {other}{or_else}"
            ));
        }
        let skew = skew(occupied.counts.iter().copied());
        if skew <= max_skew {
            return None;
        }
        let by_count = || occupied.counts.iter().zip(&occupied.domains);
        // If there are several, the first of the config.
        let (most, fullest) = by_count().rev().max_by_key(|(count, _)| **count)?;
        let (least, emptiest) = by_count().min_by_key(|(count, _)| **count)?;
        let level = most.saturating_sub(max_skew);
        let more: u32 = before.counts.iter().map(|count| level.saturating_sub(*count)).sum();
        let size = before.members + more;
        Some(format!(
            "{most} members would be in {fullest} and {least} in {emptiest}: a skew of {skew}, above max_skew {max_skew}; use \
                 `scale N` with N at least {size}, terminate members of the fullest domain first{or_else}"
        ))
    }
}

#[cfg(test)]
#[path = "homes_tests.rs"]
mod tests;
