//! Why a run has only the instances it has: how each placement responded, how often it was asked, and when it was given up.

use crate::{ErrorRecord, Event, Placement, SlotNumber};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// The responses of a run's placements, folded from its records.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Targets {
    /// Each placement that was tried, in the order of first tries.
    rows: Vec<TargetState>,
    known: BTreeMap<Placement, u32>,
    /// The placement that each slot tried last.
    tried: BTreeMap<SlotNumber, Try>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Try {
    target: u32,
    attempt: u32,
    /// Whether its instance counts as obtained.
    obtained: bool,
}

/// The responses of one placement.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TargetState {
    /// The placement.
    pub placement: Placement,
    /// Attempts that began there. An attempt may be sent more than once.
    pub attempts: u32,
    /// Instances that were launched there and were not terminated before they ran.
    pub obtained: u32,
    /// Responses that were failures.
    pub refused: u64,
    /// Slots that were given up after this placement.
    pub given_up: u32,
    /// When the last of them was given up.
    pub given_up_at: Option<Timestamp>,
    /// The last failure, with the last text that was recorded.
    pub last_error: Option<ErrorRecord>,
    /// When it was first asked.
    pub first_at: Option<Timestamp>,
    /// When it last responded.
    pub last_at: Option<Timestamp>,
}

impl Targets {
    /// Each placement that was tried, in the order of first tries.
    pub fn rows(&self) -> &[TargetState] {
        &self.rows
    }

    /// The last failure of the placement that a slot tried last.
    pub(crate) fn last_words(&self, slot: SlotNumber) -> Option<&ErrorRecord> {
        let tried = self.tried.get(&slot)?;
        self.rows.get(tried.target as usize)?.last_error.as_ref()
    }

    /// Applies an event of a slot.
    pub(crate) fn apply(&mut self, at: Timestamp, event: &Event) {
        match event {
            Event::LaunchIntended { slot, attempt, placement, .. } => {
                self.begin(at, *slot, *attempt, placement);
            }
            Event::TryFailed { slot, error, .. } => {
                if let Some((_, row)) = self.of(*slot) {
                    row.answer(at, error);
                }
            }
            Event::Launched { slot, attempt, placement, .. } => {
                // The record of the intent may be lost.
                if self.tried.get(slot).is_none_or(|tried| tried.attempt != *attempt) {
                    self.begin(at, *slot, *attempt, placement);
                }
                if let Some((tried, row)) = self.of(*slot)
                    && !std::mem::replace(&mut tried.obtained, true)
                {
                    row.obtained += 1;
                    row.last_at = Some(at);
                }
            }
            Event::InstanceDied { slot, error, .. } => {
                if let Some((tried, row)) = self.of(*slot) {
                    if std::mem::take(&mut tried.obtained) {
                        row.obtained -= 1;
                    }
                    row.answer(at, error);
                }
            }
            Event::SlotFailed { slot, .. } => {
                if let Some((_, row)) = self.of(*slot) {
                    row.given_up += 1;
                    row.given_up_at = Some(at);
                }
            }
            _ => {}
        }
    }

    fn begin(&mut self, at: Timestamp, slot: SlotNumber, attempt: u32, placement: &Placement) {
        let target = if let Some(target) = self.known.get(placement) {
            *target
        } else {
            let target = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
            self.rows.push(TargetState { placement: placement.clone(), ..TargetState::default() });
            self.known.insert(placement.clone(), target);
            target
        };
        // The same attempt may be announced again before it is sent again.
        let is_same = |tried: &Try| tried.target == target && tried.attempt == attempt;
        if self.tried.get(&slot).is_some_and(is_same) {
            return;
        }
        self.tried.insert(slot, Try { target, attempt, obtained: false });
        if let Some(row) = self.rows.get_mut(target as usize) {
            row.attempts += 1;
            row.first_at.get_or_insert(at);
        }
    }

    fn of(&mut self, slot: SlotNumber) -> Option<(&mut Try, &mut TargetState)> {
        let tried = self.tried.get_mut(&slot)?;
        let row = self.rows.get_mut(tried.target as usize)?;
        Some((tried, row))
    }
}

impl TargetState {
    /// A refusal that is only counted has no text: then the earlier text stays.
    fn answer(&mut self, at: Timestamp, error: &ErrorRecord) {
        self.refused += 1;
        self.last_at = Some(at);
        self.last_error = Some(error.with_words_of(self.last_error.as_ref()));
    }
}
