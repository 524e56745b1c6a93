//! The region's own records about a run, and the conditions that they must satisfy.

use fleet::FleetSpec;
use fleet::plan::{RUN_TAG, SLOT_TAG};
use fleet::price::Size;
use ledger::{ErrorRecord, Next, Phase, RunId, RunState};
use oci_simulator::server::Region;
use oci_simulator::world::{InstanceEntry, State};
use std::collections::{BTreeMap, BTreeSet};

/// The live instances of a run by slot: OCID and state.
pub type Live = BTreeMap<u32, Vec<(String, State)>>;

pub fn live(region: &Region, run: RunId) -> Live {
    let run = run.to_string();
    let mut live = Live::new();
    for entry in region.world().live_instances().filter(|entry| entry.tags.get(RUN_TAG) == Some(&run)) {
        let slot = entry.tags[SLOT_TAG].parse().unwrap();
        live.entry(slot).or_default().push((entry.id, entry.state));
    }
    live
}

/// Must hold at any moment, even if no process is running.
pub fn nothing_doubled(region: &Region, live: &Live) -> Result<(), String> {
    if let Some((slot, instances)) = live.iter().find(|(_, instances)| instances.len() > 1) {
        return Err(format!("slot {slot} has {} live instances: {instances:?}", instances.len()));
    }
    region.world().check_invariants().map_err(|reason| format!("the region itself: {reason}"))
}

/// Each live instance of a run has a kind that its fleet lists.
pub fn of_listed_kinds(region: &Region, run: RunId, fleet: &FleetSpec) -> Result<(), String> {
    let run = run.to_string();
    let world = region.world();
    let is_listed = |entry: &InstanceEntry| {
        let (ocpus, memory_gb) = (Some(entry.ocpus), Some(entry.memory_in_gbs));
        fleet
            .placements
            .iter()
            .any(|place| place.shape == entry.shape && fleet.size_at(place) == (Size { ocpus, memory_gb }))
    };
    let mut own = world.live_instances().filter(|entry| entry.tags.get(RUN_TAG) == Some(&run));
    match own.find(|entry| !is_listed(entry)) {
        Some(entry) => Err(format!("{} is a {} that the fleet does not list", entry.name, entry.shape)),
        None => Ok(()),
    }
}

/// Must hold when a process has ended by itself: each live instance is known, or its slot is known to be unsettled; and each
/// slot without an instance has a reason, unless the process was told to stop.
pub fn nothing_unknown(live: &Live, state: &RunState, stopped: bool) -> Result<(), String> {
    for (slot, instances) in live {
        let known = state.slot(*slot);
        let same = known.ocid.as_ref() == Some(&instances[0].0);
        if !same && known.unsettled.is_none() {
            return Err(format!(
                "slot {slot}: the ledger knows {:?}, the region has {instances:?}",
                known.ocid
            ));
        }
    }
    for slot in (1..=state.requested).filter(|_| !stopped) {
        let known = state.slot(slot);
        let told = matches!(known.phase, Phase::Running | Phase::Launched | Phase::GivenBack)
            || (known.phase == Phase::Failed && known.error.is_some());
        if !told {
            return Err(format!("slot {slot} has neither an instance nor a reason: {known:?}"));
        }
    }
    Ok(())
}

/// Must hold for how a process has ended: while the result of a launch is unknown, the run is unfinished.
pub fn nothing_forgotten(state: &RunState) -> Result<(), String> {
    let unsettled = state.counts.unsettled;
    match state.outcome {
        Some(outcome) if unsettled > 0 && !outcome.is_unfinished() => {
            Err(format!("the run has ended as {outcome:?} with {unsettled} launches in doubt"))
        }
        _ => Ok(()),
    }
}

/// The number of instances that a run obtained and has not ended: those that live, and those that the region reclaimed after they
/// ran.
pub fn obtained(region: &Region, live: &Live, state: &RunState) -> usize {
    let reclaimed = reclaimed(region);
    let lost = (1..=state.requested).filter(|slot| {
        let known = state.slot(*slot);
        let is_gone = known.ocid.as_ref().is_some_and(|ocid| reclaimed.contains(ocid));
        known.phase == Phase::Running && is_gone && !live.contains_key(slot)
    });
    live.len() + lost.count()
}

