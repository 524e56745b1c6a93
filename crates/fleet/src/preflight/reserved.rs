//! Whether a reservation can serve a launch, and how many.

use ledger::Placement;

use super::verdict::Bound;
use super::{Finding, Level};
use crate::reservations::{Config, Held, Want};

/// What a reservation does for a placement: the bound, and what to say about it.
pub(super) fn check(held: &Held, placement: &Placement, want: &Want) -> (Bound, Vec<Finding>) {
    let ocid = held.ocid.as_str();
    let bound = |room: u32, why: String| Bound { room: u64::from(room), why, hint: false, shared: false };
    let refuse = |why: &str, message: String, remedy: &str| {
        (bound(0, why.to_owned()), vec![Finding::new(Level::Warning, ocid, message).remedy(remedy)])
    };
    if held.availability_domain != placement.availability_domain {
        return refuse(
            "the reservation is in another availability domain",
            format!(
                "the reservation is in {}, and instances are to be launched in {}",
                held.availability_domain, placement.availability_domain
            ),
            "a reservation serves its own availability domain only: change `availability_domain`, or give another \
             reservation",
        );
    }
    if held.state != "ACTIVE" && held.state != "UPDATING" {
        return refuse(
            &format!("the reservation is {}", held.state),
            format!("the reservation is {}, not ACTIVE", held.state),
            "`oci-insta-scale reservation wait` waits until it is",
        );
    }
    let matching: Vec<Config> = held
        .wire
        .instance_reservation_configs
        .iter()
        .flatten()
        .filter(|config| serves(want, config))
        .map(Config::from)
        .collect();
    if matching.is_empty() {
        let has: Vec<String> = held.configs.iter().map(Config::describe).collect();
        let has = if has.is_empty() { "nothing".to_owned() } else { has.join("; ") };
        return refuse(
            "the reservation holds no instances of exactly this kind",
            format!("launches of {} cannot draw on the reservation: it holds {has}", want.describe()),
            "shape, OCPUs, memory and fault domain have to be exactly the same: change the config, or the reservation \
             (`oci-insta-scale reservation update --add …`)",
        );
    }
    let reserved: u32 = matching.iter().map(|config| config.reserved).sum();
    let used: u32 = matching.iter().map(|config| config.used).sum();
    let free = reserved.saturating_sub(used);
    (bound(free, format!("the reservation has {free} of {reserved} free")), Vec::new())
}

/// Whether a config serves a launch. One without a fault domain is said to serve launches into any of them.
fn serves(want: &Want, config: &oci_api::models::InstanceReservationConfig) -> bool {
    want.matches(config)
        || (config.fault_domain.is_none() && Want { fault_domain: None, ..want.clone() }.matches(config))
}
