//! The progress of a run and its estimated end, as shown beside the progress bars.
//!
//! Pure: records in, a few words out. Time is that of the records.

use super::text::seconds;
use jiff::Timestamp;
use ledger::{Event, Record, RunState};
use std::collections::VecDeque;

/// The shown rate covers the launches of this many seconds.
const WINDOW_S: f64 = 10.0;
/// This many boots suffice for a median.
const BOOTS: usize = 1_000;

/// The measurements so far.
#[derive(Debug, Default)]
pub struct Eta {
    begun: Option<Timestamp>,
    now: Option<Timestamp>,
    /// When the latest instances were launched.
    launches: VecDeque<Timestamp>,
    last_launch: Option<Timestamp>,
    /// Sorted seconds from launch to running.
    boots: Vec<f64>,
}

impl Eta {
    /// Applies one more record; `state` already includes it.
    pub fn apply(&mut self, record: &Record, state: &RunState) {
        let at = record.at;
        self.now = Some(at);
        let begun = *self.begun.get_or_insert(at);
        match &record.event {
            // An adopted instance says nothing about the rate.
            Event::Launched { adopted: false, .. } => {
                self.launches.push_back(at);
                self.last_launch = Some(at);
            }
            Event::Running { slot, .. } => {
                let slot = state.slot(*slot);
                if let Some(took) = slot.boot_time()
                    && slot.launched_at >= Some(begun)
                    && self.boots.len() < BOOTS
                {
                    let boot = took.as_secs_f64();
                    self.boots.insert(self.boots.partition_point(|known| *known < boot), boot);
                }
            }
            _ => {}
        }
        while self.launches.front().is_some_and(|first| between(*first, at) > WINDOW_S) {
            self.launches.pop_front();
        }
    }

    /// Launches per second while some remain; `None` once they are done.
    pub fn rate_of(&self, state: &RunState) -> Option<f64> {
        self.rate().filter(|_| state.counts.launched + state.counts.failed < state.requested)
    }

    /// Launches per second over the last seconds; `None` while there are too few.
    fn rate(&self) -> Option<f64> {
        let (first, now) = (self.launches.front()?, self.now?);
        let span = between(*first, now);
        // The first launch only starts the interval.
        (span > 0.5 && self.launches.len() > 1).then(|| (self.launches.len() - 1) as f64 / span)
    }

    /// Seconds until the last instance should run; `None` while unknown.
    pub fn eta(&self, state: &RunState) -> Option<f64> {
        let counts = &state.counts;
        if counts.running + counts.failed >= state.requested {
            return Some(0.0);
        }
        let boot = *self.boots.get(self.boots.len() / 2)?;
        let left = state.requested.saturating_sub(counts.launched + counts.failed);
        if left > 0 {
            return Some(f64::from(left) / self.rate()? + boot);
        }
        let since = between(self.last_launch?, self.now?);
        // Later than usual, by an unknown amount.
        Some(boot - since).filter(|eta| *eta > 0.0)
    }

    /// `ETA 40.0 s, failed 2`.
    pub fn describe(&self, state: &RunState) -> String {
        let eta = self.eta(state).map_or_else(|| "-".to_owned(), seconds);
        format!("ETA {eta}, failed {}", state.counts.failed)
    }
}

fn between(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64().max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::{ErrorRecord, Placement, RunId, RunKind};

    struct Played {
        eta: Eta,
        state: RunState,
    }

    impl Played {
        fn at(&mut self, second: f64, event: Event) -> String {
            let at = Timestamp::from_millisecond((second * 1000.0) as i64).unwrap();
            let record = Record { seq: self.state.last_seq + 1, at, event };
            self.state.apply(&record);
            self.eta.apply(&record, &self.state);
            let rate = self.eta.rate().map_or_else(|| "-".to_owned(), |rate| format!("{rate:.1}/s"));
            format!("{second:>5} s: {rate}, {}", self.eta.describe(&self.state))
        }
    }

    fn launched(slot: u32) -> Event {
        Event::Launched {
            slot,
            attempt: 1,
            ocid: format!("i{slot}"),
            name: String::new(),
            state: "PROVISIONING".to_owned(),
            placement: Placement::default(),
            work_request: None,
            adopted: false,
            differs: None,
        }
    }

    fn intended(slot: u32) -> Event {
        Event::LaunchIntended { slot, attempt: 1, token: String::new(), placement: Placement::default() }
    }

    #[test]
    fn the_eta_needs_launch_rate_and_boot_times() {
        let mut run = Played { eta: Eta::default(), state: RunState::new(RunId(uuid::Uuid::nil())) };
        let mut said = Vec::new();
        let plan = serde_json::Value::Null;
        said.push(run.at(0.0, Event::RunStarted { kind: RunKind::Launch, requested: 12, plan }));
        for slot in 1..=10 {
            run.at(f64::from(slot), intended(slot));
            said.push(run.at(f64::from(slot), launched(slot)));
        }
        let ocid = |slot: u32| format!("i{slot}");
        said.push(run.at(10.5, Event::Running { slot: 1, ocid: ocid(1) }));
        let error = ErrorRecord::default();
        said.push(run.at(11.0, Event::SlotFailed { slot: 11, error }));
        run.at(12.0, intended(12));
        said.push(run.at(12.0, launched(12)));
        said.push(run.at(30.0, Event::Running { slot: 2, ocid: ocid(2) }));
        for slot in 3..=10 {
            run.at(31.0, Event::Running { slot, ocid: ocid(slot) });
        }
        said.push(run.at(32.0, Event::Running { slot: 12, ocid: ocid(12) }));
        insta::assert_snapshot!(said.join("\n"), @r"
               0 s: -, ETA -, failed 0
               1 s: -, ETA -, failed 0
               2 s: 1.0/s, ETA -, failed 0
               3 s: 1.0/s, ETA -, failed 0
               4 s: 1.0/s, ETA -, failed 0
               5 s: 1.0/s, ETA -, failed 0
               6 s: 1.0/s, ETA -, failed 0
               7 s: 1.0/s, ETA -, failed 0
               8 s: 1.0/s, ETA -, failed 0
               9 s: 1.0/s, ETA -, failed 0
              10 s: 1.0/s, ETA -, failed 0
            10.5 s: 0.9/s, ETA 11.6 s, failed 0
              11 s: 0.9/s, ETA 10.6 s, failed 1
              12 s: 0.9/s, ETA 9.5 s, failed 1
              30 s: -, ETA 10.0 s, failed 1
              32 s: -, ETA 0.0 s, failed 1
            ");
    }
}
