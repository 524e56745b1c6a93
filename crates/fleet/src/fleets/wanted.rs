//! How many instances a fleet is to have: the last word of the person.
//!
//! `scale N` is kept in the ledger, with the `count` that the config had at that moment. N holds until somebody changes
//! `count`: then the config is the newer word. Without any record the config's `count` holds.

use super::identity::FleetKey;
use jiff::Timestamp;
use ledger::{Event, LedgerError, RunId, RunKind, Store};
use serde::{Deserialize, Serialize};

/// The plan of a `scale`, kept in its first record before anything is changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScalePlan {
    /// The fleet.
    pub fleet: FleetKey,
    /// The number of instances it should have.
    pub wanted: u32,
    /// The `count` of the config at that moment.
    pub configured: u32,
    /// How many it had.
    pub before: u32,
    /// What the simulated region says of itself that the fleet is in; `None` for a real one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub simulated: Option<String>,
}

/// How many instances a fleet is to have, and who says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Wanted {
    /// How many.
    pub count: u32,
    /// The `scale` that says so; `None` when the config's `count` does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scaled_by: Option<RunId>,
    /// When that was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scaled_at: Option<Timestamp>,
    /// The size of an earlier `scale`, when `count` was changed after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub superseded: Option<u32>,
}

/// How many instances a fleet is to have. `configured` is the config's `count` now.
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
