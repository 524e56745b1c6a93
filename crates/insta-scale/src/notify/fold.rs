//! The fold over the records of a run that decides when to notify and about what.
//!
//! Pure: records and times in, messages out. For a resumed run, its earlier records show which notifications were sent.

use super::Topic;
use super::message::Message;
use crate::config::Settings;
use crate::output::simulated;
use crate::output::summary::describe;
use crate::output::text::{clean, count};
use crate::tuning::TOLD_AGAIN_AFTER;
use fleet::FleetSpec;
use fleet::price::Prices;
use fleet::report::hourly_cost;
use jiff::Timestamp;
use ledger::{ErrorClass, ErrorRecord, Event, Outcome, RatchetEnd, Record, RunId, RunKind, RunState};
use std::collections::BTreeMap;

/// The state of a run and of its notifications.
#[derive(Debug)]
pub struct Watch {
    state: RunState,
    fleet: FleetSpec,
    prices: Prices,
    last_error: Option<ErrorRecord>,
    /// When each kind of trouble was last reported.
    told: BTreeMap<String, Timestamp>,
    /// When the next digest is due.
    digest_at: Option<Timestamp>,
    /// The end of a hunt in which each process probes only once: until then, the end of a process is not the end of the hunt.
    hunts_until: Option<Timestamp>,
}

impl Watch {
    /// A watch for a run that already has these records, which are not reported again.
    pub fn new(run: RunId, past: &[Record], fleet: FleetSpec, prices: Prices) -> Self {
        let state = RunState::new(run);
        let mut watch = Self {
            state,
            fleet,
            prices,
            last_error: None,
            told: BTreeMap::new(),
            digest_at: None,
            hunts_until: None,
        };
        for record in past {
            watch.apply(record);
        }
        watch
    }

    /// A watch for an action run that begins now, on instances of any fleet.
    pub fn of_action(run: RunId, settings: &Settings) -> Self {
        let name = Some(settings.fleet.name.clone()).filter(|name| !name.is_empty());
        let fleet = FleetSpec {
            name: name.unwrap_or_else(|| "instances start".to_owned()),
            region: settings.fleet.region.clone(),
            ..FleetSpec::default()
        };
        Self::new(run, &[], fleet, settings.prices.clone())
    }

    /// The same for a hunt until this time, if this process only probes once.
    #[must_use]
    pub fn probing_once(self, until: Option<Timestamp>) -> Self {
        Self { hunts_until: until, ..self }
    }

    /// Applies a record and returns the resulting notifications.
    pub fn apply(&mut self, record: &Record) -> Vec<Message> {
        self.state.apply(record);
        if let Event::RunStarted { .. } = record.event {
            self.digest_at = after_a_day(record.at);
        }
        let mut messages: Vec<Message> = self.digest(record.at).into_iter().collect();
        // A hunt itself warns about each kind of failure.
        let alerts = self.state.plan.get("hunt").is_some_and(|terms| !terms.is_null());
        let is_told = |event: &Event| alerts && !matches!(event, Event::Warning { .. });
        if let Some((kind, title, error)) = trouble(&record.event).filter(|_| !is_told(&record.event)) {
            if let Some(error) = error {
                self.last_error = Some(error.clone());
            }
            if self.is_news(kind, record.at) {
                messages.push(self.message(Topic::Trouble, record.at, title));
            }
        } else if let Some(error) = failure(&record.event) {
            self.last_error = Some(error.clone());
        }
        if let Event::RunFinished { outcome } = record.event
            && !self.goes_on(outcome, record.at)
        {
            let (topic, title) = self.ending(outcome);
            messages.push(self.message(topic, record.at, title));
        }
        messages
    }

    /// The digest, if one is due.
    pub fn digest(&mut self, now: Timestamp) -> Option<Message> {
        let due = self.digest_at.filter(|due| *due <= now && self.state.finished_at.is_none())?;
        let mut next = due;
        while next <= now {
            next = after_a_day(next)?;
        }
        self.digest_at = Some(next);
        let started = self.state.started_at.unwrap_or(due);
        let days = now.duration_since(started).as_hours().max(0).unsigned_abs() / 24;
        let title = format!(
            "{} of {} after {}, still trying",
            self.had(),
            count(self.state.requested, "instance"),
            count(days, "day")
        );
        Some(self.message(Topic::Digest, now, title))
    }

