//! Reads from the ledger what a report is about: the runs of a fleet, and what later runs did to instances.

use crate::fleets::FleetKey;
use crate::plan::Plan;
use jiff::Timestamp;
use ledger::{Event, LedgerError, Records, RunHead, RunKind, Store};
use std::collections::BTreeMap;

/// A run with its records.
#[derive(Clone, Debug)]
pub struct PastRun {
    /// Its entry in the list of runs.
    pub head: RunHead,
    /// Its records.
    pub records: Records,
}

/// The launches of a fleet.
#[derive(Clone, Debug, Default)]
pub struct FleetRuns {
    /// Those of the fleet that was launched last, oldest first.
    pub runs: Vec<PastRun>,
    /// The number of launches of other fleets of this name: another region, compartment or endpoint.
    pub elsewhere: usize,
}

/// What an action did to an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PowerChange {
    /// It was started.
    On,
    /// It was stopped.
    Off,
    /// It was terminated.
    Gone,
}

/// What actions did to instances: OCID → changes in the order of time.
pub type PowerChanges = BTreeMap<String, Vec<(Timestamp, PowerChange)>>;

/// The launches of the fleet with this name.
///
/// # Errors
/// When the ledger cannot be read.
pub async fn runs_of_fleet(
    store: &dyn Store,
    heads: &[RunHead],
    name: &str,
) -> Result<FleetRuns, LedgerError> {
    let mut found = FleetRuns::default();
    let mut newest: Option<FleetKey> = None;
    for head in heads.iter().filter(|head| head.kind == Some(RunKind::Launch)) {
        let records = store.records(head.run).await?;
        let Some(plan) = plan_of(&records) else { continue };
        let Some(key) = FleetKey::of_plan(&plan).filter(|key| key.name == name) else { continue };
        if newest.get_or_insert_with(|| key.clone()).is_same(&key) {
            found.runs.push(PastRun { head: head.clone(), records });
        } else {
            found.elsewhere += 1;
        }
    }
    found.runs.reverse();
    Ok(found)
}

fn plan_of(records: &Records) -> Option<Plan> {
    records.records.iter().find_map(|record| match &record.event {
        Event::RunStarted { plan, .. } => serde_json::from_value(plan.clone()).ok(),
        _ => None,
    })
}

/// What runs since a time did to instances.
///
/// # Errors
/// When the ledger cannot be read.
pub async fn power_changes(
    store: &dyn Store,
    heads: &[RunHead],
    since: Timestamp,
) -> Result<PowerChanges, LedgerError> {
    let mut changes = PowerChanges::new();
    for head in heads.iter().filter(|head| head.last_at >= since) {
        let (Some(kind), true) = (head.kind, head.kind.is_some_and(is_action)) else { continue };
        for record in store.records(head.run).await?.records {
            let change = match (kind, &record.event) {
                // Charging ends when the termination is accepted.
                (
                    RunKind::Terminate | RunKind::Cleanup,
                    Event::ActionAccepted { ocid, .. } | Event::ActionDone { ocid, .. },
                ) => Some((ocid, PowerChange::Gone)),
                (RunKind::Stop, Event::ActionDone { ocid, .. }) => Some((ocid, PowerChange::Off)),
                (RunKind::Start, Event::ActionAccepted { ocid, .. }) => Some((ocid, PowerChange::On)),
                _ => None,
            };
            if let Some((ocid, change)) = change {
                changes.entry(ocid.clone()).or_default().push((record.at, change));
            }
        }
    }
    for row in changes.values_mut() {
        row.sort_by_key(|(at, _)| *at);
    }
    Ok(changes)
}

fn is_action(kind: RunKind) -> bool {
    matches!(kind, RunKind::Terminate | RunKind::Cleanup | RunKind::Stop | RunKind::Start)
}
