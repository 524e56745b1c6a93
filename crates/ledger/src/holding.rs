//! What a run holds in reservations and does not use, over time: a fold over its records, from which the cost of holding
//! follows.

use crate::{Event, Record, SlotState};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// The unused reserved capacity of a run, by reservation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Holding {
    reservations: BTreeMap<String, HeldReservation>,
    /// How many instances the reservations of the config held before the run, by OCID.
    before: BTreeMap<String, u32>,
    /// When the last creation or growth was announced, by availability domain.
    asked_at: BTreeMap<String, Timestamp>,
    /// What was usable when that was most, by availability domain.
    most: BTreeMap<String, u32>,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct HeldReservation {
    availability_domain: String,
    /// How many of its instances the run can use; absent where this was not recorded.
    usable: Option<u32>,
    held: u32,
    /// Instances of the run in it.
    used: u32,
    since: Option<Timestamp>,
    /// Seconds for which single instances were held and not used, up to `since`.
    unit_seconds: f64,
}

impl HeldReservation {
    fn unused(&self, before: u32) -> u32 {
        self.held.saturating_sub(before.saturating_add(self.used))
    }

    /// Adds the time since the last change.
    fn settle(&mut self, before: u32, at: Timestamp) {
        if let Some(since) = self.since {
            self.unit_seconds += f64::from(self.unused(before)) * seconds(since, at);
        }
        self.since = Some(at);
    }
}

impl Holding {
    /// How long single instances were held and not used, in seconds, by availability domain.
    pub fn unit_seconds(&self, now: Timestamp) -> BTreeMap<&str, f64> {
        let mut sums = BTreeMap::new();
        for (ocid, row) in &self.reservations {
            let open = row.since.map_or(0.0, |since| seconds(since, now));
            let sum = row.unit_seconds + f64::from(row.unused(self.before_of(ocid))) * open;
            *sums.entry(row.availability_domain.as_str()).or_default() += sum;
        }
        sums
    }

    /// How many instances are held now and not used, by availability domain.
    pub fn unused(&self) -> BTreeMap<&str, u32> {
        self.sum(|ocid, row| row.unused(self.before_of(ocid)))
    }

    /// How many instances the run has or can launch in its reservations, by availability domain.
    pub fn usable(&self) -> BTreeMap<&str, u32> {
        self.sum(|ocid, row| row.usable.unwrap_or(row.held.saturating_sub(self.before_of(ocid))))
    }

    /// The same in all domains.
    pub fn usable_in_all(&self) -> u32 {
        total(self.usable().values())
    }

    /// The most that the run had or could launch at a time, by availability domain.
    pub fn most(&self) -> &BTreeMap<String, u32> {
        &self.most
    }

    fn sum(&self, of: impl Fn(&str, &HeldReservation) -> u32) -> BTreeMap<&str, u32> {
        let mut sums = BTreeMap::new();
        for (ocid, row) in &self.reservations {
            let sum: &mut u32 = sums.entry(row.availability_domain.as_str()).or_default();
            *sum = sum.saturating_add(of(ocid, row));
        }
        sums
    }

    fn before_of(&self, ocid: &str) -> u32 {
        self.before.get(ocid).copied().unwrap_or_default()
    }

    /// Applies a record that concerns no slot.
    pub(crate) fn apply(&mut self, record: &Record) {
        match &record.event {
            Event::RunStarted { plan, .. } => {
                let grown = plan.pointer("/reserve/grown").cloned().unwrap_or_default();
                self.before = serde_json::from_value(grown).unwrap_or_default();
            }
            Event::ReservationIntended { availability_domain, .. } => {
                self.asked_at.insert(availability_domain.clone(), record.at);
            }
            Event::ReservationHeld { ocid, availability_domain, held, usable, .. } => {
                let before = self.before_of(ocid);
                let asked_at = self.asked_at.get(availability_domain).copied();
                let row = self.reservations.entry(ocid.clone()).or_default();
                row.availability_domain.clone_from(availability_domain);
                row.settle(before, record.at);
                let unused = row.unused(before);
                (row.held, row.usable) = (*held, *usable);
                let gained = row.unused(before).saturating_sub(unused);
                if let Some(asked_at) = asked_at {
                    // It may have been held, and charged, since it was requested.
                    row.unit_seconds += f64::from(gained) * seconds(asked_at, record.at);
                }
                if *held > 0 {
                    self.asked_at.remove(availability_domain);
                }
                let usable = self.usable();
                if total(usable.values()) >= total(self.most.values()) {
                    self.most =
                        usable.into_iter().map(|(domain, count)| (domain.to_owned(), count)).collect();
                }
            }
            Event::GivenBack { slot: None, ocid, .. } => {
                let before = self.before_of(ocid);
                if let Some(row) = self.reservations.get_mut(ocid) {
                    row.settle(before, record.at);
                    (row.held, row.usable) = (0, Some(0));
                }
            }
            _ => {}
        }
    }

