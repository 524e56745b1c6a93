//! Compares what is there with what the ledger and the tags say.

use super::evidence::{Evidence, Launch, Made};
use super::expiry::expiry;
use super::volumes;
use super::{LeftInstance, LeftReservation, Leftovers, Scope};
use crate::plan::RUN_TAG;
use crate::price::Prices;
use crate::reservations::Held;
use crate::select::{Filter, Machine, find as find_instances};
use jiff::Timestamp;
use ledger::RunId;
use oci_api::models::InstanceLifecycleState as State;
use oci_client::{Client, Failure};
use std::collections::{BTreeMap, BTreeSet};

/// Finds what is left over.
///
/// # Errors
/// When a list cannot be read to its end: what is in use would not be known for certain.
pub async fn find(
    client: &Client,
    evidence: &Evidence,
    scope: &Scope,
    domains: &[String],
    prices: &Prices,
) -> Result<Leftovers, Failure> {
    let mut left = Leftovers::default();
    let all = Filter { terminated: true, ..Filter::default() };
    let machines = find_instances(client, &scope.compartment, &all).await?.machines;
    instances(&machines, evidence, scope, &mut left);
    if scope.expired_only {
        return Ok(left);
    }
    let mut ours: BTreeMap<String, Made> = evidence.instances.clone();
    for machine in &machines {
        if let (Some(run), Some(at)) = (run_of(machine), machine.created) {
            ours.insert(machine.ocid.clone(), Made { run, at });
        }
    }
    for domain in domains {
        left.volumes.extend(volumes::find(client, evidence, scope, domain, &ours).await?);
    }
    left_reservations(client, evidence, scope, prices, &mut left).await?;
    Ok(left)
}

fn run_of(machine: &Machine) -> Option<RunId> {
    machine.tags.get(RUN_TAG)?.parse().ok()
}

/// Judges each instance with a run's tag.
fn instances(machines: &[Machine], evidence: &Evidence, scope: &Scope, left: &mut Leftovers) {
    let mut strangers = BTreeSet::new();
    let mut unfinished = BTreeSet::new();
    for machine in machines {
        let gone = matches!(machine.state, State::Terminated | State::Terminating);
        let Some(run) = run_of(machine).filter(|_| !gone) else { continue };
        if scope.run.is_some_and(|only| only != run) {
            continue;
        }
        let known = evidence.launches.get(&run);
        let why = expired(machine, scope.now).or_else(|| {
            let launch = known.filter(|_| !scope.expired_only)?;
            if evidence.is_meant(run, scope) { surplus(machine, launch) } else { None }
        });
        match why {
            Some(why) => {
                left.instances.push(LeftInstance { machine: machine.clone(), run: run.to_string(), why });
            }
            None if known.is_none() => {
                strangers.insert(run);
            }
            None if known.is_some_and(|launch| launch.unfinished) => {
                unfinished.insert(run);
            }
            None => {}
        }
    }
    if scope.expired_only {
        return;
    }
    if !strangers.is_empty() {
        left.notes.push(format!(
            "{} left alone: this ledger does not know {}",
            list(&strangers),
            if strangers.len() == 1 { "it" } else { "them" }
        ));
    }
    if scope.run.is_none() && !unfinished.is_empty() {
        left.notes
            .push(format!("{} left alone: unfinished; resume it, or name it with --run", list(&unfinished)));
    }
}

fn list(runs: &BTreeSet<RunId>) -> String {
    let names: Vec<String> = runs.iter().map(ToString::to_string).collect();
    format!("{} {}", if names.len() == 1 { "run" } else { "runs" }, names.join(", "))
}

/// Why an instance's time is over, if it is. A tag that is no time says nothing.
fn expired(machine: &Machine, now: Timestamp) -> Option<String> {
    let until = expiry(machine)?;
    (until <= now).then(|| format!("its time was over at {until:.0}"))
}

/// Why an instance is not one that its run counts as well, if it is not.
fn surplus(machine: &Machine, launch: &Launch) -> Option<String> {
    if launch.given_back {
        return Some("its run was given back".to_owned());
    }
    (!launch.good.contains(&machine.ocid))
        .then(|| "its run failed to get it running, or has another in its place".to_owned())
}

/// Reservations of our launches that nobody uses any more.
async fn left_reservations(
    client: &Client,
    evidence: &Evidence,
    scope: &Scope,
    prices: &Prices,
    left: &mut Leftovers,
) -> Result<(), Failure> {
    for row in client.list_capacity_reservations(&scope.compartment, None).await? {
        let tagged = row.freeform_tags.as_ref().and_then(|tags| tags.get(RUN_TAG)?.parse().ok());
        let run = tagged.or_else(|| evidence.reservations.get(&row.id).copied());
        let Some(run) = run.filter(|run| evidence.is_meant(*run, scope)) else { continue };
        // A list has no configs, and its counts may lag.
        let held = Held::from(client.get_capacity_reservation(&row.id).await?);
        if held.used() > 0 {
            let (used, reserved) = (held.used(), held.reserved());
            left.notes.push(format!("reservation {} left alone: {used} of {reserved} are in use", held.ocid));
        } else if held.state == "ACTIVE" {
            left.reservations.push(LeftReservation {
                hour: held.unused_hour(prices),
                reserved: held.reserved(),
                run: run.to_string(),
                ocid: held.ocid,
                name: held.name,
            });
        }
    }
    Ok(())
}
