//! The display of a hunt: a few steady lines on a terminal; elsewhere, a line for each change or once an hour.
//!
//! Pure: records in, lines out.

use super::text::{clean, seconds, thousands};
use super::waiting;
use super::{ratchet, spending};
use crate::tuning::{HUNT_CHANGE, HUNT_NEWS};
use fleet::Plan;
use fleet::launch::memory::target_of;
use fleet::launch::{RatchetSummary, SpendingSummary};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use ledger::{Event, Placement, Record, RunState, SlotNumber};
use std::collections::BTreeMap;
use std::time::Duration;

/// The state of a hunt.
pub struct HuntView {
    until: Timestamp,
    targets: usize,
    /// The hours of the day in which its targets used to provide instances, for people.
    best_hours: String,
    probes: u64,
    asked: BTreeMap<SlotNumber, Placement>,
    /// The target, the response and the time.
    last: Option<(String, String, Timestamp)>,
    next_probe: Option<Timestamp>,
    /// Whether an instance is still to be launched.
    is_asking: bool,
    /// The reported responses by target, with their times, and the time of the last report.
    told: BTreeMap<String, (String, Timestamp)>,
    told_at: Option<Timestamp>,
    /// What a ratchet holds, as of which time.
    ratchet: Option<(RatchetSummary, Timestamp)>,
    /// What the instances have cost, as of which time, if that is bounded.
    spending: Option<(SpendingSummary, Timestamp)>,
}

impl HuntView {
    /// The view of a plan, if it is a hunt's. `state` is the state before.
    pub fn of(plan: &Plan, state: &RunState, best_hours: String) -> Option<Self> {
        let terms = plan.hunt?;
        Some(Self {
            until: terms.until,
            targets: plan.fleet.placements.len(),
            best_hours,
            probes: state.slots.values().map(|slot| u64::from(slot.attempts)).sum(),
            asked: BTreeMap::new(),
            last: None,
            next_probe: None,
            is_asking: true,
            told: BTreeMap::new(),
            told_at: None,
            ratchet: state.last_at.and_then(|at| Some((RatchetSummary::at(state, plan, at)?, at))),
            spending: state.last_at.and_then(|at| Some((SpendingSummary::at(state, plan, at)?, at))),
        })
    }

    /// Applies one more record; `state` already includes it.
    pub fn apply(&mut self, record: &Record, state: &RunState, plan: &Plan) {
        self.is_asking = state.counts.launched < state.requested;
        let held_before = self.held();
        self.ratchet = RatchetSummary::at(state, plan, record.at).map(|ratchet| (ratchet, record.at));
        self.spending = SpendingSummary::at(state, plan, record.at).map(|spending| (spending, record.at));
        match &record.event {
            Event::ReservationIntended { .. } if self.ratchet.is_some() => {
                self.probes += 1;
                self.next_probe = None;
            }
            Event::ReservationHeld { availability_domain, .. } if self.ratchet.is_some() => {
                let what = match self.held().saturating_sub(held_before) {
                    0 => "no capacity to reserve".to_owned(),
                    gained => format!("reserved {gained} more"),
                };
                self.last = Some((clean(availability_domain), what, record.at));
            }
            Event::LaunchIntended { slot, placement, .. } => {
                self.probes += 1;
                self.next_probe = None;
                self.asked.insert(*slot, placement.clone());
            }
            Event::TryFailed { slot, .. } => {
                let error = state.slot(*slot).error.clone().unwrap_or_default();
                self.answered(*slot, plan, waiting::short(&error), record.at);
            }
            Event::Launched { slot, .. } => self.answered(*slot, plan, "accepted".to_owned(), record.at),
            Event::Waiting { next_try, .. } => self.next_probe = Some(*next_try),
            _ => {}
        }
    }

    fn answered(&mut self, slot: SlotNumber, plan: &Plan, what: String, at: Timestamp) {
        let target =
            self.asked.get(&slot).map(|placement| clean(&target_of(&plan.fleet, placement).to_string()));
        self.last = Some((target.unwrap_or_default(), what, at));
    }

    fn held(&self) -> u32 {
        self.ratchet.as_ref().map_or(0, |(ratchet, _)| ratchet::counts(&ratchet.held))
    }

    /// Whether the view reports this event, so that no other line does.
    pub fn covers(&self, event: &Event) -> bool {
        match event {
            Event::TryFailed { .. } | Event::Waiting { .. } => true,
            Event::ReservationHeld { .. } => self.ratchet.is_some(),
            _ => false,
        }
    }

    /// The line for a record if no terminal shows the view: for a new response of a target, and once an hour.
    pub fn line(&mut self, record: &Record, state: &RunState) -> Option<String> {
        let is_answer = matches!(record.event, Event::TryFailed { .. } | Event::ReservationHeld { .. });
        let (target, what, at) = self.last.as_ref().filter(|_| is_answer)?;
        let since = |told: Timestamp| Duration::try_from(at.duration_since(told)).unwrap_or_default();
        let is_new = match self.told.get(target) {
            // What is gained costs money from now on.
            Some(_) if what.starts_with("reserved ") => true,
            Some((before, told)) => before != what && since(*told) >= HUNT_CHANGE,
            None => true,
        };
        if !is_new && self.told_at.is_some_and(|told| since(told) < HUNT_NEWS) {
            return None;
        }
        self.told.insert(target.clone(), (what.clone(), *at));
        self.told_at = Some(*at);
        let held = self.ratchet.as_ref().map(|(ratchet, _)| format!("; {}", ratchet::held_line(ratchet)));
        let cost = self.spending.as_ref().map(|(spending, _)| format!("; {}", spending::so_far(spending)));
        let money = held.or(cost).unwrap_or_default();
        let (launched, of) = (state.counts.launched, state.requested);
        Some(format!("[{launched}/{of}] {target}: {what}; {}{money}", self.spent()))
    }