    /// When the next digest is due.
    pub fn next_digest(&self) -> Option<Timestamp> {
        self.digest_at.filter(|_| self.state.finished_at.is_none())
    }

    /// Whether another process is expected to continue.
    fn goes_on(&self, outcome: Outcome, now: Timestamp) -> bool {
        let not_yet = matches!(outcome, Outcome::CutShort | Outcome::InDoubt);
        not_yet && self.hunts_until.is_some_and(|until| until > now)
    }

    /// Whether this kind of trouble was not reported within the last day.
    fn is_news(&mut self, kind: String, now: Timestamp) -> bool {
        self.told.retain(|_, at| now.duration_since(*at) < TOLD_AGAIN_AFTER);
        if self.told.contains_key(&kind) {
            return false;
        }
        self.told.insert(kind, now);
        true
    }

    fn ending(&self, outcome: Outcome) -> (Topic, String) {
        let (had, wanted) = (self.had(), self.state.requested);
        let of = format!("{had} of {}", count(wanted, "instance"));
        let stopped = |why: &str| (Topic::Stop, format!("{of}; {why}"));
        match outcome {
            Outcome::Complete if self.state.kind == Some(RunKind::Launch) => {
                // Larger alternatives reach wanted totals with fewer instances than were expected.
                let all = if self.fleet.want.is_some() { had } else { wanted };
                (Topic::Success, format!("{} obtained", all_of(all)))
            }
            Outcome::Complete => (Topic::Success, format!("done with {}", all_of(wanted))),
            Outcome::Partial if self.state.bound_reached => {
                stopped("the bound on the cost (--max-cost) was reached; what exists goes on costing")
            }
            Outcome::Nothing | Outcome::GivenBack if self.state.bound_reached => {
                stopped("the bound on the cost (--max-cost) was reached, and nothing is kept")
            }
            Outcome::Partial => stopped("the others failed"),
            Outcome::Nothing => stopped("everything failed"),
            Outcome::NotAuthenticated => stopped("the login was refused"),
            Outcome::Interrupted => stopped("interrupted"),
            Outcome::GivenBack if self.state.ratchet_ended == Some(RatchetEnd::Money) => {
                stopped("the bound on the holding cost was reached, so all reservations were given back")
            }
            Outcome::GivenBack if self.state.ratchet_ended.is_some() => {
                stopped("out of time, so all reservations were given back")
            }
            Outcome::GivenBack => stopped("fewer than the minimum, so everything was rolled back"),
            Outcome::LedgerFailed => stopped("the records of the run could not be written"),
            Outcome::InDoubt => stopped("the outcome of a launch is unknown; `resume` finds out"),
            Outcome::CutShort => stopped("out of time"),
            Outcome::Stopped => stopped("ended for good"),
        }
    }

    fn had(&self) -> u32 {
        match self.state.kind {
            Some(RunKind::Launch) | None => self.state.counts.launched,
            Some(_) => self.state.counts.running,
        }
    }

    fn message(&self, topic: Topic, at: Timestamp, title: String) -> Message {
        let done = topic == Topic::Success;
        let name = self.fleet.name.clone();
        Message {
            id: format!("{}-{}-{}", self.state.run, topic.name(), self.state.last_seq),
            topic: Some(topic),
            at,
            simulated: simulated::is(),
            title,
            run: Some(self.state.run),
            fleet: if name.is_empty() { self.fleet.name_prefix.clone() } else { name },
            region: self.fleet.region.clone(),
            wanted: self.state.requested,
            had: self.had(),
            running: self.state.counts.running,
            outcome: self.state.outcome,
            reason: self.last_error.clone().filter(|_| !done),
            price: self.price(),
        }
    }

    fn price(&self) -> Option<(f64, String)> {
        let hour = hourly_cost(&self.state, &self.fleet, &self.prices)?;
        Some((hour, self.prices.currency().to_owned()))
    }
}

fn after_a_day(at: Timestamp) -> Option<Timestamp> {
    at.checked_add(TOLD_AGAIN_AFTER).ok()
}

