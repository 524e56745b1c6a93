//! The way of each slot through a run, which the state of the run does not keep: when it was refused and why, and the lives of
//! its instances.

use super::{AnswerList, Refusals};
use jiff::Timestamp;
use ledger::{Event, Placement, Record, RunState, SlotNumber};
use std::collections::BTreeMap;

/// The way of one slot.
#[derive(Clone, Debug, Default)]
pub(super) struct Track {
    pub asked_at: Option<Timestamp>,
    pub accepted_at: Option<Timestamp>,
    pub done_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    pub refused: u64,
    pub refusals: Vec<Refusals>,
    pub lives: Vec<InstanceLife>,
}

/// One instance of a slot of a launch.
#[derive(Clone, Debug)]
pub(super) struct InstanceLife {
    pub ocid: String,
    pub placement: Placement,
    pub from: Timestamp,
    /// When it died or was rolled back.
    pub to: Option<Timestamp>,
}

/// The ways of all slots of a run.
pub(super) struct Tracks {
    rows: BTreeMap<SlotNumber, Track>,
    /// How many groups of refusals each slot keeps.
    groups: usize,
}

impl Tracks {
    pub(super) fn new(groups: usize) -> Self {
        Self { rows: BTreeMap::new(), groups }
    }

    pub(super) fn take(&mut self, slot: SlotNumber) -> Track {
        self.rows.remove(&slot).unwrap_or_default()
    }

    /// Applies a record that `state` has just applied.
    pub(super) fn apply(&mut self, record: &Record, state: &RunState, answers: &mut AnswerList) {
        let Some(number) = record.event.slot() else { return };
        let at = record.at;
        let groups = self.groups;
        let track = self.rows.entry(number).or_default();
        let known = state.slots.get(&number);
        // Repeated refusals are recorded without their text, which the state completes.
        let error = known.and_then(|slot| slot.error.as_deref());
        match &record.event {
            Event::LaunchIntended { .. } | Event::ActionIntended { .. } => {
                track.asked_at.get_or_insert(at);
            }
            Event::TryFailed { error: own, .. } => {
                track.refuse(at, answers.position(error.unwrap_or(own)), groups);
            }
            Event::Launched { ocid, placement, .. } => {
                track.asked_at.get_or_insert(at);
                track.accept(at);
                track.begin(ocid, placement, at);
            }
            Event::ActionAccepted { .. } => track.accept(at),
            Event::Running { ocid, .. } | Event::StateSeen { ocid, .. } => {
                // The record of the launch may be lost.
                if known.is_some_and(|slot| slot.ocid.as_ref() == Some(ocid)) {
                    let placement = known.and_then(|slot| slot.placement.clone()).unwrap_or_default();
                    track.begin(ocid, &placement, at);
                }
                if matches!(record.event, Event::Running { .. }) {
                    track.done_at.get_or_insert(at);
                }
            }
            Event::ActionDone { .. } => {
                track.done_at.get_or_insert(at);
            }
            Event::InstanceDied { ocid, error, .. } => {
                track.end(ocid, at);
                (track.accepted_at, track.done_at) = (None, None);
                track.refuse(at, answers.position(error), groups);
            }
            // Something else may be rolled back for a slot, such as a volume.
            Event::GivenBack { ocid, .. } if track.end(ocid, at) => track.ended_at = Some(at),
            Event::SlotFailed { .. } => track.ended_at = Some(at),
            _ => {}
        }
    }
}

impl Track {
    fn accept(&mut self, at: Timestamp) {
        (self.accepted_at, self.done_at, self.ended_at) = (Some(at), None, None);
    }

    fn begin(&mut self, ocid: &str, placement: &Placement, at: Timestamp) {
        if self.lives.iter().all(|life| life.ocid != ocid) {
            let (ocid, placement) = (ocid.to_owned(), placement.clone());
            self.lives.push(InstanceLife { ocid, placement, from: at, to: None });
        }
    }

    /// Ends the life of an instance; false if the resource is none of the slot.
    fn end(&mut self, ocid: &str, at: Timestamp) -> bool {
        let life = self.lives.iter_mut().find(|life| life.ocid == ocid);
        life.map(|life| life.to = life.to.or(Some(at))).is_some()
    }

    fn refuse(&mut self, at: Timestamp, answer: usize, groups: usize) {
        self.refused += 1;
        if let Some(last) = self.refusals.last_mut().filter(|last| last.answer == answer) {
            last.count += 1;
            last.last_at = at;
            return;
        }
        self.refusals.push(Refusals { answer, first_at: at, last_at: at, count: 1 });
        if self.refusals.len() > groups {
            self.refusals.remove(0);
        }
    }
}
