//! How long the instances of a run have existed: a fold over its records, from which their cost follows. It is kept only for runs
//! whose plan bounds that cost.

use crate::{Event, Placement, Record, SlotNumber, SlotState};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// The lives of the instances of a run, by placement. A launch with an unknown result counts from its first request, because it
/// may have created an instance then.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Spending {
    is_kept: bool,
    open: BTreeMap<SlotNumber, Life>,
    rows: BTreeMap<Placement, Row>,
    /// The latest time of any record: a clock that is set back earns nothing.
    latest: Option<Timestamp>,
}

/// An instance that exists, or may exist.
#[derive(Clone, Debug, PartialEq)]
struct Life {
    placement: Placement,
    since: i128,
    /// Absent while the result of its launch is unknown.
    ocid: Option<String>,
}

/// Instances of one placement, in milliseconds.
#[derive(Clone, Debug, Default, PartialEq)]
struct Row {
    existing: u32,
    /// The sum of the times at which the existing ones began.
    begun: i128,
    /// The sum of the lives of those that ended.
    ended: i128,
}

fn milliseconds(at: Timestamp) -> i128 {
    i128::from(at.as_millisecond())
}

impl Spending {
    /// How long instances have existed, in seconds, by placement.
    pub fn unit_seconds(&self, now: Timestamp) -> impl Iterator<Item = (&Placement, f64)> {
        let now = milliseconds(self.latest.map_or(now, |latest| latest.max(now)));
        self.rows.iter().map(move |(placement, row)| {
            let total = i128::from(row.existing) * now - row.begun + row.ended;
            (placement, total as f64 / 1000.0)
        })
    }

    /// How many instances exist, or may exist, by placement.
    pub fn existing(&self) -> impl Iterator<Item = (&Placement, u32)> {
        self.rows.iter().map(|(placement, row)| (placement, row.existing))
    }

    /// Applies a record that concerns no slot.
    pub(crate) fn apply(&mut self, record: &Record) {
        if let Event::RunStarted { plan, .. } = &record.event {
            self.is_kept = plan.get("spending").is_some_and(|terms| !terms.is_null());
        }
    }

    /// Follows a slot that has just changed.
    pub(crate) fn follow(&mut self, number: SlotNumber, slot: &SlotState, at: Timestamp) {
        if !self.is_kept {
            return;
        }
        self.latest = self.latest.max(Some(at));
        let present = match (&slot.unsettled, &slot.ocid) {
            (Some(intent), _) => Some((&intent.placement, milliseconds(intent.first_at), None)),
            (None, Some(ocid)) => {
                let placement = slot.placement.as_deref();
                placement.map(|placement| (placement, milliseconds(at), Some(ocid)))
            }
            (None, None) => None,
        };
        let before = self.open.get(&number);
        let is_unchanged = match (before, &present) {
            (None, None) => true,
            (Some(life), Some((placement, since, ocid))) => {
                life.ocid.as_ref() == *ocid
                    && (ocid.is_some() || life.since == *since)
                    && is_same(&life.placement, placement)
            }
            _ => false,
        };
        if is_unchanged {
            return;
        }
        let before = self.open.remove(&number);
        // The instance exists since the request that has created it.
        let doubted = before.as_ref().filter(|life| life.ocid.is_none()).map(|life| life.since);
        if let Some(life) = before {
            let row = self.rows.entry(life.placement).or_default();
            row.existing -= 1;
            row.begun -= life.since;
            if life.ocid.is_some() {
                row.ended += (milliseconds(at) - life.since).max(0);
            }
        }
        if let Some((placement, since, ocid)) = present {
            // The service chose the fault domain, which costs nothing.
            let placement = Placement { fault_domain: None, ..placement.clone() };
            let since = doubted.filter(|_| ocid.is_some()).unwrap_or(since);
            let row = self.rows.entry(placement.clone()).or_default();
            row.existing += 1;
            row.begun += since;
            self.open.insert(number, Life { placement, since, ocid: ocid.cloned() });
        }
    }
}

