//! Members in regions that the config no longer lists. No list shows them, so only the ledger knows about them: they are told, and
//! neither counted nor changed.

use super::identity::{FleetKey, of_fleet};
use crate::plan::{FleetSpec, RegionSpec};
use ledger::{Event, LedgerError, RunKind, RunState, Store};
use oci_api::models::InstanceLifecycleState as State;
use oci_client::{Client, FailureClass};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeSet;
use std::time::Duration;

/// An instance is gone after so many responses of "not found" …
const LOOKS: u32 = 2;
/// … that are this far apart.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);

/// A member in a region that the config does not list.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct UnlistedMember {
    /// Its name.
    pub name: String,
    /// Its OCID.
    pub ocid: String,
    /// Its region.
    pub region: String,
    /// Its state; `null` if its region did not tell.
    pub state: Option<String>,
}

/// The instances that runs of the fleet launched in regions which the fleet does not list, and that no run is known to have
/// ended, with the way to their regions.
///
/// # Errors
/// When the ledger cannot be read.
pub async fn unlisted_members(
    store: &dyn Store,
    fleet: &FleetSpec,
    key: &FleetKey,
) -> Result<Vec<(UnlistedMember, RegionSpec)>, LedgerError> {
    let mut found = Vec::new();
    let heads = store.runs().await?;
    let elsewhere = heads.iter().filter(|head| {
        head.kind == Some(RunKind::Launch) && head.further_regions.iter().any(|name| !fleet.lists(Some(name)))
    });
    for head in elsewhere {
        let Some((state, plan)) = of_fleet(store, head.run, key).await? else { continue };
        found.extend(in_unlisted_regions(&state, fleet).filter_map(|member| {
            let way = plan.fleet.regions.iter().find(|region| region.region == member.region)?;
            Some((member, way.clone()))
        }));
    }
    if found.is_empty() {
        return Ok(found);
    }
    let mut ended = BTreeSet::new();
    let ends = |kind| matches!(kind, Some(RunKind::Terminate | RunKind::Cleanup));
    for head in heads.iter().filter(|head| ends(head.kind)) {
        let records = store.records(head.run).await?.records;
        ended.extend(records.into_iter().filter_map(|record| match record.event {
            Event::ActionAccepted { ocid, .. } | Event::ActionDone { ocid, .. } => Some(ocid),
            _ => None,
        }));
    }
    found.retain(|(member, _)| !ended.contains(&member.ocid));
    Ok(found)
}

/// The instances of a run in regions that the fleet does not list.
pub(super) fn in_unlisted_regions<'a>(
    state: &'a RunState,
    fleet: &'a FleetSpec,
) -> impl Iterator<Item = UnlistedMember> + use<'a> {
    state.slots.values().filter_map(|slot| {
        let region = slot.placement.as_ref()?.region.clone().filter(|name| !fleet.lists(Some(name)))?;
        let name = slot.name.clone().unwrap_or_default();
        Some(UnlistedMember { name, ocid: slot.ocid.clone()?, region, state: None })
    })
}

impl UnlistedMember {
    /// The member with its present state, asked in its region; `None` if it is gone. A region that does not answer leaves the
    /// state open.
    pub async fn now(self, client: &Client) -> Option<Self> {
        for _ in 0..LOOKS {
            match client.get_instance(&self.ocid).await {
                Ok(answered) => {
                    return match answered.value.lifecycle_state {
                        State::Terminated | State::Terminating => None,
                        state => Some(Self { state: Some(state.as_str().to_owned()), ..self }),
                    };
                }
                // It may be temporary.
                Err(failure) if failure.class == FailureClass::NotFound => {
                    tokio::time::sleep(BETWEEN_LOOKS).await;
                }
                Err(_) => return Some(self),
            }
        }
        None
    }
}
