//! What `--reserve` would reserve before launching, and its price until it is used.

use super::listing::write_price;
use super::text::clean;
use crate::config::Settings;
use fleet::Plan;
use fleet::preflight::Preflight;
use fleet::price::{self, Cost};
use fleet::reservation::{Share, Want, shares};
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt::Write as _;

/// The planned reservation of each availability domain.
fn planned(settings: &Settings, preflight: Option<&Preflight>) -> Vec<Share> {
    let mut fleet = settings.fleet.clone();
    // Uses the full names of domains, and all domains if the config leaves the choice open.
    if let Some(preflight) = preflight.filter(|preflight| !preflight.availability_domains.is_empty())
        && let Ok(placements) = fleet::plan::resolved(&fleet.placements, &preflight.availability_domains)
    {
        fleet.placements = placements;
    }
    shares(&Plan { fleet, ..Plan::default() })
}

/// The bill for all reserved capacity while none of it is used.
fn cost(settings: &Settings, shares: &[Share]) -> Cost {
    let wants = shares.iter().flat_map(|share| &share.wants);
    let bills =
        wants.map(|want| price::of_reservation(&want.shape, want.size(), want.count, &settings.prices));
    let (lines, notes): (Vec<_>, Vec<_>) = bills.map(|bill| (bill.lines, bill.notes)).unzip();
    let mut notes = notes.concat();
    notes.dedup();
    Cost::new(&settings.prices, lines.concat(), notes)
}

fn place(share: &Share) -> String {
    match share.placement.availability_domain.as_str() {
        "" => "each availability domain, evenly".to_owned(),
        domain => clean(domain),
    }
}

/// For people.
pub fn reserving_text(settings: &Settings, preflight: Option<&Preflight>) -> String {
    let shares = planned(settings, preflight);
    let mut out = String::from("reserved first and charged from then on:\n");
    for share in &shares {
        let kinds: Vec<String> =
            share.wants.iter().map(|want| format!("{} × {}", want.count, want.describe())).collect();
        let into = match &share.existing {
            Some(ocid) => format!(", added to {} where it lacks capacity", clean(ocid)),
            None => String::new(),
        };
        // Writing to a String cannot fail, so the result is ignored.
        let _ = writeln!(out, "  {}: {}{into}", place(share), kinds.join("; "));
    }
    let cost = cost(settings, &shares);
    let percent = price::UNUSED_RESERVATION * 100.0;
    write_price(&mut out, &format!("until it is used ({percent} % of the on-demand price)"), cost.total);
    for note in &cost.notes {
        let _ = writeln!(out, "  {}", clean(note));
    }
    out
}

/// What is reserved before the launch.
#[derive(Debug, JsonSchema, Serialize)]
pub struct PlannedReservations {
    /// The planned reservation of each availability domain.
    places: Vec<PlannedReservation>,
    /// The price while none of it is used.
    cost: Cost,
}

/// A reservation that is created, or an existing one that is increased.
#[derive(Debug, JsonSchema, Serialize)]
struct PlannedReservation {
    /// The availability domain; empty if each, evenly.
    availability_domain: String,
    /// The OCID of the existing reservation.
    reservation: Option<String>,
    /// Instances to reserve.
    asked: u32,
    /// The kinds of instances.
    configs: Vec<Want>,
}

/// For programs.
pub fn document(settings: &Settings, preflight: Option<&Preflight>) -> PlannedReservations {
    let shares = planned(settings, preflight);
    let cost = cost(settings, &shares);
    let place = |share: Share| PlannedReservation {
        asked: share.wants.iter().map(|want: &Want| want.count).sum(),
        availability_domain: share.placement.availability_domain,
        reservation: share.existing,
        configs: share.wants,
    };
    PlannedReservations { places: shares.into_iter().map(place).collect(), cost }
}
