//! Decides which networks are leftovers: those that a launch made, as their tags say, and that nothing uses.
//!
//! A network costs nothing, so it is deleted only if the user asks for networks. A part that this tool did not make, or a network card
//! of whatever kind, proves that somebody uses it.

use super::evidence::Evidence;
use super::notes::Notes;
use super::tags::is_living;
use super::{LeftNetwork, Scope};
use crate::network::{Contents, contents, networks_of};
use crate::plan::FLEET_TAG;
use crate::query::select::Machine;
use ledger::RunId;
use oci_client::{Client, Failure, FailureClass};

/// Judges each network that a launch made.
pub(super) async fn find(
    client: &Client,
    evidence: &Evidence,
    scope: &Scope,
    machines: &[Machine],
    notes: &mut Notes,
) -> Result<Vec<LeftNetwork>, Failure> {
    // The networks of other machines are looked for only if asked: that takes requests, and a permission.
    if !scope.networks && !evidence.made_networks {
        return Ok(Vec::new());
    }
    let client = &client.at(None);
    let all = match networks_of(client, &scope.compartment).await {
        // A user who may not list networks has made none. They cost nothing, so that is no reason to keep what costs.
        Err(failure) if failure.class == FailureClass::NotFound && !scope.networks => return Ok(Vec::new()),
        all => all?,
    };
    let mut left = Vec::new();
    for vcn in all {
        let Some(found) = contents(client, &scope.compartment, &vcn).await? else { continue };
        let Some(run) = found.run.filter(|run| scope.run.is_none_or(|only| only == *run)) else { continue };
        if let Some(why) = used_by(&found, run, evidence, machines) {
            if scope.networks {
                notes.say(format!("the network of fleet {} ({vcn}) left alone: {why}", found.fleet));
            }
        } else if scope.networks {
            let why = format!("made for fleet {}; nothing uses it", found.fleet);
            left.push(LeftNetwork { fleet: found.fleet, run: run.to_string(), parts: found.parts, why });
        } else {
            notes.say(format!(
                "the network of fleet {} ({vcn}) left alone: nothing uses it, and it costs nothing; --networks includes it",
                found.fleet
            ));
        }
    }
    Ok(left)
}

/// Why a network is not a leftover.
fn used_by(found: &Contents, run: RunId, evidence: &Evidence, machines: &[Machine]) -> Option<String> {
    if evidence.held_elsewhere.contains(&run) {
        return Some(format!("a process is working on run {run}"));
    }
    if let Some(launch) = evidence.unfinished_launch_of(&found.fleet) {
        return Some(format!("run {launch} is unfinished and launches into it"));
    }
    let is_member =
        |machine: &&Machine| is_living(machine) && machine.tags.get(FLEET_TAG) == Some(&found.fleet);
    let members = machines.iter().filter(is_member).count();
    if members > 0 {
        let noun = if members == 1 { "instance" } else { "instances" };
        return Some(format!("the fleet has {members} {noun}"));
    }
    found.in_use_by_others(&std::collections::BTreeSet::new())
}
