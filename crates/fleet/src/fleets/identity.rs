//! The identity of a fleet.

use crate::plan::{FleetSpec, Origin, Plan};
use ledger::{LedgerError, RunId, RunState, Store};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The identity of a fleet. Two configs with the same key describe the same fleet.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema, Serialize, Deserialize)]
pub struct FleetKey {
    /// The target of requests: a base URL, or the name of the region. Unknown for plans of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// The region.
    pub region: String,
    /// The compartment.
    pub compartment: String,
    /// The name of the fleet.
    pub name: String,
}

impl FleetKey {
    /// The key of the fleet that a config describes.
    pub fn new(fleet: &FleetSpec, origin: Option<&Origin>) -> Self {
        let reached = origin.and_then(|origin| origin.reached.as_ref().or(origin.endpoint.as_ref()));
        Self {
            endpoint: reached.map(|reached| reached.trim_end_matches('/').to_ascii_lowercase()),
            region: fleet.region.clone(),
            compartment: fleet.compartment.clone(),
            name: fleet.name.clone(),
        }
    }

    /// The key of a run's fleet; `None` for runs from before fleets had names.
    pub fn of_plan(plan: &Plan) -> Option<Self> {
        (!plan.fleet.name.is_empty()).then(|| Self::new(&plan.fleet, plan.origin.as_ref()))
    }

    /// Whether both keys identify the same fleet. If one lacks the endpoint, the other fields decide.
    pub fn is_same(&self, other: &Self) -> bool {
        let at_same_place = match (&self.endpoint, &other.endpoint) {
            (Some(one), Some(other)) => one == other,
            _ => true,
        };
        let rest = |key: &Self| (key.region.clone(), key.compartment.clone(), key.name.clone());
        at_same_place && rest(self) == rest(other)
    }
}

/// The state and plan of a run, if it belongs to the fleet.
pub(super) async fn of_fleet(
    store: &dyn Store,
    run: RunId,
    key: &FleetKey,
) -> Result<Option<(RunState, Plan)>, LedgerError> {
    let state = RunState::fold(run, &store.records(run).await?.records);
    let Ok(plan) = serde_json::from_value::<Plan>(state.plan.clone()) else { return Ok(None) };
    let of = FleetKey::of_plan(&plan);
    Ok(of.is_some_and(|of| of.is_same(key)).then_some((state, plan)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoint_region_compartment_and_name_make_a_fleet() {
        let key = |endpoint: Option<&str>, name: &str| FleetKey {
            endpoint: endpoint.map(str::to_owned),
            region: "us-phoenix-1".to_owned(),
            compartment: "c".to_owned(),
            name: name.to_owned(),
        };
        let own = key(Some("http://127.0.0.1:1"), "web");
        assert!(own.is_same(&own));
        assert!(own.is_same(&key(None, "web")), "a plan that does not tell its endpoint is not passed over");
        assert!(!own.is_same(&key(Some("http://127.0.0.1:2"), "web")));
        assert!(!own.is_same(&key(Some("http://127.0.0.1:1"), "db")));
        assert!(!own.is_same(&FleetKey { compartment: "d".to_owned(), ..own.clone() }));
    }
}
