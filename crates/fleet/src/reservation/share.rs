//! Divides a fleet among its availability domains. Pure.

use super::ask::{Want, spread};
use crate::plan::{Across, FleetSpec, Plan, is_same_kind};
use ledger::Placement;

/// What one availability domain should hold.
#[derive(Clone, Debug)]
pub struct Share {
    /// The first placement of the fleet there.
    pub placement: Placement,
    /// What should be reserved there.
    pub wants: Vec<Want>,
    /// The reservation that the config names, which is enlarged.
    pub existing: Option<String>,
    pub(crate) token: usize,
}

/// Spreads the fleet over its availability domains. If it names fault domains, each has its own config.
pub fn shares(plan: &Plan) -> Vec<Share> {
    let fleet = &plan.fleet;
    let mut firsts: Vec<&Placement> = Vec::new();
    for placement in &fleet.placements {
        if !firsts.iter().any(|first| first.availability_domain == placement.availability_domain) {
            firsts.push(placement);
        }
    }
    let counts = match fleet.spread {
        Some(_) if !fleet.homes.is_empty() => firsts
            .iter()
            .map(|first| at_home(fleet, |home| home.availability_domain == first.availability_domain))
            .collect(),
        _ => spread(fleet.count, firsts.len()),
    };
    let mut shares = Vec::new();
    for (token, (first, count)) in
        firsts.into_iter().zip(counts).enumerate().filter(|(_, (_, count))| *count > 0)
    {
        let same = |other: &&Placement| {
            other.availability_domain == first.availability_domain && is_same_kind(other, first)
        };
        let mut places: Vec<&Placement> = Vec::new();
        for placement in fleet.placements.iter().filter(same) {
            if !places.iter().any(|place| place.fault_domain == placement.fault_domain) {
                places.push(placement);
            }
        }
        let by_fault_domain = fleet.spread.is_some_and(|spread| spread.across == Across::FaultDomain);
        let parts = if by_fault_domain && !fleet.homes.is_empty() {
            let in_place = |place: &&Placement| {
                at_home(fleet, |home| {
                    home.availability_domain == place.availability_domain
                        && home.fault_domain == place.fault_domain
                })
            };
            places.iter().map(in_place).collect()
        } else {
            spread(count, places.len())
        };
        let wants = places.into_iter().zip(parts).filter(|(_, part)| *part > 0);
        shares.push(Share {
            placement: first.clone(),
            wants: wants.map(|(place, part)| Want::of_placement(fleet, place, part)).collect(),
            existing: first.capacity_reservation.clone().filter(|ocid| !ocid.is_empty()),
            token,
        });
    }
    shares
}

/// The number of slots of a spread fleet whose domain contains such a placement.
fn at_home(fleet: &FleetSpec, is_there: impl Fn(&Placement) -> bool) -> u32 {
    let homes = fleet.homes.iter().filter_map(|home| fleet.placements.get(*home as usize));
    u32::try_from(homes.filter(|home| is_there(home)).count()).unwrap_or(u32::MAX)
}
