//! The network of a fleet, as documents and as lines: what a launch would make, what it made, and what became of it.

use super::published::PublishedDocument;
use super::summary::describe;
use super::text::{clean, count};
use crate::exit::Exit;
use fleet::FleetSpec;
use fleet::cleanup::Deleted;
use fleet::network::NetworkSummary;
use fleet::plan::network::{OwnCluster, OwnNetwork, PartKind};
use ledger::{Outcome, RunId};
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt::Write as _;

impl PublishedDocument for NetworkSummary {
    const NAME: &'static str = "show-network";
    const COMMANDS: &'static [&'static str] = &["show", "resume"];
}

/// The network that the config asks for.
#[derive(Debug, JsonSchema, Serialize)]
pub struct PlannedNetwork<'a> {
    /// Whether it exists already. Otherwise the launch makes it first.
    exists: bool,
    #[serde(flatten)]
    network: &'a OwnNetwork,
    /// Its parts, in the order in which they are made.
    parts: Vec<PartKind>,
    /// What it costs per hour: nothing.
    price_per_hour: f64,
}

/// The network of a fleet; `None` if its config names a subnet.
pub fn planned(fleet: &FleetSpec) -> Option<PlannedNetwork<'_>> {
    let network = fleet.network.as_ref()?;
    Some(PlannedNetwork {
        exists: fleet.needs_network().is_none(),
        network,
        parts: network.parts().to_vec(),
        price_per_hour: 0.0,
    })
}

/// The row of an outline; `None` if the config names a subnet.
pub fn row(fleet: &FleetSpec) -> Option<(&'static str, String)> {
    let network = fleet.network.as_ref()?;
    let text = match fleet.needs_network() {
        Some(_) => format!("makes a {}; costs nothing", network.describe()),
        None => "that of the fleet, made by an earlier launch".to_owned(),
    };
    Some(("network", text))
}

/// The compute cluster that the engine of a fleet needs.
#[derive(Debug, JsonSchema, Serialize)]
pub struct PlannedCluster {
    /// Whether it exists already. Otherwise the launch makes it first.
    exists: bool,
    #[serde(flatten)]
    cluster: OwnCluster,
    /// What it costs per hour: nothing.
    price_per_hour: f64,
}

/// The compute cluster of a fleet; `None` if its engine needs none.
pub fn planned_cluster(fleet: &FleetSpec) -> Option<PlannedCluster> {
    let cluster = fleet.own_cluster()?;
    Some(PlannedCluster { exists: fleet.needs_cluster().is_none(), cluster, price_per_hour: 0.0 })
}

/// The row of an outline; `None` if the engine needs no cluster.
pub fn cluster_row(fleet: &FleetSpec) -> Option<(&'static str, String)> {
    let cluster = fleet.own_cluster()?;
    let text = match fleet.needs_cluster() {
        Some(_) => format!("makes a {}; costs nothing", clean(&cluster.describe())),
        None => "compute cluster of the fleet, made by an earlier launch".to_owned(),
    };
    Some(("engine", text))
}

/// A network as lines for people.
pub fn table(summary: &NetworkSummary) -> String {
    let mut out = String::new();
    for part in &summary.parts {
        let state = match (&part.ocid, part.in_doubt) {
            (Some(ocid), _) => clean(ocid),
            (None, true) => "unknown".to_owned(),
            (None, false) => "not made".to_owned(),
        };
        // Writing to a String cannot fail, so the result is ignored.
        let _ = writeln!(out, "{:<18} {state}", part.part.what());
    }
    out
}

/// What became of it.
#[derive(Debug, Default, JsonSchema, Serialize)]
pub struct EndedNetwork {
    /// The run that deleted it.
    pub run_id: Option<RunId>,
    /// OCIDs of its deleted parts.
    pub deleted: Vec<String>,
    /// Its other parts, with reasons.
    pub failed: Vec<UndeletedPart>,
    /// OCIDs of parts that were not tried because the user interrupted.
    pub left: Vec<String>,
    #[serde(skip)]
    outcome: Option<Outcome>,
    #[serde(skip)]
    what: String,
}

/// A part of a network that could not be deleted.
#[derive(Debug, JsonSchema, Serialize)]
pub struct UndeletedPart {
    /// Its OCID.
    ocid: String,
    /// Why.
    message: String,
}

impl EndedNetwork {
    /// From the result of the deletion; `what` is a network, a compute cluster, or both.
    pub fn of(deleted: Deleted, what: String) -> Self {
        let outcome = Some(deleted.outcome());
        let failed = deleted.failed.into_iter();
        Self {
            run_id: deleted.run_id,
            deleted: deleted.deleted,
            failed: failed.map(|(ocid, error)| UndeletedPart { ocid, message: describe(&error) }).collect(),
            left: deleted.left,
            outcome,
            what,
        }
    }

    /// Whether all of it is gone.
    pub fn is_gone(&self) -> bool {
        self.outcome == Some(Outcome::Complete)
    }

    /// How a command that deletes it ends.
    pub fn exit(&self) -> Exit {
        match self.outcome {
            Some(Outcome::Complete) => Exit::Done,
            Some(Outcome::Interrupted) => Exit::Interrupted,
            Some(Outcome::NotAuthenticated) => Exit::NotAuthenticated,
            _ => Exit::SomeFailed,
        }
    }

    /// For people.
    pub fn line(&self) -> String {
        let all = self.deleted.len() + self.failed.len() + self.left.len();
        let mut out =
            format!("{}: {} of {} deleted\n", self.what, self.deleted.len(), count(all as u64, "part"));
        for part in &self.failed {
            // Writing to a String cannot fail, so the result is ignored.
            let _ = writeln!(out, "  {}: {}", clean(&part.ocid), clean(&part.message));
        }
        if !self.is_gone() {
            out.push_str("  run the same command again to delete the rest\n");
        }
        out
    }
}
