//! Finds and deletes what our own runs left behind, and nothing else.
//!
//! Evidence is a record in the ledger or a tag of ours, never a name, never "is unattached", and never that the ledger does
//! not know a thing. What is found is shown before anything is deleted; what is deleted is what was shown. It must not know of terminals or confirmations.

mod delete;
mod evidence;
mod expiry;
mod find;
mod hold;
mod instances;
mod notes;
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

use crate::price::Prices;
use crate::query::select::{self, Machine};
use jiff::Timestamp;
use ledger::RunId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What to look for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// Where.
    pub compartment: String,
    /// Only what this run left.
    pub run: Option<RunId>,
    /// Only fleets whose time is over.
    pub expired_only: bool,
    /// Volumes too that a termination kept on purpose.
    pub kept_volumes: bool,
    /// Whether unused reservations of `reservation create` are included.
    pub made_reservations: bool,
    /// The time now.
    pub now: Timestamp,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Leftovers {
    /// Instances.
    pub instances: Vec<LeftInstance>,
    /// Boot and data volumes.
    pub volumes: Vec<LeftVolume>,
    /// Unused capacity reservations.
    pub reservations: Vec<LeftReservation>,
    /// What the user should know about what is not in the lists.
    pub notes: Vec<String>,
    /// How far the records of each run went when it was judged. A run that has gone on since is not touched.
    #[serde(skip)]
    pub read_to: BTreeMap<RunId, u64>,
}

/// An instance that is left over.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LeftInstance {
    /// The instance.
    pub machine: Machine,
    /// The run that launched it, as its tag has it.
    pub run: String,
    /// Why it is taken for left over.
    pub why: String,
}

/// A volume that is left over.
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
    /// The instance that it belonged to.
    pub instance: String,
    /// The run that made them both.
    #[serde(default)]
    pub run: String,
    /// Why it is taken for left over.
    pub why: String,
}

/// A reservation that is left over.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LeftReservation {
    /// Its OCID.
    pub ocid: String,
    /// Its display name.
    pub name: String,
    /// How many instances it holds room for.
    pub reserved: u32,
    /// The run that made it; empty when it was made by itself.
    pub run: String,
    /// What it costs an hour; absent when that is not known.
    pub hour: Option<f64>,
}

impl Leftovers {
    /// How many things there are.
    pub fn len(&self) -> usize {
        self.instances.len() + self.volumes.len() + self.reservations.len()
    }

    /// Whether nothing is left over.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What all of it costs an hour: the known part, and how many things have no known price.
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

impl LeftVolume {
    /// What it costs an hour: data volumes and boot volumes have one price (Oracle price list, Block Volume).
    pub fn hour(&self, prices: &Prices) -> Option<f64> {
        prices.boot_volume_gb_hour(self.vpus).map(|hour| hour * self.gb)
    }
}
