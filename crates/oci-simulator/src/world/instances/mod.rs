//! Instances: the rows that are kept of them, and the indices that lists are read from.
//!
//! Rows are small, and what the instances of a fleet have in common is kept once (`extras`), so that a hundred thousand
//! of them fit in memory. Wire models are built when they are asked for.

pub(super) mod actions;
mod body;
pub(super) mod extras;
pub(super) mod launch;
pub(super) mod lifecycle;
pub(super) mod list;
pub(super) mod resize;
mod shown;
pub(super) mod update;
pub(super) mod validate;
pub(super) mod wire;

use super::capacity::{Held, Need};
use super::shapes::ShapeId;
use extras::Extras;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The states of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are the API's")]
pub enum State {
    Moving,
    Provisioning,
    Running,
    Starting,
    Stopping,
    Stopped,
    CreatingImage,
    Terminating,
    Terminated,
}

impl State {
    /// All states.
    pub const ALL: [Self; 9] = [
        Self::Moving,
        Self::Provisioning,
        Self::Running,
        Self::Starting,
        Self::Stopping,
        Self::Stopped,
        Self::CreatingImage,
        Self::Terminating,
        Self::Terminated,
    ];

    /// As on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Moving => "MOVING",
            Self::Provisioning => "PROVISIONING",
            Self::Running => "RUNNING",
            Self::Starting => "STARTING",
            Self::Stopping => "STOPPING",
            Self::Stopped => "STOPPED",
            Self::CreatingImage => "CREATING_IMAGE",
            Self::Terminating => "TERMINATING",
            Self::Terminated => "TERMINATED",
        }
    }

    /// The state with this name, in any case.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str().eq_ignore_ascii_case(name))
    }

    /// Whether the instance is on its way from one state to another.
    pub fn is_passing(self) -> bool {
        !matches!(self, Self::Running | Self::Stopped | Self::Terminated)
    }

    /// Whether an instance in this state can go to that one by itself or by any operation (Oracle: "Instance lifecycle
    /// states"; PROVISIONING to TERMINATED is a launch that fails late).
    pub fn leads_to(self, next: Self) -> bool {
        match self {
            Self::Provisioning => matches!(next, Self::Starting | Self::Terminating | Self::Terminated),
            Self::Starting => matches!(next, Self::Running | Self::Terminating),
            Self::Running => matches!(next, Self::Stopping | Self::Moving | Self::Terminating),
            Self::Stopping => matches!(next, Self::Stopped | Self::Starting | Self::Terminating),
            Self::Stopped => matches!(next, Self::Starting | Self::Terminating),
            Self::Moving | Self::CreatingImage => matches!(next, Self::Running | Self::Terminating),
            Self::Terminating => next == Self::Terminated,
            Self::Terminated => false,
        }
    }
}

/// The part of a full core that a burstable instance is sure of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Baseline {
    Full,
    Eighth,
    Half,
}

/// An instance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Row {
    pub compartment: u32,
    pub ad: u8,
    /// The fault domain that was asked for or chosen.
    pub fd: u8,
    pub shape: ShapeId,
    pub need: Need,
    pub baseline: Baseline,
    pub state: State,
    /// The state before this one, and when it ended: for lists that lag.
    pub before: State,
    pub changed: Timestamp,
    pub created: Timestamp,
    /// Rises with every change; the etag is made from it.
    pub version: u32,
    /// Rises with every operation; steps of an earlier one are void.
    pub epoch: u32,
    pub name: Box<str>,
    pub tags: BTreeMap<Box<str>, Box<str>>,
    pub hostname: Option<Box<str>>,
    /// Number of the extras.
    pub extras: u32,
    pub image: Option<u32>,
    pub boot_volume: Option<u32>,
    pub held: Option<Held>,
    /// The capacity reservation it was launched in, and the number of its config.
    pub reservation: Option<u32>,
    pub config: Option<u32>,
    pub subnet: u32,
    pub address: u32,
    pub public: bool,
    pub pool: Option<u32>,
    /// The work request of the operation under way, or of the last one.
    pub work: u32,
    pub launch_work: u32,
    /// Whether it has been placed: its volumes and VNIC are attached.
    pub placed: bool,
    /// Whether its launch failed after it had been accepted.
    pub failed: bool,
    /// What TERMINATED will do: keep the boot volume, keep data volumes made at launch.
    pub keep_boot: bool,
    pub keep_data: bool,
    /// Resources still held: false once TERMINATED.
    pub live: bool,
}

/// The instances of one compartment in one availability domain, sorted.
#[derive(Clone, Debug, Default)]
pub(super) struct Place {
    pub all: BTreeSet<u32>,
    pub names: BTreeSet<(Box<str>, u32)>,
    pub states: BTreeMap<State, BTreeSet<u32>>,
}

/// All instances.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Instances {
    rows: Vec<Option<Box<Row>>>,
    pub extras: Extras,
    /// By compartment and availability domain. Made from the rows, thus not saved.
    #[serde(skip)]
    places: BTreeMap<(u32, u8), Place>,
    #[serde(skip)]
    shown: shown::Shown,
}

impl Instances {
    /// The row of an instance that still exists or is still listed.
    pub fn get(&self, number: u32) -> Option<&Row> {
        self.rows.get(number as usize)?.as_deref()
    }

    /// The same, to change. Never change its name, state, compartment or place this way.
    pub fn get_mut(&mut self, number: u32) -> Option<&mut Row> {
        self.shown.forget(number);
        self.rows.get_mut(number as usize)?.as_deref_mut()
    }

    /// The number that the next instance will get.
    pub fn next_number(&self) -> u32 {
        self.rows.len() as u32
    }

    pub fn iter(&self) -> impl Iterator<Item = (u32, &Row)> {
        self.rows.iter().zip(0..).filter_map(|(row, number)| Some((number, row.as_deref()?)))
    }

    pub fn push(&mut self, row: Row) -> u32 {
        let number = self.next_number();
        self.index(number, &row);
        self.rows.push(Some(Box::new(row)));
        number
    }

    fn index(&mut self, number: u32, row: &Row) {
        let place = self.places.entry((row.compartment, row.ad)).or_default();
        place.all.insert(number);
        place.names.insert((row.name.clone(), number));
        place.states.entry(row.state).or_default().insert(number);
    }

    /// Makes the indices anew, after the rows were read from a save.
    pub fn reindex(&mut self) {
        self.places.clear();
        let rows = std::mem::take(&mut self.rows);
        for (row, number) in rows.iter().zip(0..) {
            if let Some(row) = row {
                self.index(number, row);
            }
        }
        self.rows = rows;
    }

    /// Makes every instance be shown anew.
    pub fn forget_shown(&mut self) {
        self.shown.forget_all();
    }

    /// Changes the state; returns the one before.
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

    /// Forgets an instance.
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
