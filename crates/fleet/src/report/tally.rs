//! The counts of the runs of one process, kept up to date record by record, for metrics.
//!
//! Unlike a report it keeps no history, so a hunt of weeks costs no more memory than its slots.

use super::seconds;
use super::traffic::RequestStep;
use jiff::Timestamp;
use ledger::{Event, Outcome, Record, RunId, RunKind, RunState, SlotNumber};
use std::collections::BTreeMap;

/// Upper bounds of the times to RUNNING, in seconds.
pub const READY_BOUNDS: [f64; 9] = [15.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 300.0, 600.0];

/// Times to RUNNING by length.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReadyHistogram {
    /// The number up to each of [`READY_BOUNDS`].
    pub up_to: [u64; READY_BOUNDS.len()],
    /// The sum of all in seconds.
    pub sum: f64,
    /// The number of all.
    pub count: u64,
}

/// The counts of runs that follow each other in one process.
#[derive(Clone, Debug)]
pub struct RunTally {
    state: RunState,
    accepted_at: BTreeMap<SlotNumber, Timestamp>,
    /// Launches that were sent.
    pub sent: u64,
    /// Answers to launches: `accepted`, or the class of the failure.
    pub launches: BTreeMap<String, u64>,
    /// Answers to actions by kind of run.
    pub actions: Vec<((RunKind, String), u64)>,
    /// Instances that ended before they ran, or were seen to have ended.
    pub died: u64,
    /// Instances that were rolled back.
    pub rolled_back: u64,
    /// Seconds from the accepted launch to RUNNING.
    pub ready: ReadyHistogram,
    /// Warnings to the user.
    pub warnings: u64,
    /// Runs that ended, by outcome.
    pub ended: Vec<(Outcome, u64)>,
    /// When a launch was last sent.
    pub last_sent: Option<Timestamp>,
    /// When the next is sent, while all wait.
    pub next_sent: Option<Timestamp>,
}

impl Default for RunTally {
    fn default() -> Self {
        Self {
            state: new_state(),
            accepted_at: BTreeMap::new(),
            sent: 0,
            launches: BTreeMap::new(),
            actions: Vec::new(),
            died: 0,
            rolled_back: 0,
            ready: ReadyHistogram::default(),
            warnings: 0,
            ended: Vec::new(),
            last_sent: None,
            next_sent: None,
        }
    }
}

impl RunTally {
    /// Counts of a run that already has these records. The ends of its earlier processes do not count.
    pub fn of(past: &[Record]) -> Self {
        let mut tally = Self::default();
        for record in past {
            tally.apply(record);
        }
        tally.ended.clear();
        tally
    }

    /// The present run, or the last one.
    pub fn state(&self) -> &RunState {
        &self.state
    }

    /// Counts a record. A first record begins another run.
    pub fn apply(&mut self, record: &Record) {
        if matches!(record.event, Event::RunStarted { .. }) {
            self.state = new_state();
            self.accepted_at.clear();
        }
        self.state.apply(record);
        self.count_answer(record);
        match &record.event {
            Event::Waiting { next_try, .. } => self.next_sent = Some(*next_try),
            // What was found by its tags was launched earlier, at an unknown time.
            Event::Launched { slot, adopted: false, .. } => {
                self.accepted_at.insert(*slot, record.at);
            }
            Event::Running { slot, .. } => {
                if let Some(accepted) = self.accepted_at.remove(slot) {
                    self.ready.add(seconds(accepted, record.at));
                }
            }
            Event::InstanceDied { slot, .. } => {
                self.accepted_at.remove(slot);
                self.died += 1;
            }
            Event::GivenBack { slot: Some(_), ocid, .. } if ocid.starts_with("ocid1.instance.") => {
                self.rolled_back += 1;
            }
            Event::Warning { .. } => self.warnings += 1,
            Event::RunFinished { outcome } => {
                self.next_sent = None;
                add(&mut self.ended, *outcome);
            }
            _ => {}
        }
    }

    fn count_answer(&mut self, record: &Record) {
        let Some(answer) = RequestStep::of(&record.event) else { return };
        let outcome = match answer {
            RequestStep::Sent => {
                if matches!(record.event, Event::LaunchIntended { .. }) {
                    self.sent += 1;
                    self.last_sent = Some(record.at);
                    self.next_sent = None;
                }
                return;
            }
            RequestStep::Accepted => "accepted",
            RequestStep::Failed(class) => class.as_str(),
        };
        let outcome = if outcome.is_empty() { "unknown" } else { outcome }.to_owned();
        // Records of a run whose beginning is unknown are those of a launch: only launches are resumed.
        match self.state.kind.filter(|kind| *kind != RunKind::Launch) {
            None => *self.launches.entry(outcome).or_default() += 1,
            Some(kind) => add(&mut self.actions, (kind, outcome)),
        }
    }
}

