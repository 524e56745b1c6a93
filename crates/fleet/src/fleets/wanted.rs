//! The wanted size of a fleet, which is the user's latest statement.
//!
//! `scale N` is stored in the ledger with the config's `count` at that time. N applies until somebody changes `count`, which is
//! then the newer statement. Without a record the config's `count` applies.

use super::identity::FleetKey;
use jiff::Timestamp;
use ledger::{Event, LedgerError, RunId, RunKind, Store};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The plan of a `scale`, stored in its first record before anything is changed.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct ScalePlan {
    /// The fleet.
    pub fleet: FleetKey,
    /// The number of instances it should have.
    pub wanted: u32,
    /// The config's `count` at that time.
    pub configured: u32,
    /// The number of instances before.
    pub before: u32,
    /// The label of the simulated region of the fleet; `null` for a real one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub simulated: Option<String>,
}

/// The wanted size of a fleet, and what set it.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Wanted {
    /// The number of instances.
    pub count: u32,
    /// The `scale` that set it; `null` if the config's `count` did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scaled_by: Option<RunId>,
    /// The time of that `scale`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scaled_at: Option<Timestamp>,
    /// The size of an earlier `scale` after which `count` was changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub superseded: Option<u32>,
}

/// The wanted size of a fleet. `configured` is the config's present `count`.
///
/// # Errors
/// When the ledger cannot be read.
pub async fn wanted(store: &dyn Store, fleet: &FleetKey, configured: u32) -> Result<Wanted, LedgerError> {
    let by_config = Wanted { count: configured, scaled_by: None, scaled_at: None, superseded: None };
    for head in store.runs().await? {
        if head.kind != Some(RunKind::Scale) {
            continue;
        }
        let plan = plan_of(store, head.run).await?;
        let Some(plan) = plan.filter(|plan| plan.fleet.is_same(fleet)) else { continue };
        return Ok(if plan.configured == configured {
            let (scaled_by, scaled_at) = (Some(head.run), Some(head.created_at));
            Wanted { count: plan.wanted, scaled_by, scaled_at, superseded: None }
        } else {
            Wanted { superseded: Some(plan.wanted), ..by_config }
        });
    }
    Ok(by_config)
}

/// Whether a run has set the size of a fleet.
///
/// # Errors
/// When the ledger cannot be read.
pub(super) async fn is_scale_of(
    store: &dyn Store,
    run: RunId,
    fleet: &FleetKey,
) -> Result<bool, LedgerError> {
    Ok(plan_of(store, run).await?.is_some_and(|plan| plan.fleet.is_same(fleet)))
}

async fn plan_of(store: &dyn Store, run: RunId) -> Result<Option<ScalePlan>, LedgerError> {
    let records = store.records(run).await?.records;
    Ok(records.iter().find_map(|record| match &record.event {
        Event::RunStarted { plan, .. } => serde_json::from_value(plan.clone()).ok(),
        _ => None,
    }))
}
