//! What the engine of a run has made, for its summary: a fold over the records.

use crate::plan::{Engine, Plan};
use ledger::{EnginePart, EnginePartState, RunState};
use schemars::JsonSchema;
use serde::Serialize;

/// The engine of a run and its parts.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct EngineSummary {
    /// The value of `engine` in the config.
    pub engine: &'static str,
    /// What it launches with, in the order in which it is made.
    pub parts: Vec<PartSummary>,
}

/// A part of an engine.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct PartSummary {
    /// What it is.
    pub part: EnginePart,
    /// Its OCID, once known.
    pub ocid: Option<String>,
    /// Its display name; absent for a compute cluster, which has a run of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its state according to the records of the run.
    pub state: PartStanding,
    /// How many members a pool was last asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u32>,
}

/// The state of a part according to the records of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PartStanding {
    /// The run made it.
    Made,
    /// The fleet had it before.
    Found,
    /// Its creation received no clear response, so it may exist.
    InDoubt,
    /// OCI refused to make it.
    Refused,
    /// It was deleted.
    Deleted,
}

impl EngineSummary {
    /// The engine of a run; `None` if it launches single instances and nothing else.
    pub(super) fn of(state: &RunState, plan: &Plan) -> Option<Self> {
        let engine = plan.fleet.engine;
        let cluster = plan.fleet.template.compute_cluster_id.as_ref();
        let cluster = cluster.filter(|_| engine == Engine::ComputeCluster).map(|ocid| PartSummary {
            part: EnginePart::ComputeCluster,
            ocid: Some(ocid.clone()),
            name: None,
            state: PartStanding::Found,
            size: None,
        });
        let parts = state.engine.parts.iter().map(|((part, _), known)| part_of(*part, known));
        (engine != Engine::Instances)
            .then(|| Self { engine: engine.key(), parts: cluster.into_iter().chain(parts).collect() })
    }
}

fn part_of(part: EnginePart, known: &EnginePartState) -> PartSummary {
    let state = match known {
        EnginePartState { gone: true, .. } => PartStanding::Deleted,
        EnginePartState { unsettled: Some(_), .. } => PartStanding::InDoubt,
        EnginePartState { ocid: None, .. } => PartStanding::Refused,
        EnginePartState { adopted: true, .. } => PartStanding::Found,
        _ => PartStanding::Made,
    };
    PartSummary {
        part,
        ocid: known.ocid.clone(),
        name: Some(known.name.clone()).filter(|name| !name.is_empty()),
        state,
        size: Some(known.size).filter(|_| part == EnginePart::InstancePool && state != PartStanding::Deleted),
    }
}
