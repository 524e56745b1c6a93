//! Explains why nothing seems to happen: how many slots wait, for what, and until when. It is the third line of the progress.
//!
//! Pure: records in, a line out. Time is that of the records, plus the time since.

use super::text::clean;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use ledger::{ErrorRecord, Event, Record, RunState, SlotNumber};
use std::collections::BTreeMap;

/// Slots that wait before their next try.
#[derive(Debug, Default)]
pub struct Waiting {
    slots: BTreeMap<SlotNumber, (Timestamp, Option<Timestamp>)>,
}

impl Waiting {
    /// Applies one more record.
    pub fn apply(&mut self, record: &Record) {
        match &record.event {
            Event::Waiting { slot, next_try, gives_up } => {
                self.slots.insert(*slot, (*next_try, *gives_up));
            }
            Event::Interrupted | Event::RunFinished { .. } | Event::GiveBackIntended { .. } => {
                self.slots.clear();
            }
            event => {
                if let Some(slot) = event.slot() {
                    self.slots.remove(&slot);
                }
            }
        }
    }

    /// `10 waiting: LimitExceeded standard-e4-core-count; next try in 40 s; gives up at 18:05; Ctrl-C is safe`, at most
    /// `columns` wide: less important parts are dropped first, and the reason is cut last. `None` if nothing waits.
    pub fn line(&self, state: &RunState, now: Timestamp, zone: &TimeZone, columns: usize) -> Option<String> {
        let next = self.slots.values().map(|(next, _)| *next).min()?;
        let wait = next.duration_since(now).as_secs_f64().max(0.0).ceil();
        let reason = self.reason(state).map_or_else(String::new, |reason| format!(": {reason}"));
        let mut parts = vec![format!("{} waiting{reason}", self.slots.len())];
        let end = self.slots.values().filter_map(|(_, gives_up)| *gives_up).max();
        // A slot that gives up before its next try does not try again.
        if end.is_none_or(|end| end > next) {
            parts.push(if wait < 1.0 {
                "next try now".to_owned()
            } else {
                format!("next try in {wait:.0} s")
            });
        }
        if let Some(end) = end {
            parts.push(format!("gives up at {}", end.to_zoned(zone.clone()).strftime("%H:%M")));
        }
        parts.push("Ctrl-C is safe".to_owned());
        while parts.len() > 1 && width(&parts) > columns {
            parts.pop();
        }
        Some(console::truncate_str(&parts.join("; "), columns, "…").into_owned())
    }

    /// The reason that most of them share.
    fn reason(&self, state: &RunState) -> Option<String> {
        let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
        for slot in self.slots.keys() {
            if let Some(error) = &state.slot(*slot).error {
                *reasons.entry(short(error)).or_default() += 1;
            }
        }
        reasons.into_iter().max_by_key(|(_, count)| *count).map(|(reason, _)| reason)
    }
}

fn width(parts: &[String]) -> usize {
    console::measure_text_width(&parts.join("; "))
}

/// A failure in a few words: its code and the limits that it names, otherwise the beginning of its text.
pub fn short(error: &ErrorRecord) -> String {
    let text = clean(&error.message);
    // "The following service limits were exceeded: standard-e4-core-count. Request a service limit increase …"
    let named = text.split_once("exceeded: ").map(|(_, rest)| rest.split(". ").next().unwrap_or(rest));
    let text = named.unwrap_or_else(|| text.split(". ").next().unwrap_or_default()).trim_end_matches('.');
    let code = clean(&error.code);
    // Omits a code that adds nothing to the text.
    if matches!(code.as_str(), "" | "InternalError") { text.to_owned() } else { format!("{code} {text}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::{Action, RunId};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_764_352_800 + second).unwrap()
    }

    /// Ten slots that were refused with this error and wait, one second apart.
    fn waiting(code: &str, message: &str) -> (Waiting, RunState) {
        let (mut waiting, mut state) = (Waiting::default(), RunState::new(RunId(uuid::Uuid::nil())));
        let error =
            ErrorRecord { code: code.to_owned(), message: message.to_owned(), ..ErrorRecord::default() };
        for slot in 1..=10 {
            let failed = Event::TryFailed {
                slot,
                attempt: 1,
                error: error.clone(),
                action: Action::Wait,
                settled: false,
            };
            let waits = Event::Waiting { slot, next_try: at(40 + i64::from(slot)), gives_up: Some(at(300)) };
            for event in [failed, waits] {
                let record = Record { seq: state.last_seq + 1, at: at(0), event };
                state.apply(&record);
                waiting.apply(&record);
            }
        }
        (waiting, state)
    }

    const LIMIT: &str = "The following service limits were exceeded: standard-e4-core-count. Request a service limit increase.";

    #[test]
    fn a_wait_says_why_until_when_and_that_it_may_be_left() {
        let (waiting, state) = waiting("LimitExceeded", LIMIT);
        let line = |columns| waiting.line(&state, at(1), &TimeZone::UTC, columns).unwrap();
        insta::assert_snapshot!(line(120), @"10 waiting: LimitExceeded standard-e4-core-count; next try in 40 s; gives up at 18:05; Ctrl-C is safe");
        insta::assert_snapshot!(line(80), @"10 waiting: LimitExceeded standard-e4-core-count; next try in 40 s");
        insta::assert_snapshot!(line(40), @"10 waiting: LimitExceeded standard-e4-c…");
        for columns in 10..150 {
            assert!(console::measure_text_width(&line(columns)) <= columns, "{columns}");
        }
    }

    #[test]
    fn a_reason_is_told_in_few_words() {
        let short = |code: &str, message: &str| {
            let error =
                ErrorRecord { code: code.to_owned(), message: message.to_owned(), ..ErrorRecord::default() };
            super::short(&error)
        };
        insta::assert_snapshot!(short("InternalError", "Out of host capacity."), @"Out of host capacity");
        insta::assert_snapshot!(short("LimitExceeded", LIMIT), @"LimitExceeded standard-e4-core-count");
        insta::assert_snapshot!(short("ConnectFailed", "cannot reach x: refused"), @"ConnectFailed cannot reach x: refused");
    }

    #[test]
    fn a_slot_that_is_tried_again_no_longer_waits() {
        let (mut waiting, mut state) = waiting("LimitExceeded", LIMIT);
        for slot in 1..=10 {
            let error = ErrorRecord::default();
            let record = Record { seq: 0, at: at(50), event: Event::SlotFailed { slot, error } };
            state.apply(&record);
            waiting.apply(&record);
        }
        assert_eq!(waiting.line(&state, at(50), &TimeZone::UTC, 80), None);
    }
}
