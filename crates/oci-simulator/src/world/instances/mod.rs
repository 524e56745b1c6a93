//! Instances: their rows, and the indices from which lists are read.
//!
//! Rows are small, and fields that the instances of a fleet share are stored once (`extras`), so that a hundred thousand of
//! them fit in memory. Wire models are built on request.

mod actions;
mod body;
pub(super) mod extras;
mod launch;
mod lifecycle;
mod list;
mod preempt;
pub(super) mod preemptible;
mod resize;
mod shown;
mod ssh_key;
mod state;
mod tags;
mod update;
pub(super) mod validate;
mod wire;

pub use state::State;
pub(in crate::world) use wire::default_launch_options;

use super::automatic_tags::Creator;
use super::capacity::{Held, Need};
use super::shapes::ShapeId;
use extras::Extras;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tags::Tags;

/// The guaranteed share of a full core of a burstable instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Baseline {
    Full,
    Eighth,
    Half,
}

/// An instance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct InstanceRow {
    pub compartment: u32,
    pub ad: u8,
    /// The fault domain that the launch requested or the region chose: 0 to 2.
    pub fd: u8,
    pub shape: ShapeId,
    pub need: Need,
    pub baseline: Baseline,
    pub state: State,
    /// The previous state and the time when it ended, for lists that lag.
    pub before: State,
    pub changed: Timestamp,
    pub created: Timestamp,
    /// Incremented by every change; the etag depends on it.
    pub version: u32,
    /// Incremented by every operation; steps of an earlier epoch are void.
    pub epoch: u32,
    /// Shared with the index.
    #[serde(serialize_with = "as_text", deserialize_with = "from_text")]
    pub name: Arc<str>,
    pub tags: Tags,
    /// Who created it, if the tenancy tagged it, and whether an update has replaced its defined tags since.
    #[serde(default, skip_serializing_if = "Creator::is_none")]
    pub creator: Creator,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retagged: bool,
    pub hostname: Option<Box<str>>,
    /// Number of the extras.
    pub extras: u32,
    pub image: Option<u32>,
    pub boot_volume: Option<u32>,
    pub held: Option<Held>,
    /// The capacity reservation in which it was launched, and the number of its config.
    pub reservation: Option<u32>,
    pub config: Option<u32>,
    pub subnet: u32,
    pub address: u32,
    pub public: bool,
    pub pool: Option<u32>,
    /// The compute cluster in which it was launched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<u32>,
    /// The work request of the current or last operation.
    pub work: u32,
    pub launch_work: u32,
    /// Whether it has been placed: its volumes and VNIC are attached.
    pub placed: bool,
    /// Whether its launch failed after it was accepted.
    pub failed: bool,
    /// Whether termination keeps the boot volume and the data volumes created at launch.
    pub keep_boot: bool,
    pub keep_data: bool,
    /// Whether it still holds resources: false once TERMINATED.
    pub live: bool,
}

impl InstanceRow {
    /// The creator that its own tags name.
    pub fn tagged_creator(&self) -> Creator {
        if self.retagged { Creator::NONE } else { self.creator }
    }
}

// The derived code of serde handles shared texts only with a feature that every crate would pay for.
fn as_text<S: Serializer>(text: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

fn from_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<str>, D::Error> {
    Ok(String::deserialize(deserializer)?.into())
}

/// The instances of one compartment in one availability domain, sorted.
#[derive(Clone, Debug, Default)]
pub(super) struct Place {
    pub all: BTreeSet<u32>,
    pub names: BTreeSet<(Arc<str>, u32)>,
    pub states: BTreeMap<State, BTreeSet<u32>>,
}

/// All instances.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Instances {
    rows: Vec<Option<Box<InstanceRow>>>,
    pub extras: Extras,
    /// By compartment and availability domain. Derived from the rows, and therefore not saved.
    #[serde(skip)]
    places: BTreeMap<(u32, u8), Place>,
    #[serde(skip)]
    shown: shown::Shown,
}

