//! Compares the existing resources with the evidence of the ledger and the tags.

use super::evidence::{Evidence, MadeInstance, WantedFor};
use super::notes::Notes;
use super::tags::{is_living, run_of};
use super::{LeftReservation, Leftovers, Scope, clusters, instances, networks, parts, volumes};
use crate::plan::RUN_TAG;
use crate::price::Prices;
use crate::query::select::{Filter, find as find_instances};
use crate::reservation::{Held, TOKEN_TAG};
use ledger::RunId;
use oci_client::{Client, Failure};
use std::collections::{BTreeMap, BTreeSet};

/// Finds leftovers.
///
/// # Errors
/// When a list cannot be read to its end, because it is then uncertain what is in use.
pub async fn find(
    client: &Client,
    evidence: &Evidence,
    scope: &Scope,
    domains: &[String],
    prices: &Prices,
) -> Result<Leftovers, Failure> {
    let mut left = Leftovers::default();
    let mut notes = Notes::default();
    let all = Filter { terminated: true, ..Filter::default() };
    let machines = find_instances(client, &scope.compartment, &all).await?.machines;
    left.instances = instances::find(client, &machines, evidence, scope, &mut notes).await;
    if !scope.expired_only {
        notes.damaged_runs(evidence, scope);
        let mut ours: BTreeMap<String, MadeInstance> = evidence.instances.clone();
        for machine in &machines {
            if let (Some(run), Some(at)) = (run_of(machine), machine.created) {
                ours.insert(machine.ocid.clone(), MadeInstance { run, at });
            }
        }
        let states = machines.iter().map(|machine| (machine.ocid.as_str(), &machine.state)).collect();
        if !domains.is_empty() {
            left.volumes =
                Box::pin(volumes::find(client, evidence, scope, domains, &ours, &states, &mut notes)).await?;
        }
        let drawn_on = machines.iter().filter(|machine| is_living(machine));
        let drawn_on = drawn_on.filter_map(|machine| machine.capacity_reservation.as_deref()).collect();
        left.reservations = left_reservations(client, evidence, scope, prices, &drawn_on, &mut notes).await?;
        // Clusters come first: an instance in one may have its network card in a network.
        left.networks =
            Box::pin(clusters::find(client, evidence, scope, (&machines, &left.instances), &mut notes))
                .await?;
        left.networks.extend(Box::pin(networks::find(client, evidence, scope, &machines, &mut notes)).await?);
    }
    let going: BTreeSet<&str> = left.instances.iter().map(|left| left.machine.ocid.as_str()).collect();
    left.parts = Box::pin(parts::find(client, evidence, scope, (&machines, &going), &mut notes)).await?;
    left.notes = notes.into_text(scope);
    let runs = left.instances.iter().map(|left| &left.run).chain(left.volumes.iter().map(|left| &left.run));
    let runs = runs.chain(left.reservations.iter().map(|left| &left.run));
    let runs = runs.chain(left.networks.iter().map(|left| &left.run));
    let runs = runs.chain(left.parts.iter().map(|left| &left.run));
    let runs: BTreeSet<RunId> = runs.filter_map(|run| run.parse().ok()).collect();
    left.read_to = runs.into_iter().filter_map(|run| Some((run, *evidence.read_to.get(&run)?))).collect();
    Ok(left)
}

/// Reservations that launches created and nothing uses any more. The tag proves who created one: the ledger also knows
/// reservations of the config that a run enlarged, which belong to the user.
async fn left_reservations(
    client: &Client,
    evidence: &Evidence,
    scope: &Scope,
    prices: &Prices,
    drawn_on: &BTreeSet<&str>,
    notes: &mut Notes,
) -> Result<Vec<LeftReservation>, Failure> {
    let mut left = Vec::new();
    for row in client.list_capacity_reservations(&scope.compartment, None).await? {
        if row.lifecycle_state.as_deref().is_some_and(|state| matches!(state, "DELETED" | "DELETING")) {
            continue;
        }
        let tagged: Option<RunId> =
            row.freeform_tags.as_ref().and_then(|tags| tags.get(RUN_TAG)?.parse().ok());
        let made = row.freeform_tags.as_ref().is_some_and(|tags| tags.contains_key(TOKEN_TAG));
        let Some(run) = tagged else {
            if made && scope.run.is_none() {
                let held = Held::from(client.get_capacity_reservation(&row.id).await?);
                if is_unused(&held, drawn_on) && scope.made_reservations {
                    left.push(leftover(held, String::new(), prices));
                } else if is_unused(&held, drawn_on) {
                    notes.made_reservations(held.unused_hour(prices), prices.currency());
                }
            }
            continue;
        };
        if scope.run.is_some_and(|only| only != run) {
            continue;
        }
        if !evidence.is_meant(run, scope) {
            notes.reservation_of(evidence, run, &row.id);
            continue;
        }
        let want = evidence.wanted_by(run, &row.id, scope);
        if let Some(want @ (WantedFor::Unrecorded | WantedFor::OpenSlots)) = want {
            notes.wanted_reservation(run, &row.id, want);
            continue;
        }
        // A list contains no configs, and its counts may lag.
        let held = Held::from(client.get_capacity_reservation(&row.id).await?);
        if held.used() > 0 {
            let (used, reserved) = (held.used(), held.reserved());
            notes.say(format!("reservation {} left alone: {used} of {reserved} are in use", held.ocid));
        } else if drawn_on.contains(held.ocid.as_str()) {
            notes.say(format!("reservation {} left alone: an instance uses it", held.ocid));
        } else if let Some(want) = want {
            notes.wanted_reservation(run, &row.id, want);
        } else if matches!(held.state.as_str(), "ACTIVE" | "INACTIVE") {
            left.push(leftover(held, run.to_string(), prices));
        } else if !matches!(held.state.as_str(), "DELETED" | "DELETING") {
            notes
                .say(format!("reservation {} left alone: it is {}; look again later", held.ocid, held.state));
        }
    }
    Ok(left)
}

fn is_unused(held: &Held, drawn_on: &BTreeSet<&str>) -> bool {
    held.used() == 0
        && held.reserved() > 0
        && !drawn_on.contains(held.ocid.as_str())
        && matches!(held.state.as_str(), "ACTIVE" | "INACTIVE")
}

fn leftover(held: Held, run: String, prices: &Prices) -> LeftReservation {
    let (hour, reserved) = (held.unused_hour(prices), held.reserved());
    LeftReservation { hour, reserved, run, ocid: held.ocid, name: held.name }
}
