//! Decides which instance pools and configurations are leftovers: those that a launch made, as their tags say, and that hold
//! nothing that stays. They cost nothing, but a pool goes on launching members.

use super::evidence::Evidence;
use super::notes::Notes;
use super::{LeftPart, Scope};
use crate::plan::ENGINE_TAG;
use crate::pool::{self, EngineRow};
use crate::query::select::Machine;
use ledger::{EnginePart, RunId};
use oci_api::models::InstanceLifecycleState as State;
use oci_client::{Client, Failure, FailureClass};
use std::collections::BTreeSet;

/// Judges each pool and configuration that a launch made. `going` are the instances that are deleted before.
pub(super) async fn find(
    client: &Client,
    evidence: &Evidence,
    scope: &Scope,
    (machines, going): (&[Machine], &BTreeSet<&str>),
    notes: &mut Notes,
) -> Result<Vec<LeftPart>, Failure> {
    // Those of other machines are looked for only where something hints at them: that takes requests, and a permission.
    let is_tagged = |machine: &Machine| machine.tags.get(ENGINE_TAG).is_some();
    if !evidence.made_parts && !machines.iter().any(is_tagged) {
        return Ok(Vec::new());
    }
    let client = &client.at(None);
    let pools = match pool::with_owners(client, &scope.compartment).await {
        Err(failure) if failure.class == FailureClass::NotFound && !evidence.made_parts => {
            return Ok(Vec::new());
        }
        pools => pools?,
    };
    let mut left = Vec::new();
    let mut used = BTreeSet::new();
    for (pool, (kind, owner)) in &pools {
        let members = pool::members(client, &scope.compartment, &pool.row.ocid).await?;
        let stays = |state: &State| !matches!(state, State::Terminating | State::Terminated);
        let staying = members
            .iter()
            .filter(|member| stays(&member.state) && !going.contains(member.ocid.as_str()))
            .count();
        let left_over = match meant(&pool.row, evidence, scope) {
            Some(run) if staying == 0 => {
                left.push(part(*kind, owner, run, "nothing that stays is in it"));
                true
            }
            Some(_) => false,
            None => {
                let ours = pool.row.run.is_some_and(|run| scope.run.is_none_or(|only| only == run));
                if ours && staying == 0 {
                    notes
                        .say(format!("instance pool {} left alone: its run may still use it", pool.row.ocid));
                }
                false
            }
        };
        if !left_over {
            used.insert(pool.configuration.as_str());
        }
    }
    for row in pool::configurations(client, &scope.compartment).await? {
        if used.contains(row.ocid.as_str()) {
            continue;
        }
        if let Some(run) = meant(&row, evidence, scope) {
            left.push(part(EnginePart::InstanceConfiguration, &row, run, "no pool that stays uses it"));
        }
    }
    Ok(left)
}

/// The run of a part, if the records say that it is over.
fn meant(row: &EngineRow, evidence: &Evidence, scope: &Scope) -> Option<RunId> {
    row.run.filter(|run| evidence.is_meant(*run, scope) && !evidence.holds(*run, &row.ocid))
}

fn part(part: EnginePart, row: &EngineRow, run: RunId, why: &str) -> LeftPart {
    LeftPart {
        part,
        ocid: row.ocid.clone(),
        name: row.name.clone(),
        run: run.to_string(),
        why: format!("made by run {run}; {why}"),
    }
}
