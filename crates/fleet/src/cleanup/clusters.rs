//! Decides which compute clusters are leftovers: those that a launch made, as their tags say, and that no instance will be in.
//!
//! A cluster costs nothing, and is of no use without its fleet. One that a run of this ledger made is deleted without a flag, after the
//! instances.

use super::evidence::Evidence;
use super::notes::Notes;
use super::tags::is_living;
use super::{LeftInstance, LeftNetwork, Scope};
use crate::network::{FleetCluster, clusters_of, others_in_cluster};
use crate::plan::FLEET_TAG;
use crate::query::select::Machine;
use ledger::RunId;
use oci_client::{Client, Failure, FailureClass};
use std::collections::BTreeSet;

/// Judges each compute cluster that a launch made. `going` are the instances that are deleted first.
pub(super) async fn find(
    client: &Client,
    evidence: &Evidence,
    scope: &Scope,
    (machines, going): (&[Machine], &[LeftInstance]),
    notes: &mut Notes,
) -> Result<Vec<LeftNetwork>, Failure> {
    // The clusters of other machines are looked for only if asked: that takes requests, and a permission.
    if !scope.networks && !evidence.made_clusters {
        return Ok(Vec::new());
    }
    let client = &client.at(None);
    let all = match clusters_of(client, &scope.compartment).await {
        // A user who may not list clusters has made none.
        Err(failure) if failure.class == FailureClass::NotFound && !scope.networks => return Ok(Vec::new()),
        all => all?,
    };
    let going: BTreeSet<&str> = going.iter().map(|left| left.machine.ocid.as_str()).collect();
    let mut left = Vec::new();
    for cluster in all {
        let run = cluster.run.filter(|run| scope.run.is_none_or(|only| only == *run));
        let Some(run) = run else { continue };
        let used = match used_by(&cluster, run, evidence, (machines, &going)) {
            Some(why) => Some(why),
            None => others_in_cluster(client, &scope.compartment, &cluster.ocid, &going).await?,
        };
        match used {
            Some(why) => {
                let FleetCluster { fleet, ocid, .. } = &cluster;
                notes.say(format!("the compute cluster of fleet {fleet} ({ocid}) left alone: {why}"));
            }
            None => left.push(LeftNetwork {
                why: format!("made for fleet {}; nothing uses it", cluster.fleet),
                run: run.to_string(),
                parts: vec![cluster.part()],
                fleet: cluster.fleet,
            }),
        }
    }
    Ok(left)
}

/// Why a cluster is not a leftover.
fn used_by(
    cluster: &FleetCluster,
    run: RunId,
    evidence: &Evidence,
    (machines, going): (&[Machine], &BTreeSet<&str>),
) -> Option<String> {
    if evidence.held_elsewhere.contains(&run) {
        return Some(format!("a process is working on run {run}"));
    }
    if let Some(launch) = evidence.unfinished_launch_of(&cluster.fleet) {
        return Some(format!("run {launch} is unfinished and launches into it"));
    }
    let is_member = |machine: &&Machine| {
        is_living(machine)
            && machine.tags.get(FLEET_TAG) == Some(&cluster.fleet)
            && !going.contains(machine.ocid.as_str())
    };
    let members = machines.iter().filter(is_member).count();
    let noun = if members == 1 { "instance" } else { "instances" };
    (members > 0).then(|| format!("the fleet has {members} {noun}"))
}
