//! The result of making a network, from only its records.

use crate::plan::network::{NetworkPlan, OwnCluster, OwnNetwork, PartKind};
use ledger::{ErrorRecord, Outcome, Phase, RunId, RunState, SlotNumber};
use schemars::JsonSchema;
use serde::Serialize;

/// A network and its parts.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize)]
pub struct NetworkSummary {
    /// The run that made it.
    pub run_id: RunId,
    /// How the run ended; `null` while it has not.
    pub outcome: Option<Outcome>,
    /// The fleet that it is for.
    pub fleet: String,
    /// What was asked for; `null` if the records do not say, or if it is a compute cluster.
    pub network: Option<OwnNetwork>,
    /// The compute cluster that was asked for; absent if it is a network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<OwnCluster>,
    /// Its parts, in the order in which they are made.
    pub parts: Vec<MadePart>,
}

/// A part of a network.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize)]
pub struct MadePart {
    /// Its number in the run, from 1.
    pub slot: SlotNumber,
    /// What it is.
    pub part: PartKind,
    /// Its display name.
    pub name: String,
    /// Its OCID; `null` if it was not made.
    pub ocid: Option<String>,
    /// Whether it may exist although no response said so.
    pub in_doubt: bool,
    /// Why it was not made.
    pub error: Option<ErrorRecord>,
}

impl NetworkSummary {
    /// The summary, from only the state of the run. An unreadable plan has no parts.
    pub fn of(state: &RunState) -> Self {
        let plan: Option<NetworkPlan> = serde_json::from_value(state.plan.clone()).ok();
        let parts = plan.iter().flat_map(|plan| (1..).zip(plan.parts()).map(move |part| (plan, part)));
        let parts = parts.map(|(plan, (slot, part))| {
            let known = state.slot(slot);
            MadePart {
                slot,
                part,
                name: plan.name(part),
                ocid: known.ocid.clone().filter(|_| known.phase == Phase::ActionDone),
                in_doubt: known.unsettled.is_some(),
                error: known.error.as_deref().cloned(),
            }
        });
        Self {
            run_id: state.run,
            outcome: state.outcome,
            parts: parts.collect(),
            fleet: plan.as_ref().map(|plan| plan.fleet.clone()).unwrap_or_default(),
            cluster: plan.as_ref().and_then(|plan| plan.cluster.clone()),
            network: plan.and_then(|plan| plan.network),
        }
    }

    /// The OCID of a part that exists.
    pub fn ocid(&self, kind: PartKind) -> Option<&str> {
        self.parts.iter().find(|part| part.part == kind)?.ocid.as_deref()
    }

    /// The subnet, once the whole network exists.
    pub fn subnet(&self) -> Option<&str> {
        self.ocid(PartKind::Subnet).filter(|_| self.outcome == Some(Outcome::Complete))
    }

    /// The compute cluster, once it exists.
    pub fn compute_cluster(&self) -> Option<&str> {
        self.ocid(PartKind::ComputeCluster).filter(|_| self.outcome == Some(Outcome::Complete))
    }

    /// Whether anything of it exists, or may.
    pub fn has_something(&self) -> bool {
        self.parts.iter().any(|part| part.ocid.is_some() || part.in_doubt)
    }
}