    /// Follows a slot that has begun or ceased to use a reservation.
    pub(crate) fn follow(&mut self, drawn_before: Option<&str>, slot: &SlotState, at: Timestamp) {
        let drawn = drawn_on(slot);
        if drawn == drawn_before {
            return;
        }
        for (ocid, is_used) in [(drawn_before, false), (drawn, true)] {
            let Some(ocid) = ocid else { continue };
            let before = self.before_of(ocid);
            let Some(row) = self.reservations.get_mut(ocid) else { continue };
            row.settle(before, at);
            row.used = if is_used { row.used.saturating_add(1) } else { row.used.saturating_sub(1) };
        }
    }
}

/// The reservation that the instance of a slot is in.
pub(crate) fn drawn_on(slot: &SlotState) -> Option<&str> {
    slot.ocid.as_ref()?;
    slot.placement.as_ref()?.capacity_reservation.as_deref().filter(|ocid| !ocid.is_empty())
}

fn total<'a>(counts: impl Iterator<Item = &'a u32>) -> u32 {
    counts.fold(0, |sum: u32, count| sum.saturating_add(*count))
}

fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64().max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Placement, RunId, RunState};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn folded(events: Vec<(i64, Event)>) -> RunState {
        let records = (1..).zip(events).map(|(seq, (second, event))| Record { seq, at: at(second), event });
        RunState::fold(RunId(uuid::Uuid::nil()), &records.collect::<Vec<_>>())
    }

    fn held(held: u32) -> Event {
        let (ocid, availability_domain) = ("r".to_owned(), "AD-1".to_owned());
        Event::ReservationHeld { ocid, availability_domain, asked: 10, held, usable: None }
    }

    #[test]
    fn only_unused_capacity_counts_since_it_was_requested() {
        let (availability_domain, token) = ("AD-1".to_owned(), "t".to_owned());
        let placement = Placement { capacity_reservation: Some("r".to_owned()), ..Placement::default() };
        let launched = Event::Launched {
            slot: 1,
            attempt: 1,
            ocid: "i".to_owned(),
            name: String::new(),
            state: String::new(),
            placement,
            work_request: None,
            adopted: false,
            differs: None,
        };
        let state = folded(vec![
            (0, Event::ReservationIntended { availability_domain, count: 10, token }),
            (10, held(0)),
            (40, held(4)),
            (100, launched),
            (200, Event::GivenBack { slot: None, ocid: "r".to_owned(), work_request: None }),
        ]);
        // Four for 100 s since the request, then three for 100 s, then none.
        assert_eq!(state.holding.unit_seconds(at(1000)), BTreeMap::from([("AD-1", 700.0)]));
        assert_eq!(state.holding.unused(), BTreeMap::from([("AD-1", 0)]));
    }

    #[test]
    fn a_growth_found_after_a_crash_counts_since_its_request() {
        let intended = |token: &str| Event::ReservationIntended {
            availability_domain: "AD-1".to_owned(),
            count: 10,
            token: token.to_owned(),
        };
        let state = folded(vec![(0, held(2)), (50, intended("grow r")), (1050, held(5))]);
        assert_eq!(
            state.holding.unit_seconds(at(1050)),
            BTreeMap::from([("AD-1", 2.0 * 1050.0 + 3.0 * 1000.0)])
        );
    }

    #[test]
    fn what_a_reservation_held_before_the_run_costs_it_nothing() {
        let plan = serde_json::json!({"reserve": {"grown": {"r": 4}}});
        let kind = crate::RunKind::Launch;
        let state =
            folded(vec![(0, Event::RunStarted { kind, requested: 9, plan }), (0, held(4)), (10, held(9))]);
        assert_eq!(state.holding.unit_seconds(at(20)), BTreeMap::from([("AD-1", 50.0)]));
        assert_eq!(state.holding.usable()["AD-1"], 5);
    }
}