/// Whether two placements differ at most in their fault domain.
fn is_same(kept: &Placement, other: &Placement) -> bool {
    *kept == Placement { fault_domain: None, ..other.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Action, ErrorRecord, RunId, RunKind, RunState};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn folded(events: Vec<(i64, Event)>) -> RunState {
        let plan = serde_json::json!({"spending": {"max_cost": 1.0}});
        let started = Event::RunStarted { kind: RunKind::Launch, requested: 2, plan };
        let events = std::iter::once((0, started)).chain(events);
        let records = (1..).zip(events).map(|(seq, (second, event))| Record { seq, at: at(second), event });
        RunState::fold(RunId(uuid::Uuid::nil()), &records.collect::<Vec<_>>())
    }

    fn intended(slot: u32, attempt: u32) -> Event {
        let token = format!("{slot}-{attempt}");
        Event::LaunchIntended { slot, attempt, token, placement: Placement::default() }
    }

    fn launched(slot: u32, ocid: &str) -> Event {
        Event::Launched {
            slot,
            attempt: 1,
            ocid: ocid.to_owned(),
            name: String::new(),
            state: String::new(),
            placement: Placement { fault_domain: Some("FAULT-DOMAIN-1".to_owned()), ..Placement::default() },
            work_request: None,
            adopted: false,
            differs: None,
        }
    }

    fn failed(slot: u32, action: Action) -> Event {
        Event::TryFailed { slot, attempt: 1, error: ErrorRecord::default(), action, settled: false }
    }

    fn seconds(state: &RunState, now: i64) -> f64 {
        state.spending.unit_seconds(at(now)).map(|(_, seconds)| seconds).sum()
    }

    #[test]
    fn an_instance_costs_from_its_request_to_its_end() {
        let died = Event::InstanceDied { slot: 1, ocid: "a".to_owned(), error: ErrorRecord::default() };
        let rolled_back = Event::GivenBack { slot: Some(1), ocid: "b".to_owned(), work_request: None };
        let state = folded(vec![
            (10, intended(1, 1)),
            (20, launched(1, "a")),
            (110, died),
            (200, intended(1, 2)),
            (210, launched(1, "b")),
            (300, rolled_back),
        ]);
        assert!((seconds(&state, 1000) - 200.0).abs() < 1e-9);
        assert_eq!(state.spending.existing().map(|(_, count)| count).sum::<u32>(), 0);
    }

    #[test]
    fn a_launch_in_doubt_costs_until_it_is_refused() {
        let doubt = vec![(10, intended(1, 1)), (11, failed(1, Action::RetrySameToken))];
        assert!((seconds(&folded(doubt.clone()), 110) - 100.0).abs() < 1e-9);
        let refused = [doubt, vec![(60, failed(1, Action::NextPlacement))]].concat();
        assert!(seconds(&folded(refused), 110).abs() < 1e-9);
    }

    #[test]
    fn a_clock_that_is_set_back_lowers_no_cost() {
        let state = folded(vec![(0, intended(1, 1)), (1, launched(1, "a")), (500, intended(2, 1))]);
        assert!((seconds(&state, -400) - 500.0).abs() < 1e-9);
        assert!((seconds(&state, 600) - 700.0).abs() < 1e-9);
    }

    #[test]
    fn lives_are_kept_only_for_a_bound() {
        let plan = serde_json::json!({});
        let events = [Event::RunStarted { kind: RunKind::Launch, requested: 1, plan }, intended(1, 1)];
        let records = (1..).zip(events).map(|(seq, event)| Record { seq, at: at(0), event });
        let state = RunState::fold(RunId(uuid::Uuid::nil()), &records.collect::<Vec<_>>());
        assert_eq!(state.spending, Spending::default());
    }
}