impl ReadyHistogram {
    fn add(&mut self, seconds: f64) {
        for (bound, up_to) in READY_BOUNDS.iter().zip(&mut self.up_to) {
            *up_to += u64::from(seconds <= *bound);
        }
        self.sum += seconds;
        self.count += 1;
    }
}

fn new_state() -> RunState {
    // The id is not part of any count.
    RunState::new(RunId::new(Timestamp::UNIX_EPOCH, [0; 10]))
}

fn add<K: PartialEq>(counts: &mut Vec<(K, u64)>, key: K) {
    match counts.iter_mut().find(|(known, _)| *known == key) {
        Some((_, count)) => *count += 1,
        None => counts.push((key, 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::{Action, ErrorClass, ErrorRecord, Placement};

    fn records(events: Vec<(i64, Event)>) -> Vec<Record> {
        let at = |second| Timestamp::from_second(1_800_000_000 + second).unwrap();
        (1..).zip(events).map(|(seq, (second, event))| Record { seq, at: at(second), event }).collect()
    }

    fn started(kind: RunKind) -> Event {
        Event::RunStarted { kind, requested: 2, plan: serde_json::Value::Null }
    }

    fn sent(slot: SlotNumber) -> Event {
        Event::LaunchIntended { slot, attempt: 1, token: "t".to_owned(), placement: Placement::default() }
    }

    fn refused(slot: SlotNumber, class: ErrorClass) -> Event {
        let error = ErrorRecord { class, ..ErrorRecord::default() };
        Event::TryFailed { slot, attempt: 1, error, action: Action::Wait, settled: true }
    }

    fn launched(slot: SlotNumber, adopted: bool) -> Event {
        Event::Launched {
            slot,
            attempt: 1,
            ocid: format!("ocid1.instance.oc1..{slot}"),
            name: String::new(),
            state: "PROVISIONING".to_owned(),
            placement: Placement::default(),
            work_request: None,
            adopted,
            differs: None,
        }
    }

    fn running(slot: SlotNumber) -> Event {
        Event::Running { slot, ocid: format!("ocid1.instance.oc1..{slot}") }
    }

    #[test]
    fn every_answer_counts_once_under_its_class() {
        let tally = RunTally::of(&records(vec![
            (0, started(RunKind::Launch)),
            (1, sent(1)),
            (2, refused(1, ErrorClass::Capacity)),
            (3, sent(1)),
            (4, refused(1, ErrorClass::Throttled)),
            (5, refused(1, ErrorClass::default())),
            (6, launched(1, false)),
            (46, running(1)),
            (47, launched(2, true)),
            (50, running(2)),
        ]));
        let counts: Vec<_> = tally.launches.iter().map(|(class, count)| (class.as_str(), *count)).collect();
        assert_eq!(counts, [("accepted", 2), ("capacity", 1), ("throttled", 1), ("unknown", 1)]);
        assert_eq!(tally.sent, 2);
        assert_eq!((tally.state().counts.launched, tally.state().counts.running), (2, 2));
        // The time of an adopted instance is unknown.
        assert_eq!((tally.ready.count, tally.ready.sum), (1, 40.0));
        assert_eq!(tally.ready.up_to, [0, 0, 1, 1, 1, 1, 1, 1, 1]);
    }

    #[test]
    fn counts_go_on_when_another_run_begins() {
        let mut tally = RunTally::default();
        let ended = Event::RunFinished { outcome: Outcome::Complete };
        let first = vec![(0, started(RunKind::Launch)), (1, launched(1, false)), (2, ended.clone())];
        let accepted =
            Event::ActionAccepted { slot: 1, ocid: "o".to_owned(), state: String::new(), work_request: None };
        let second = vec![(3, started(RunKind::Terminate)), (4, accepted), (5, ended)];
        for record in records(first).iter().chain(&records(second)) {
            tally.apply(record);
        }
        assert_eq!(tally.launches["accepted"], 1);
        assert_eq!(tally.actions, [((RunKind::Terminate, "accepted".to_owned()), 1)]);
        assert_eq!(tally.ended, [(Outcome::Complete, 2)]);
        assert_eq!(tally.state().kind, Some(RunKind::Terminate), "the state is that of the second run");
    }

    #[test]
    fn a_resumed_run_goes_on_with_its_counts() {
        let ended = Event::RunFinished { outcome: Outcome::CutShort };
        let mut tally = RunTally::of(&records(vec![(0, started(RunKind::Launch)), (1, sent(1)), (2, ended)]));
        assert!(tally.ended.is_empty());
        for record in records(vec![(9, Event::RunResumed), (10, sent(1))]) {
            tally.apply(&record);
        }
        assert_eq!((tally.sent, tally.state().requested), (2, 2));
    }
}
