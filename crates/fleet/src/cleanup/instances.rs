//! Decides which instances are leftovers.
//!
//! An instance is a leftover only with proof: it has expired, a record says that its launch failed or was rolled back, or
//! another existing instance occupies its slot. That the ledger does not know an instance proves nothing: the ledger may be
//! older than the run, damaged, or another machine's.

use super::evidence::{Evidence, Launch, SlotEvidence};
use super::expiry::expiry;
use super::notes::Notes;
use super::tags::{is_living, run_of, slot_of};
use super::{LeftInstance, Scope};
use crate::engine::cloud;
use crate::plan::{ENGINE_TAG, is_of_pool};
use crate::query::select::Machine;
use jiff::Timestamp;
use ledger::SlotNumber;
use oci_api::models::InstanceLifecycleState as State;
use oci_client::Client;
use std::collections::BTreeMap;

/// The verdict about an instance.
#[derive(Clone, Debug, PartialEq)]
enum Judgement {
    /// It is a leftover, with the reason.
    Left(String),
    /// It is a leftover if this other instance of its slot really runs.
    Second(String),
    /// It is the instance of its slot.
    Wanted,
    /// There is no proof of either.
    Unproven,
}

/// Judges each existing instance with the tag of a run.
pub(super) async fn find(
    client: &Client,
    machines: &[Machine],
    evidence: &Evidence,
    scope: &Scope,
    notes: &mut Notes,
) -> Vec<LeftInstance> {
    let by_ocid: BTreeMap<&str, &Machine> =
        machines.iter().map(|machine| (machine.ocid.as_str(), machine)).collect();
    let mut left = Vec::new();
    for machine in machines.iter().filter(|machine| is_living(machine)) {
        let Some(run) = run_of(machine).filter(|run| scope.run.is_none_or(|only| only == *run)) else {
            continue;
        };
        let take = |why: String| LeftInstance { machine: machine.clone(), run: run.to_string(), why };
        let over = expired(machine, scope.now);
        if evidence.holds(run, &machine.ocid) {
            if over.is_some() || !scope.expired_only {
                notes.held.insert(run);
            }
            continue;
        }
        if let Some(why) = over {
            left.push(take(why));
            continue;
        }
        if scope.expired_only {
            continue;
        }
        let Some(launch) = evidence.launches.get(&run).filter(|_| evidence.is_meant(run, scope)) else {
            notes.run_of_instance(evidence, run);
            continue;
        };
        match judge(machine, launch, &by_ocid) {
            Judgement::Left(why) => left.push(take(why)),
            Judgement::Wanted => {}
            // A pool launches members on its own, such as one for a member that has ended.
            Judgement::Unproven if is_member(machine) => notes.member(run, machine),
            Judgement::Unproven => notes.unproven(run, machine),
            Judgement::Second(first) => {
                // Lists lag: the other instance may have ended a minute ago, and then this one takes its place.
                if runs(client, &first).await {
                    left.push(take(format!("another instance has its slot: {first}")));
                } else {
                    notes.unproven(run, machine);
                }
            }
        }
    }
    left
}

fn judge(machine: &Machine, launch: &Launch, by_ocid: &BTreeMap<&str, &Machine>) -> Judgement {
    let ocid = &machine.ocid;
    let is_slots = |(number, slot): (&SlotNumber, &SlotEvidence)| {
        let has = slot.has.as_ref() == Some(ocid);
        (has || slot.gone.contains(ocid)).then_some((*number, has))
    };
    let recorded = launch.slots.iter().find_map(is_slots);
    match recorded {
        Some(_) if launch.rolled_back => return Judgement::Left("its run was rolled back".to_owned()),
        Some((_, false)) => return Judgement::Left("its launch failed according to the ledger".to_owned()),
        Some((_, true)) => return Judgement::Wanted,
        // A run that was rebuilt on another machine may have launched it.
        None if launch.rolled_back => return Judgement::Unproven,
        None => {}
    }
    let Some(number) = slot_of(machine) else { return Judgement::Unproven };
    let Some(slot) = launch.slots.get(&number).filter(|slot| slot.running && !slot.in_doubt) else {
        return Judgement::Unproven;
    };
    let first = slot.has.as_deref().and_then(|first| by_ocid.get(first)).filter(|first| {
        first.state == State::Running && run_of(first) == run_of(machine) && slot_of(first) == Some(number)
    });
    first.map_or(Judgement::Unproven, |first| Judgement::Second(first.ocid.clone()))
}

/// Whether an instance pool has launched it.
fn is_member(machine: &Machine) -> bool {
    machine.tags.get(ENGINE_TAG).is_some_and(is_of_pool)
}

async fn runs(client: &Client, ocid: &str) -> bool {
    cloud::get(client, ocid).await.is_ok_and(|instance| instance.lifecycle_state == State::Running)
}

/// Why an instance has expired, if it has. A tag that is not a time is ignored.
fn expired(machine: &Machine, now: Timestamp) -> Option<String> {
    let until = expiry(machine)?;
    (until <= now).then(|| format!("it expired at {until:.0}"))
}