/// The failure in an event. Refusals that are only counted contain nothing new.
fn failure(event: &Event) -> Option<&ErrorRecord> {
    let error = match event {
        Event::TryFailed { error, .. }
        | Event::InstanceDied { error, .. }
        | Event::SlotFailed { error, .. } => error,
        Event::WaitEnded { error, .. } => error.as_ref()?,
        _ => return None,
    };
    (!error.message.is_empty() || !error.code.is_empty()).then_some(error)
}

/// The kind of trouble that an event indicates, in words, and its failure. A lack of capacity is expected and not trouble.
fn trouble(event: &Event) -> Option<(String, String, Option<&ErrorRecord>)> {
    if let Event::Warning { message } = event {
        let text = clean(message);
        return Some((kind_of(&text), text, None));
    }
    let error = failure(event)?;
    let waited_out = matches!(
        error.class,
        ErrorClass::Capacity
            | ErrorClass::ReservationExhausted
            | ErrorClass::Throttled
            | ErrorClass::Busy
            | ErrorClass::Deadline
            | ErrorClass::GivenBack
    );
    if waited_out || matches!(event, Event::SlotFailed { .. }) {
        return None;
    }
    Some((format!("{} {}", error.class, error.code), describe(error), Some(error)))
}

/// A text without the parts that always differ: OCIDs, ids and numbers.
fn kind_of(text: &str) -> String {
    let words = text.split_whitespace().filter(|word| !word.chars().any(|c| c.is_ascii_digit()));
    words.collect::<Vec<_>>().join(" ")
}

