//! Finds and deletes what runs of this tool left behind, and nothing else.
//!
//! Evidence is a record in the ledger or one of the tool's tags. A name, "is unattached", or absence from the ledger is never
//! evidence. Everything is shown before it is deleted, and only what was shown is deleted. This module must not know about
//! terminals or confirmations.

mod clusters;
mod delete;
mod evidence;
mod expiry;
mod find;
mod hold;
mod instances;
mod networks;
mod notes;
mod parts;
mod summary;
mod tags;
mod volumes;

pub use crate::plan::{EXPIRY_TAG, fleet_expiry};
pub use delete::{Deleted, delete};
pub use evidence::{Evidence, gather};
pub use expiry::{expiry, expiry_value, extend, tag};
pub use find::find;
pub use summary::{CleanupRow, CleanupSummary};
pub(crate) use volumes::gigabytes;

use crate::network::NetworkPart;
use crate::plan::network::PartKind;
use crate::price::Prices;
use crate::query::select::{self, Machine};
use jiff::Timestamp;
use ledger::{EnginePart, RunId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What to look for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The compartment.
    pub compartment: String,
    /// Only leftovers of this run.
    pub run: Option<RunId>,
    /// Only expired fleets.
    pub expired_only: bool,
    /// Whether volumes that a termination kept on purpose are included.
    pub kept_volumes: bool,
    /// Whether unused reservations of `reservation create` are included.
    pub made_reservations: bool,
    /// Whether networks that launches made are included, if nothing uses them.
    pub networks: bool,
    /// The time now.
    pub now: Timestamp,
}

/// The leftovers.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Leftovers {
    /// Instances.
    pub instances: Vec<LeftInstance>,
    /// Boot and data volumes.
    pub volumes: Vec<LeftVolume>,
    /// Unused capacity reservations.
    pub reservations: Vec<LeftReservation>,
    /// Networks and compute clusters that launches made.
    pub networks: Vec<LeftNetwork>,
    /// Instance pools and configurations that launches made, pools first.
    pub parts: Vec<LeftPart>,
    /// Notes for the user about resources that are not in the lists.
    pub notes: Vec<String>,
    /// The number of each run's last record when it was judged. A run that has continued since is not touched.
    #[serde(skip)]
    pub read_to: BTreeMap<RunId, u64>,
}

/// A leftover instance.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LeftInstance {
    /// The instance.
    pub machine: Machine,
    /// The run that launched it, according to its tag.
    pub run: String,
    /// Why it is a leftover.
    pub why: String,
}

/// A leftover volume.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LeftVolume {
    /// Its OCID.
    pub ocid: String,
    /// Its display name.
    pub name: String,
    /// Whether it is a boot volume.
    pub boot: bool,
    /// Its size in GB.
    pub gb: f64,
    /// Its performance, in units per GB.
    pub vpus: f64,
    /// The instance to which it belonged.
    pub instance: String,
    /// The run that created both.
    #[serde(default)]
    pub run: String,
    /// Why it is a leftover.
    pub why: String,
}

/// A leftover reservation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LeftReservation {
    /// Its OCID.
    pub ocid: String,
    /// Its display name.
    pub name: String,
    /// The number of instances that it reserves.
    pub reserved: u32,
    /// The run that created it; empty if it was created on its own.
    pub run: String,
    /// Its price per hour; absent if unknown.
    pub hour: Option<f64>,
}

/// A network or a compute cluster that a launch made and nothing uses. It costs nothing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LeftNetwork {
    /// The fleet for which it was made.
    pub fleet: String,
    /// The run that made it.
    pub run: String,
    /// Its parts, in the order in which they can be deleted; the VCN is the last. A compute cluster is its own only part.
    pub parts: Vec<NetworkPart>,
    /// Why it is a leftover.
    pub why: String,
}

/// An instance pool or configuration that a launch made and that holds nothing. It costs nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LeftPart {
    /// What it is.
    pub part: EnginePart,
    /// Its OCID.
    pub ocid: String,
    /// Its display name.
    pub name: String,
    /// The run that made it, or that set its size last.
    #[serde(default)]
    pub run: String,
    /// Why it is a leftover.
    #[serde(default)]
    pub why: String,
}

impl Leftovers {
    /// The number of leftovers; a network counts once.
    pub fn len(&self) -> usize {
        let priced = self.instances.len() + self.volumes.len() + self.reservations.len();
        priced + self.networks.len() + self.parts.len()
    }

    /// Whether there are no leftovers.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The price of all leftovers per hour: the known part, and the number of leftovers without a known price.
    pub fn hour(&self, prices: &Prices) -> (f64, usize) {
        let (mut sum, mut unknown) =
            select::total_now(self.instances.iter().map(|left| &left.machine), prices);
        let others = self.volumes.iter().map(|volume| volume.hour(prices));
        for hour in others.chain(self.reservations.iter().map(|reservation| reservation.hour)) {
            match hour {
                Some(hour) => sum += hour,
                None => unknown += 1,
            }
        }
        (sum, unknown)
    }
}

impl LeftNetwork {
    /// What it is, in one word or two.
    pub fn what(&self) -> &'static str {
        let is_cluster = self.parts.last().is_some_and(|part| part.kind == PartKind::ComputeCluster);
        if is_cluster { "compute cluster" } else { "network" }
    }

    /// OCID of the VCN, or of the cluster.
    pub fn ocid(&self) -> &str {
        self.parts.last().map(|part| part.ocid.as_str()).unwrap_or_default()
    }
}

impl LeftVolume {
    /// The price per hour. Data volumes and boot volumes have the same price (Oracle price list, Block Volume).
    pub fn hour(&self, prices: &Prices) -> Option<f64> {
        prices.boot_volume_gb_hour(self.vpus).map(|hour| hour * self.gb)
    }
}