    /// The lines below the bars, each at most `columns` wide.
    pub fn lines(&self, now: Timestamp, zone: &TimeZone, columns: usize) -> Vec<String> {
        let clock = |at: Timestamp| at.to_zoned(zone.clone()).strftime("%H:%M").to_string();
        let mut lines = Vec::new();
        if let Some((target, what, at)) = &self.last {
            // The reason is more important than the target: it comes first, and the rest may be cut.
            lines.push(format!("last answer  {what} ({}, {target})", clock(*at)));
        }
        let next = self.next_probe.map_or_else(
            || "now".to_owned(),
            |next| {
                let wait = next.duration_since(now).as_secs_f64().max(0.0).ceil();
                if wait < 1.0 { "now".to_owned() } else { format!("in {}", seconds(wait)) }
            },
        );
        lines.push(if self.is_asking {
            format!("next probe   {next}; {}", self.spent())
        } else {
            format!("all launched {}", self.spent())
        });
        if let Some((ratchet, at)) = &self.ratchet {
            // What is held goes on costing between two records.
            let hours = now.duration_since(*at).as_secs_f64().max(0.0) / 3600.0;
            let since = ratchet.holding_cost_per_hour.map(|hour| hour * hours);
            let holding_cost = ratchet.holding_cost.zip(since).map(|(cost, since)| cost + since);
            let now = RatchetSummary { holding_cost, ..ratchet.clone() };
            lines.push(ratchet::held_line(&now).replacen("reserved ", "reserved     ", 1));
        }
        if let Some((spending, at)) = &self.spending {
            let spending = spending.after(now.duration_since(*at).as_secs_f64());
            lines.push(spending::so_far(&spending).replacen("cost so far ", "cost so far  ", 1));
        }
        let until = self.until.to_zoned(zone.clone()).strftime("%-d %b %H:%M").to_string();
        let best = match self.best_hours.as_str() {
            "" => String::new(),
            hours => format!("; best hours (UTC) {hours}"),
        };
        lines.push(format!("hunting      until {until}{best}; Ctrl-C is safe"));
        lines.iter().map(|line| console::truncate_str(line, columns, "…").into_owned()).collect()
    }

    fn spent(&self) -> String {
        let number = |count: u64, word: &str| {
            format!("{} {word}{}", thousands(count as f64, 0), if count == 1 { "" } else { "s" })
        };
        format!("{} of {} so far", number(self.probes, "request"), number(self.targets as u64, "target"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fleet::plan::HuntTerms;
    use fleet::{FleetSpec, Plan};
    use ledger::{Action, ErrorRecord, RunId, RunKind};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_764_352_800 + second).unwrap()
    }

    fn placement(domain: &str) -> Placement {
        Placement {
            availability_domain: format!("Uocm:PHX-{domain}"),
            shape: "VM.Standard.A1.Flex".to_owned(),
            ..Placement::default()
        }
    }

    /// A hunt that is refused once a minute, this many times, and the lines it prints.
    fn refused(times: i64) -> (HuntView, Vec<String>) {
        let fleet = FleetSpec { count: 4, placements: vec![placement("AD-1")], ..FleetSpec::default() };
        let hunt = Some(HuntTerms::new(at(2_000_000), Duration::from_mins(1)));
        let plan = Plan { fleet, hunt, ..Plan::default() };
        let mut state = RunState::new(RunId(uuid::Uuid::nil()));
        let started = serde_json::to_value(&plan).unwrap();
        let started = Event::RunStarted { kind: RunKind::Launch, requested: 4, plan: started };
        state.apply(&Record { seq: 1, at: at(0), event: started });
        let mut view = HuntView::of(&plan, &state, "03 04".to_owned()).unwrap();
        let mut told = Vec::new();
        for minute in 0..times {
            let message = if minute == 0 { "Out of host capacity." } else { "" };
            let error = ErrorRecord {
                code: "InternalError".to_owned(),
                message: message.to_owned(),
                ..ErrorRecord::default()
            };
            let (slot, attempt) = (1, u32::try_from(minute).unwrap());
            let events = [
                Event::LaunchIntended { slot, attempt, token: String::new(), placement: placement("AD-1") },
                Event::TryFailed { slot, attempt, error, action: Action::NextPlacement, settled: false },
                Event::Waiting { slot, next_try: at(minute * 60 + 60), gives_up: None },
            ];
            for event in events {
                let record = Record { seq: state.last_seq + 1, at: at(minute * 60), event };
                state.apply(&record);
                view.apply(&record, &state, &plan);
                told.extend(view.line(&record, &state));
            }
        }
        (view, told)
    }

    #[test]
    fn a_hunt_without_news_says_so_once_an_hour() {
        let (_, told) = refused(181);
        assert_eq!(told.len(), 4, "{told:?}");
        assert!(told.iter().all(|line| line.contains("Out of host capacity")), "{told:?}");
        assert!(told[3].contains("181 requests of 1 target so far"), "{told:?}");
    }

    #[test]
    fn eighty_columns_keep_the_reason_of_a_hunt() {
        let (view, _) = refused(3);
        let lines = view.lines(at(150), &TimeZone::UTC, 79);
        assert!(lines[0].starts_with("last answer  Out of host capacity (18:02, "), "{lines:?}");
        assert!(lines[1].starts_with("next probe   in 30.0 s; 3 requests"), "{lines:?}");
        assert!(lines[2].contains("best hours (UTC) 03 04"), "{lines:?}");
        assert!(lines.iter().all(|line| console::measure_text_width(line) <= 79), "{lines:?}");
    }
}