impl Instances {
    /// The row of an instance that exists or is still listed.
    pub fn get(&self, number: u32) -> Option<&InstanceRow> {
        self.rows.get(number as usize)?.as_deref()
    }

    /// Like [`Self::get`], for changes. Never change the name, state, compartment or availability domain this way, because the
    /// indices would not be updated.
    pub fn get_mut(&mut self, number: u32) -> Option<&mut InstanceRow> {
        self.shown.forget(number);
        self.rows.get_mut(number as usize)?.as_deref_mut()
    }

    /// The number that the next instance will get.
    pub fn next_number(&self) -> u32 {
        self.rows.len() as u32
    }

    /// The instance that was launched last, if it is still listed.
    pub fn newest(&self) -> Option<&InstanceRow> {
        self.rows.last()?.as_deref()
    }

    pub fn iter(&self) -> impl Iterator<Item = (u32, &InstanceRow)> {
        self.rows.iter().zip(0..).filter_map(|(row, number)| Some((number, row.as_deref()?)))
    }

    pub fn push(&mut self, row: InstanceRow) -> u32 {
        let number = self.next_number();
        self.index(number, &row);
        self.rows.push(Some(Box::new(row)));
        number
    }

    fn index(&mut self, number: u32, row: &InstanceRow) {
        let place = self.places.entry((row.compartment, row.ad)).or_default();
        place.all.insert(number);
        place.names.insert((row.name.clone(), number));
        place.states.entry(row.state).or_default().insert(number);
    }

    /// Rebuilds the indices, and what rows share, after they were read from a file.
    pub fn reindex(&mut self) {
        self.places.clear();
        let mut rows = std::mem::take(&mut self.rows);
        let mut before: Option<Tags> = None;
        for (row, number) in rows.iter_mut().zip(0..) {
            if let Some(row) = row {
                self.index(number, row);
                row.tags = Tags::of(row.tags.iter(), before.as_ref());
                before = Some(row.tags.clone());
            }
        }
        self.rows = rows;
    }

    /// Drops all cached JSON.
    pub fn forget_shown(&mut self) {
        self.shown.forget_all();
    }

    /// Changes the state and returns the previous one.
    pub fn set_state(&mut self, number: u32, state: State, now: Timestamp) -> Option<State> {
        let row = self.rows.get_mut(number as usize)?.as_deref_mut()?;
        let before = row.state;
        row.before = before;
        row.state = state;
        row.changed = now;
        row.version += 1;
        let place = self.places.entry((row.compartment, row.ad)).or_default();
        place.states.entry(before).or_default().remove(&number);
        place.states.entry(state).or_default().insert(number);
        Some(before)
    }

    pub fn rename(&mut self, number: u32, name: &str) {
        self.shown.forget(number);
        let Some(row) = self.rows.get_mut(number as usize).and_then(Option::as_deref_mut) else { return };
        let place = self.places.entry((row.compartment, row.ad)).or_default();
        let old = std::mem::replace(&mut row.name, name.into());
        place.names.remove(&(old, number));
        place.names.insert((row.name.clone(), number));
    }

    /// Removes an instance.
    pub fn remove(&mut self, number: u32) {
        self.shown.forget(number);
        let Some(row) = self.rows.get_mut(number as usize).and_then(Option::take) else { return };
        if let Some(place) = self.places.get_mut(&(row.compartment, row.ad)) {
            place.all.remove(&number);
            place.names.remove(&(row.name.clone(), number));
            place.states.entry(row.state).or_default().remove(&number);
        }
    }

    /// The sorted instances of one compartment in one availability domain.
    pub fn place(&self, compartment: u32, ad: u8) -> Option<&Place> {
        self.places.get(&(compartment, ad))
    }

    /// How many instances are in each state.
    pub fn counts(&self) -> BTreeMap<State, usize> {
        let mut counts = BTreeMap::new();
        for (state, numbers) in self.places.values().flat_map(|place| &place.states) {
            *counts.entry(*state).or_default() += numbers.len();
        }
        counts.retain(|_, count| *count > 0);
        counts
    }
}
