//! What a hunt knows about its targets: a fold over responses that starts with the records of the run.

use super::hints::Hints;
use crate::launch::target::target_of;
use crate::plan::FleetSpec;
use jiff::Timestamp;
use ledger::capacity::{Answer, Subject};
use ledger::{ErrorClass, ErrorRecord, Event, Placement, Record};
use oci_client::FailureClass;
use std::collections::{BTreeMap, BTreeSet};
use tokio::time::Instant;

/// After this many consecutive failures that say nothing about capacity, a target is only probed. A single one may be chance.
const TROUBLES: u32 = 3;
const DAY_SECONDS: i64 = 24 * 60 * 60;

#[derive(Debug, Default)]
pub(super) struct HuntNotes {
    /// The targets that accept launches now.
    pub yielding: BTreeSet<Subject>,
    /// The targets of refusals that were received and are not in the records yet, by what names the refusal there. Until they are, no
    /// launch passes at these targets, also if an acceptance that came earlier is only now applied.
    unrecorded: BTreeMap<String, Subject>,
    /// The number of the last probe of each target.
    pub probed: BTreeMap<Subject, u64>,
    /// When this process last read each limit that refuses, by region.
    pub looked: BTreeMap<(Option<String>, Subject), Instant>,
    /// What the capacity reports said.
    pub hints: Hints,
    /// The number of targets.
    pub targets: usize,
    /// The number of probes sent.
    pub probes: u64,
    /// Whether any response was about capacity.
    pub has_answer: bool,
    /// Why nothing can succeed.
    pub hopeless: Option<ErrorRecord>,
    /// Targets that accepted launches which failed later: only a running instance proves capacity there.
    doubtful: BTreeSet<Subject>,
    troubles: BTreeMap<Subject, u32>,
    /// The kinds of trouble that were reported, with the day.
    told: BTreeMap<String, i64>,
}

impl HuntNotes {
    /// The state in the run's records: the order of the probes, and what was reported today.
    pub fn of(fleet: &FleetSpec, past: &[Record]) -> Self {
        let mut notes = Self { targets: fleet.placements.len(), ..Self::default() };
        for record in past {
            match &record.event {
                Event::LaunchIntended { placement, .. } => notes.probe(&target_of(fleet, placement)),
                Event::ReservationIntended { availability_domain, .. } => {
                    let mut placements = fleet.placements.iter();
                    let is_there = |one: &&Placement| one.availability_domain == *availability_domain;
                    if let Some(placement) = placements.find(is_there) {
                        notes.probe(&target_of(fleet, placement));
                    }
                }
                Event::TryFailed { error, .. } => {
                    notes.has_answer |= is_about_capacity(&error.class);
                    if !is_about_capacity(&error.class) {
                        notes.is_new(error, record.at);
                    }
                }
                Event::Launched { .. } => notes.has_answer = true,
                _ => {}
            }
        }
        notes
    }

    /// Records that a probe of this target is sent.
    pub fn probe(&mut self, target: &Subject) {
        self.probes += 1;
        self.probed.insert(target.clone(), self.probes);
    }

    pub fn see(&mut self, target: &Subject, answer: &Answer) {
        match answer {
            Answer::Accepted => {
                self.has_answer = true;
                self.troubles.remove(target);
                if !self.doubtful.contains(target) {
                    self.yielding.insert(target.clone());
                }
            }
            Answer::Yielded => {
                self.doubtful.remove(target);
                self.yielding.insert(target.clone());
            }
            Answer::Refused(_) => {
                self.has_answer = true;
                self.troubles.remove(target);
                self.yielding.remove(target);
            }
            Answer::FailedLate(_) => {
                self.has_answer = true;
                self.yielding.remove(target);
                self.doubtful.insert(target.clone());
            }
            Answer::Reported => {}
        }
    }

    /// Whether launches at this target need no probe.
    pub fn is_yielding(&self, target: &Subject) -> bool {
        self.yielding.contains(target) && !self.unrecorded.values().any(|refusing| refusing == target)
    }

    /// Records that a target has refused, before the records say so.
    pub fn refusing(&mut self, target: &Subject, id: &str) {
        self.yielding.remove(target);
        self.unrecorded.insert(id.to_owned(), target.clone());
    }

    /// The records say that the target has refused.
    pub fn recorded(&mut self, id: &str) {
        if let Some(target) = self.unrecorded.remove(id) {
            self.yielding.remove(&target);
        }
    }

    /// Records a failure that says nothing about capacity.
    pub fn trouble(&mut self, target: &Subject, class: FailureClass) {
        if class == FailureClass::Authentication {
            // No other target will respond either.
            self.yielding.clear();
            return;
        }
        let troubles = self.troubles.entry(target.clone()).or_default();
        *troubles += 1;
        if *troubles >= TROUBLES {
            self.yielding.remove(target);
        }
    }

    /// Whether a failure is the first of its kind on this day.
    pub fn is_new(&mut self, error: &ErrorRecord, now: Timestamp) -> bool {
        let day = now.as_second().div_euclid(DAY_SECONDS);
        self.told.insert(format!("{} {}", error.class, error.code), day) != Some(day)
    }
}

pub(super) fn is_about_capacity(class: &ErrorClass) -> bool {
    matches!(class, ErrorClass::Capacity | ErrorClass::ReservationExhausted | ErrorClass::Limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_counts_from_its_response_until_its_record() {
        let target = target_of(&FleetSpec::default(), &Placement::default());
        let mut notes = HuntNotes::default();
        // Both responses have come; the record of the acceptance is applied first.
        notes.refusing(&target, "second");
        notes.see(&target, &Answer::Accepted);
        assert!(!notes.is_yielding(&target), "the refusal is the later response");
        notes.recorded("another");
        assert!(!notes.is_yielding(&target), "its own record is awaited");
        notes.recorded("second");
        assert!(!notes.is_yielding(&target), "it refused last");
        notes.see(&target, &Answer::Accepted);
        assert!(notes.is_yielding(&target), "and this is newer");
        notes.recorded("second");
        assert!(notes.is_yielding(&target), "a refusal that is recorded again is not");
    }
}
