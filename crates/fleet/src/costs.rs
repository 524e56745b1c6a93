//! Finds what continues to cost money after a launch or a termination: unused reserved capacity, and kept volumes. It is
//! read-only; the command says what to do.

use crate::action::ActionPlan;
use crate::cleanup;
use crate::plan::RUN_TAG;
use crate::price::{BOOT_VOLUME_VPUS, End, Prices, StillCosts};
use crate::query::select::Machine;
use crate::reservation::{self, Held, TOKEN_TAG};
use ledger::{Phase, RunId, RunState, Store};
use oci_api::models::ComputeCapacityReservationSummary;
use oci_client::{Client, Failure};
use std::collections::{BTreeMap, BTreeSet};

/// The costs after a termination: the volumes that it kept, and reservations that are now unused, both those of the tool and
/// those that the terminated instances used.
///
/// # Errors
/// When they cannot be listed. A run that cannot be read has kept nothing that is known.
pub async fn after_termination(
    client: &Client,
    store: &dyn Store,
    run: RunId,
    compartment: &str,
    machines: &[Machine],
    prices: &Prices,
) -> Result<Vec<StillCosts>, Failure> {
    let records = store.records(run).await.map(|found| found.records).unwrap_or_default();
    let state = RunState::fold(run, &records);
    let sent = |slot: &ledger::SlotState| matches!(slot.phase, Phase::ActionAccepted | Phase::ActionDone);
    let ended: BTreeSet<&str> =
        state.slots.values().filter(|slot| sent(slot)).filter_map(|slot| slot.ocid.as_deref()).collect();
    let mut costs = Vec::new();
    if let Ok(plan) = serde_json::from_value::<ActionPlan>(state.plan.clone()) {
        costs = kept_volumes(client, store, &plan, &ended, compartment, machines, prices).await?;
    }
    let drawn_on: BTreeSet<&str> =
        machines.iter().filter_map(|machine| machine.capacity_reservation.as_deref()).collect();
    for row in client.list_capacity_reservations(compartment, None).await? {
        if !is_own(&row) && !drawn_on.contains(row.id.as_str()) {
            continue;
        }
        let Some(held) = active(client, &row).await? else { continue };
        // The service's count lags behind terminations.
        let inside = if held.used() == 0 {
            0
        } else {
            let members = client.list_capacity_reservation_instances(&row.id, None).await?;
            members.iter().filter(|member| !ended.contains(member.id.as_str())).count()
        };
        costs.extend(unused(held, u32::try_from(inside).unwrap_or(u32::MAX), prices));
    }
    Ok(costs)
}

/// The costs after a launch: unused capacity that it reserved.
///
/// # Errors
/// When a reservation cannot be read.
pub async fn after_launch(
    client: &Client,
    store: &dyn Store,
    run: RunId,
    compartment: &str,
    prices: &Prices,
) -> Result<Vec<StillCosts>, Failure> {
    let records = store.records(run).await.map(|found| found.records).unwrap_or_default();
    let state = RunState::fold(run, &records);
    let mut inside: BTreeMap<&str, u32> = BTreeMap::new();
    for slot in state.slots.values().filter(|slot| slot.ocid.is_some()) {
        let drawn_on =
            slot.placement.as_ref().and_then(|placement| placement.capacity_reservation.as_deref());
        *inside.entry(drawn_on.unwrap_or_default()).or_default() += 1;
    }
    let own = run.to_string();
    let mut costs = Vec::new();
    for row in client.list_capacity_reservations(compartment, None).await? {
        if row.freeform_tags.as_ref().and_then(|tags| tags.get(RUN_TAG)) != Some(&own) {
            continue;
        }
        let Some(held) = active(client, &row).await? else { continue };
        // The service's count lags behind launches.
        let inside = inside.get(row.id.as_str()).copied().unwrap_or_default().max(held.used());
        costs.extend(unused(held, inside, prices));
    }
    Ok(costs)
}

fn is_own(row: &ComputeCapacityReservationSummary) -> bool {
    row.freeform_tags.as_ref().is_some_and(|tags| tags.contains_key(RUN_TAG) || tags.contains_key(TOKEN_TAG))
}

async fn active(client: &Client, row: &ComputeCapacityReservationSummary) -> Result<Option<Held>, Failure> {
    if row.lifecycle_state.as_deref().is_some_and(|state| matches!(state, "DELETED" | "DELETING")) {
        return Ok(None);
    }
    Ok(Some(reservation::Held::from(client.get_capacity_reservation(&row.id).await?)))
}

/// The price of the unused capacity of a reservation with this many instances in it.
fn unused(held: Held, inside: u32, prices: &Prices) -> Option<StillCosts> {
    let reserved = held.reserved();
    if inside >= reserved {
        return None;
    }
    let hour = match held.configs.as_slice() {
        [config] => reservation::Config { used: inside, ..config.clone() }.unused_hour(prices),
        _ => held.unused_hour(prices),
    };
    let end = if inside == 0 { End::DeleteReservation } else { End::ShrinkReservation(inside) };
    let (name, ocid) = (held.name, held.ocid);
    Some(StillCosts { kind: "reservation", name, ocid, price_per_hour: hour, end, command: String::new() })
}

async fn kept_volumes(
    client: &Client,
    store: &dyn Store,
    plan: &ActionPlan,
    ended: &BTreeSet<&str>,
    compartment: &str,
    machines: &[Machine],
    prices: &Prices,
) -> Result<Vec<StillCosts>, Failure> {
    let kept: BTreeMap<&str, &str> = plan
        .kept_volumes
        .iter()
        .filter(|kept| ended.contains(kept.instance.as_str()))
        .map(|kept| (kept.volume.as_str(), kept.instance.as_str()))
        .collect();
    if kept.is_empty() {
        return Ok(Vec::new());
    }
    // What an unreadable ledger contains is not attributed to a launch.
    let evidence = cleanup::gather(store).await.unwrap_or_default();
    let cost = |kind, name: String, ocid: String, gb: f64, vpus: Option<i64>| {
        let vpus = vpus.map_or(BOOT_VOLUME_VPUS, |vpus| vpus as f64);
        let hour = prices.boot_volume_gb_hour(vpus).map(|hour| crate::price::rounded(hour * gb));
        let launched_by = kept.get(ocid.as_str()).and_then(|instance| evidence.launched_by(instance));
        let end = launched_by.map_or(End::DeleteVolume, End::CleanUp);
        StillCosts { kind, name, ocid, price_per_hour: hour, end, command: String::new() }
    };
    let mut costs = Vec::new();
    let domains: BTreeSet<&str> = machines.iter().map(|machine| &*machine.availability_domain).collect();
    for domain in domains {
        for row in client.list_boot_volumes(compartment, domain).await? {
            if kept.contains_key(row.id.as_str()) {
                let gb = cleanup::gigabytes(row.size_in_gbs, row.size_in_mbs);
                let name = row.display_name.unwrap_or_default();
                costs.push(cost("boot volume", name, row.id, gb, row.vpus_per_gb));
            }
        }
        for row in client.list_volumes(compartment, Some(domain)).await? {
            if kept.contains_key(row.id.as_str()) {
                let gb = cleanup::gigabytes(row.size_in_gbs, row.size_in_mbs);
                costs.push(cost("volume", row.display_name, row.id, gb, row.vpus_per_gb));
            }
        }
    }
    Ok(costs)
}
