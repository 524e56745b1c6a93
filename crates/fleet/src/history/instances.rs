//! The instances of a run, for commands with `--run`.

use crate::action::ActionPlan;
use crate::tuning::LISTS_CATCH_UP;
use jiff::Timestamp;
use ledger::{LedgerError, RunHead, RunId, RunKind, RunState, Store};
use std::collections::BTreeSet;

use super::past::PastError;

/// How the instances of a run are found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InstancesOfRun {
    /// By the tag of the run, which all instances that it launched carry.
    Tagged,
    /// By their OCIDs, because the run acted on them.
    These(BTreeSet<String>),
    /// It has none, because it deleted volumes and reservations, or set the size of a fleet.
    None,
}

/// How the instances of a run are found. A run that the ledger does not know may belong to another machine; its instances carry
/// its tag.
///
/// # Errors
/// When the ledger, or the plan in it, cannot be read.
pub async fn instances_of_run(
    store: &dyn Store,
    run: RunId,
    kind: Option<RunKind>,
) -> Result<InstancesOfRun, PastError> {
    match kind {
        Some(RunKind::Launch) | None => Ok(InstancesOfRun::Tagged),
        Some(RunKind::Cleanup | RunKind::Scale | RunKind::Network) => Ok(InstancesOfRun::None),
        Some(RunKind::Start | RunKind::Stop | RunKind::Reboot | RunKind::Terminate) => {
            let records = store.records(run).await?.records;
            let plan = RunState::fold(run, records.first()).plan;
            let plan: ActionPlan =
                serde_json::from_value(plan).map_err(|source| PastError::Plan { run, source })?;
            Ok(InstancesOfRun::These(plan.instances.into_iter().map(|instance| instance.ocid).collect()))
        }
    }
}

/// The OCIDs of instances that a run launched recently according to the ledger; lists may not show them yet.
///
/// # Errors
/// When the ledger cannot be read.
pub async fn launched_lately(
    store: &dyn Store,
    heads: &[RunHead],
    run: RunId,
    now: Timestamp,
) -> Result<Vec<String>, LedgerError> {
    let is_recent = |head: &RunHead| now.duration_since(head.last_at) < LISTS_CATCH_UP;
    if !heads.iter().any(|head| head.run == run && is_recent(head)) {
        return Ok(Vec::new());
    }
    let records = store.records(run).await?.records;
    let slots = RunState::fold(run, &records).slots;
    Ok(slots.into_values().filter_map(|slot| slot.ocid).collect())
}
