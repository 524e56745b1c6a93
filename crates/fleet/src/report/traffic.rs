//! Launch requests over time, and the rate that the service was found to accept.

use crate::tuning::REPORT_BUCKETS;
use jiff::Timestamp;
use ledger::{ErrorClass, Event, Record};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// Requests over time.
#[derive(Clone, Debug, Default, PartialEq, JsonSchema, Serialize)]
pub struct Traffic {
    /// The start of the first interval; absent if nothing was sent.
    pub from: Option<Timestamp>,
    /// The length of an interval in seconds.
    pub interval_s: i64,
    /// The intervals, without gaps.
    pub intervals: Vec<Interval>,
    /// The changes of the rate, in requests per second.
    pub rates: Vec<RatePoint>,
}

/// What happened in an interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Interval {
    /// Launches or actions that were sent.
    pub sent: u64,
    /// Those that were accepted.
    pub accepted: u64,
    /// Refusals because of too many requests.
    pub throttled: u64,
    /// Other failures.
    pub refused: u64,
}

/// The rate from a time on.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize)]
pub struct RatePoint {
    /// The time.
    pub at: Timestamp,
    /// Requests per second.
    pub rate: f64,
    /// Why it was changed.
    pub reason: String,
}

/// Counts by second.
#[derive(Default)]
pub(super) struct Counter {
    seconds: BTreeMap<i64, Interval>,
    rates: Vec<RatePoint>,
}

/// What an event says about a launch or an action.
pub(super) enum RequestStep<'a> {
    /// It was sent.
    Sent,
    /// It was accepted.
    Accepted,
    /// It failed.
    Failed(&'a ErrorClass),
}

impl<'a> RequestStep<'a> {
    pub(super) fn of(event: &'a Event) -> Option<Self> {
        match event {
            Event::LaunchIntended { .. } | Event::ActionIntended { .. } => Some(Self::Sent),
            Event::Launched { .. } | Event::ActionAccepted { .. } => Some(Self::Accepted),
            Event::TryFailed { error, .. } => Some(Self::Failed(&error.class)),
            _ => None,
        }
    }
}

impl Counter {
    pub(super) fn apply(&mut self, record: &Record) {
        if let Event::PaceChanged { class, rate, reason } = &record.event
            && class != "read"
        {
            self.rates.push(RatePoint { at: record.at, rate: *rate, reason: reason.clone() });
        }
        let none = Interval::default();
        let tally = match RequestStep::of(&record.event) {
            Some(RequestStep::Sent) => Interval { sent: 1, ..none },
            Some(RequestStep::Accepted) => Interval { accepted: 1, ..none },
            Some(RequestStep::Failed(ErrorClass::Throttled)) => Interval { throttled: 1, ..none },
            Some(RequestStep::Failed(_)) => Interval { refused: 1, ..none },
            None => return,
        };
        self.seconds.entry(record.at.as_second()).or_default().add(tally);
    }

    /// Combines the seconds into a limited number of intervals.
    pub(super) fn finish(mut self) -> Traffic {
        self.rates.sort_by_key(|point| point.at);
        let every = self.rates.len().div_ceil(REPORT_BUCKETS).max(1);
        let last = self.rates.len().saturating_sub(1);
        let rates = self.rates.into_iter().enumerate();
        let rates = rates.filter(|(at, _)| at % every == 0 || *at == last).map(|(_, point)| point).collect();
        let (Some((first, _)), Some((end, _))) =
            (self.seconds.first_key_value(), self.seconds.last_key_value())
        else {
            return Traffic { rates, ..Traffic::default() };
        };
        let (first, length) = (*first, end - first + 1);
        let most = i64::try_from(REPORT_BUCKETS).unwrap_or(i64::MAX);
        let interval_s = (length + most - 1) / most;
        let mut intervals =
            vec![Interval::default(); usize::try_from((length - 1) / interval_s + 1).unwrap_or(1)];
        for (second, tally) in self.seconds {
            let interval = usize::try_from((second - first) / interval_s).ok();
            if let Some(interval) = interval.and_then(|at| intervals.get_mut(at)) {
                interval.add(tally);
            }
        }
        Traffic { from: Timestamp::from_second(first).ok(), interval_s, intervals, rates }
    }
}

impl Interval {
    fn add(&mut self, other: Self) {
        self.sent += other.sent;
        self.accepted += other.accepted;
        self.throttled += other.throttled;
        self.refused += other.refused;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::{Action, ErrorRecord};

    fn refused(second: i64) -> Record {
        let event = Event::TryFailed {
            slot: 1,
            attempt: 1,
            error: ErrorRecord::default(),
            action: Action::Wait,
            settled: false,
        };
        Record { seq: 1, at: Timestamp::from_second(second).unwrap(), event }
    }

    #[test]
    fn no_request_is_lost_however_long_the_run() {
        for length in [1, 2, 239, 240, 241, 480, 481, 86_400, 40 * 86_400] {
            let mut counter = Counter::default();
            for second in [0, length / 3, length / 2, length - 1] {
                counter.apply(&refused(1_800_000_000 + second));
            }
            let traffic = counter.finish();
            assert!(traffic.intervals.len() <= REPORT_BUCKETS, "{length}: {}", traffic.intervals.len());
            assert_eq!(traffic.intervals.iter().map(|tally| tally.refused).sum::<u64>(), 4, "{length}");
        }
    }

    #[test]
    fn a_clock_that_jumped_centuries_fills_no_memory() {
        let mut counter = Counter::default();
        for second in [-62_135_596_800, 0, 253_402_200_000] {
            counter.apply(&refused(second));
        }
        let traffic = counter.finish();
        assert!(traffic.intervals.len() <= REPORT_BUCKETS);
        assert_eq!(traffic.intervals.iter().map(|tally| tally.refused).sum::<u64>(), 3);
    }
}