/// `the instance`, `all of 2 instances`.
fn all_of(number: impl Into<u64>) -> String {
    match number.into() {
        1 => "the instance".to_owned(),
        number => format!("all of {}", count(number, "instance")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::Action;

    fn watch() -> Watch {
        let run = RunId(uuid::Uuid::nil());
        let fleet =
            FleetSpec { name: "web".to_owned(), region: "us-phoenix-1".to_owned(), ..FleetSpec::default() };
        Watch::new(run, &[], fleet, Prices::default())
    }

    /// Records at the given hours after the start, in order.
    fn records(events: Vec<(i64, Event)>) -> Vec<Record> {
        let started =
            Event::RunStarted { kind: RunKind::Launch, requested: 2, plan: serde_json::Value::Null };
        let events = std::iter::once((0, started)).chain(events);
        let at = |hour: i64| Timestamp::from_second(hour * 3600).unwrap();
        (1..).zip(events).map(|(seq, (hour, event))| Record { seq, at: at(hour), event }).collect()
    }

    fn failed(class: ErrorClass, code: &str) -> Event {
        let error = ErrorRecord {
            class,
            code: code.to_owned(),
            message: format!("{code} happened"),
            ..ErrorRecord::default()
        };
        Event::TryFailed { slot: 1, attempt: 1, error, action: Action::Wait, settled: false }
    }

    fn subjects(watch: &mut Watch, records: &[Record]) -> Vec<String> {
        records.iter().flat_map(|record| watch.apply(record)).map(|message| message.subject()).collect()
    }

    #[test]
    fn each_kind_of_trouble_is_told_once_a_day() {
        let blip = || failed(ErrorClass::Network, "ConnectFailed");
        let refused = || failed(ErrorClass::Authentication, "NotAuthenticated");
        let dry = || failed(ErrorClass::Capacity, "InternalError");
        let events = vec![
            (1, blip()),
            (2, dry()),
            (3, blip()),
            (4, refused()),
            (20, blip()),
            (23, dry()),
            (26, blip()),
        ];
        let told = subjects(&mut watch(), &records(events));
        insta::assert_snapshot!(told.join("\n"), @r"
        web in us-phoenix-1: ConnectFailed: ConnectFailed happened
        web in us-phoenix-1: NotAuthenticated: NotAuthenticated happened
        web in us-phoenix-1: 0 of 2 instances after 1 day, still trying
        web in us-phoenix-1: ConnectFailed: ConnectFailed happened
        ");
    }

    #[test]
    fn warnings_that_differ_by_ids_are_one_kind() {
        let warning = |id: &str| Event::Warning { message: format!("instance {id} was stopped by somebody") };
        let told =
            subjects(&mut watch(), &records(vec![(1, warning("ocid1.x.1")), (2, warning("ocid1.x.2"))]));
        assert_eq!(told, ["web in us-phoenix-1: instance ocid1.x.1 was stopped by somebody"]);
    }

    #[test]
    fn a_run_taken_up_again_repeats_nothing() {
        let all = records(vec![
            (1, failed(ErrorClass::Network, "ConnectFailed")),
            (2, failed(ErrorClass::Network, "ConnectFailed")),
        ]);
        let (past, new) = all.split_at(2);
        let fresh = watch();
        let mut again = Watch::new(fresh.state.run, past, fresh.fleet, fresh.prices);
        assert!(subjects(&mut again, new).is_empty());
        assert_eq!(again.next_digest(), Some(Timestamp::from_second(24 * 3600).unwrap()));
    }

    #[test]
    fn a_digest_is_due_once_for_each_day() {
        let mut watch = watch();
        subjects(&mut watch, &records(vec![(1, failed(ErrorClass::Capacity, "InternalError"))]));
        let at = |hour: i64| Timestamp::from_second(hour * 3600).unwrap();
        assert!(watch.digest(at(23)).is_none());
        // The machine was off for two days: one digest, not two.
        let told = watch.digest(at(72)).unwrap();
        assert_eq!(told.subject(), "web in us-phoenix-1: 0 of 2 instances after 3 days, still trying");
        assert!(
            told.details().contains("last reason: InternalError: InternalError happened"),
            "{}",
            told.details()
        );
        assert!(watch.digest(at(95)).is_none() && watch.digest(at(96)).is_some());
    }

    #[test]
    fn one_probe_of_a_hunt_is_not_its_end() {
        let ended = |hour, outcome| {
            let until = Timestamp::from_second(48 * 3600).unwrap();
            let mut watch = watch().probing_once(Some(until));
            subjects(&mut watch, &records(vec![(hour, Event::RunFinished { outcome })])).len()
        };
        assert_eq!(ended(1, Outcome::CutShort), 0);
        assert_eq!(ended(1, Outcome::Complete), 1);
        assert_eq!(ended(1, Outcome::NotAuthenticated), 1);
        assert_eq!(ended(48, Outcome::CutShort), 1);
    }

    #[test]
    fn a_bound_that_ended_a_hunt_is_the_reason() {
        let ended = |outcome| {
            let reached = Event::BoundReached { spent: 20.0, per_hour: 1.0 };
            let events = vec![(1, reached), (1, Event::RunFinished { outcome })];
            subjects(&mut watch(), &records(events)).join("; ")
        };
        let kept = ended(Outcome::Partial);
        assert!(
            kept.ends_with("the bound on the cost (--max-cost) was reached; what exists goes on costing"),
            "{kept}"
        );
        for outcome in [Outcome::Nothing, Outcome::GivenBack] {
            let gone = ended(outcome);
            assert!(gone.ends_with("(--max-cost) was reached, and nothing is kept"), "{gone}");
        }
    }

    #[test]
    fn every_outcome_is_told_with_its_reason() {
        use Outcome::{
            Complete, CutShort, GivenBack, InDoubt, Interrupted, LedgerFailed, NotAuthenticated, Nothing,
            Partial, Stopped,
        };
        let told: Vec<String> = [
            Complete,
            Partial,
            Nothing,
            NotAuthenticated,
            Interrupted,
            GivenBack,
            LedgerFailed,
            InDoubt,
            CutShort,
            Stopped,
        ]
        .into_iter()
        .flat_map(|outcome| subjects(&mut watch(), &records(vec![(1, Event::RunFinished { outcome })])))
        .map(|subject| subject.replace("web in us-phoenix-1: ", ""))
        .collect();
        insta::assert_snapshot!(told.join("\n"), @r"
        all of 2 instances obtained
        0 of 2 instances; the others failed
        0 of 2 instances; everything failed
        0 of 2 instances; the login was refused
        0 of 2 instances; interrupted
        0 of 2 instances; fewer than the minimum, so everything was rolled back
        0 of 2 instances; the records of the run could not be written
        0 of 2 instances; the outcome of a launch is unknown; `resume` finds out
        0 of 2 instances; out of time
        0 of 2 instances; ended for good
        ");
    }
}