/// Must hold for a run with a minimum: it has at least that many instances, or none and nothing that costs money.
pub fn at_least_or_nothing(region: &Region, live: &Live, state: &RunState, min: u32) -> Result<(), String> {
    if obtained(region, live, state) >= min as usize {
        return Ok(());
    }
    if !live.is_empty() {
        return Err(format!("{} live instances are left, at least {min} or none were wanted", live.len()));
    }
    let boots: Vec<String> = region.world().boot_volumes().map(|volume| volume.name).collect();
    if boots.is_empty() {
        Ok(())
    } else {
        Err(format!("the run was given back; boot volumes {boots:?} are left"))
    }
}

/// No data volumes of a terminated run remain. They are listed through the API, so faults must have stopped.
pub async fn no_volume_left(region: &Region, live: &Live) -> Result<(), String> {
    let volumes = if live.is_empty() { data_volumes(region).await } else { Vec::new() };
    if volumes.is_empty() {
        Ok(())
    } else {
        Err(format!("no instance lives; data volumes {volumes:?} are left"))
    }
}

/// No reservation of the run holds more than is used.
pub fn nothing_held(region: &Region) -> Result<(), String> {
    let held =
        region.world().reservations().find(|entry| entry.state != "DELETED" && entry.reserved > entry.used);
    held.map_or(Ok(()), |entry| {
        Err(format!("{} holds {}, of which {} are used", entry.id, entry.reserved, entry.used))
    })
}

/// Must hold for a run that has ended, whatever failed: it reports every reservation that it holds.
pub fn nothing_held_untold(region: &Region, state: &RunState) -> Result<(), String> {
    // Only the service knows about a reservation whose record is lost; the loss of records is reported.
    let told = ["charged", "cost money", "at 85 %", "records of the run cannot be read"];
    let told = |warning: &String| told.iter().any(|word| warning.contains(word));
    if state.warnings.iter().any(told) { Ok(()) } else { nothing_held(region) }
}

/// The existing data volumes.
async fn data_volumes(region: &Region) -> Vec<String> {
    let compartment = region.world().defaults().compartment;
    let uri = format!("http://127.0.0.1:1/20160918/volumes?compartmentId={compartment}");
    let request = http::Request::get(uri).body(bytes::Bytes::new()).unwrap();
    let answer = region.exchange(request).await.unwrap();
    let volumes: Vec<oci_api::models::Volume> = serde_json::from_slice(answer.body()).unwrap();
    let there = volumes.into_iter().filter(|volume| volume.lifecycle_state.as_str() == "AVAILABLE");
    there.map(|volume| volume.id).collect()
}

/// Whether a slot has failed because of what the region lacks: hosts, limits, a reservation, or addresses of its subnet.
pub fn lacks_room(error: &ErrorRecord) -> bool {
    let addresses =
        error.class == "invalid" && error.message.contains("does not have enough free IP addresses");
    addresses
        || matches!(error.class.as_str(), "capacity" | "limit" | "reservation_exhausted" | "reservation_gone")
}

/// The preemptible instances that the region has told to end: a launch at the full price is enough, even one of the same run.
fn reclaimed(region: &Region) -> BTreeSet<String> {
    let world = region.world();
    let notices = world.events(0).filter(|event| event.event == "preemption_notice");
    notices.filter_map(|event| event.resource).collect()
}

/// Must hold at the end, when faults have stopped and a process has had enough time.
pub fn settled(region: &Region, live: &Live, state: &RunState, all_must_run: bool) -> Result<(), String> {
    let reclaimed = reclaimed(region);
    for slot in 1..=state.requested {
        let known = state.slot(slot);
        match (live.get(&slot).map(|instances| &instances[0]), &known.ocid) {
            (Some((ocid, _)), Some(knows)) if ocid == knows => {}
            (None, None) => {}
            // Nobody looks at an instance again that has once been seen running.
            (None, Some(ocid)) if known.phase == Phase::Running && reclaimed.contains(ocid) => continue,
            (has, knows) => {
                return Err(format!("slot {slot}: the ledger knows {knows:?}, the region has {has:?}"));
            }
        }
        if known.phase == Phase::GivenBack {
            continue;
        }
        let running = matches!(live.get(&slot), Some(instances) if instances[0].1 == State::Running);
        if running != (known.phase == Phase::Running) {
            return Err(format!(
                "slot {slot} is {:?} to the ledger; the region has {:?}",
                known.phase,
                live.get(&slot)
            ));
        }
        if running {
            continue;
        }
        if all_must_run || !known.error.as_deref().is_some_and(lacks_room) {
            return Err(format!("slot {slot} does not run in a calm region: {known:?}"));
        }
        if matches!(known.next(), Next::Settle(_)) {
            return Err(format!("slot {slot} is still unsettled in a calm region: {known:?}"));
        }
    }
    Ok(())
}
