//! Describes an event in one line, or not at all if it is not notable.
//!
//! Pure: an event and the state of the run in, a line out.

use super::console::Verbosity;
use super::engine;
use super::summary::describe;
use super::text::{clean, count, seconds, thousands};
use super::waiting;
use jiff::Timestamp;
use ledger::{Action, ErrorClass, ErrorRecord, Event, Record, RunState};

/// The line for a record. `state` already includes the record; `name` says how a slot is called while it has no instance.
///
/// A number in brackets counts the subject of the word that follows it, and no other line starts with one.
pub fn event_line(
    record: &Record,
    state: &RunState,
    name: &dyn Fn(u32) -> String,
    verbosity: Verbosity,
) -> Option<String> {
    let of = state.requested;
    let launched = format!("[{}/{of}]", state.counts.launched);
    let running = format!("[{}/{of}]", state.counts.running);
    let verbose = verbosity == Verbosity::Verbose;
    // OCI names the members of a pool itself.
    let name = |slot| state.slot(slot).name.clone().unwrap_or_else(|| name(slot));
    let text = match &record.event {
        Event::RunStarted { requested, .. } => {
            format!("run {}: {}", state.run, count(*requested, "instance"))
        }
        Event::RunResumed => format!("resuming run {}", state.run),
        Event::Launched { slot, .. } => format!("{launched} {}", launch(&record.event, &name(*slot), state)),
        Event::Running { slot, .. } => {
            let took = state.slot(*slot).boot_time();
            let after =
                took.map_or_else(String::new, |took| format!(" after {}", seconds(took.as_secs_f64())));
            format!("{running} running {}{after}", name(*slot))
        }
        // The following events show whether another placement remains; this reservation is full.
        Event::TryFailed { slot, error, .. } if error.class == ErrorClass::ReservationExhausted => {
            format!("{}: the reservation has no capacity left: {}", name(*slot), describe(error))
        }
        Event::TryFailed { slot, error, action, .. } => {
            let next = match action {
                // The following events show whether and when the placement is tried again.
                Action::NextPlacement if has_one_placement(state) => "the config has no other placement",
                Action::NextPlacement => "trying the next placement",
                Action::LookUp => "checking whether it exists",
                Action::RetrySameToken | Action::Wait if verbose || is_silence(error) => "trying again",
                // The pacer handles throttling and short faults, and the following event reports the end.
                Action::RetrySameToken | Action::Wait | Action::GiveUpSlot | Action::StopRun => return None,
            };
            format!("{}: {}; {next}", name(*slot), describe(error))
        }
        Event::Waiting { slot, next_try, gives_up } => {
            waits(&name(*slot), state.slot(*slot).error.as_deref(), record.at, *next_try, *gives_up)
        }
        Event::InstanceDied { slot, ocid, error } => {
            format!("{} failed before it reached RUNNING ({}): {}", name(*slot), clean(ocid), describe(error))
        }
        Event::SlotFailed { slot, error } => {
            format!("[{}/{of}] failed {}: {}", state.counts.failed, name(*slot), describe(error))
        }
        Event::WaitEnded { slot, error: Some(error), .. } => {
            format!("no longer waiting for {}: {}", name(*slot), describe(error))
        }
        Event::WaitEnded { slot, state: seen, .. } => {
            format!("{} is still {} after the wait", name(*slot), clean(seen))
        }
        Event::StateSeen { slot, state: seen, .. } if verbose => {
            format!("{} is {}", name(*slot), clean(seen))
        }
        Event::PaceChanged { class, rate, reason } if verbose => {
            format!("pace of {class}: {rate:.2}/s ({})", clean(reason))
        }
        Event::GiveBackIntended { reached, min } => {
            format!("{reached} running is below the minimum of {min}: rolling back")
        }
        Event::Engine { step } => engine::step(step),
        Event::GivenBack { ocid, .. } => format!("rolled back {}", clean(ocid)),
        // Reported as soon as a reservation exists, before its count has been read.
        Event::ReservationHeld { ocid, availability_domain, held: 0, .. } => {
            format!("reservation in {}: {}", clean(availability_domain), clean(ocid))
        }
        Event::ReservationHeld { availability_domain, asked, held, .. } => {
            format!("reserved {held} of {asked} in {}", clean(availability_domain))
        }
        Event::BoundReached { spent, per_hour } => {
            let (spent, per_hour) = (thousands(*spent, 2), thousands(*per_hour, 4));
            format!(
                "the instances have cost {spent} (--max-cost) and cost {per_hour} per hour: launching nothing more"
            )
        }
        Event::Warning { message } => format!("warning: {}", clean(message)),
        Event::Interrupted => "interrupted: finishing the requests that are in flight".to_owned(),
        _ => return None,
    };
    Some(text)
}

/// Why a slot waits, and until when.
fn waits(
    name: &str,
    error: Option<&ErrorRecord>,
    now: Timestamp,
    next_try: Timestamp,
    gives_up: Option<Timestamp>,
) -> String {
    let from_now = |then: Timestamp| seconds(then.duration_since(now).as_secs_f64().max(0.0));
    let reason = error.map_or_else(String::new, |error| format!(": {}", waiting::short(error)));
    let next = match gives_up {
        Some(end) if end <= next_try => format!("gives up in {}", from_now(end)),
        Some(end) => format!("next try in {}, gives up in {}", from_now(next_try), from_now(end)),
        None => format!("next try in {}", from_now(next_try)),
    };
    format!("{name} waits{reason}; {next}")
}

/// `launched web-3 as VM.Standard.E5.Flex in Uocm:PHX-AD-1: ocid1.instance…`, with the shape only if there are several.
fn launch(event: &Event, name: &str, state: &RunState) -> String {
    let Event::Launched { ocid, placement, adopted, differs, .. } = event else { return String::new() };
    let word = if *adopted { "found" } else { "launched" };
    let kind =
        if has_several_shapes(state) { format!(" as {}", clean(&placement.shape)) } else { String::new() };
    let unlike = differs.as_ref().map_or_else(String::new, |differs| format!("; {}", clean(differs)));
    format!("{word} {name}{kind} in {}: {}{unlike}", clean(&placement.availability_domain), clean(ocid))
}

/// Whether instances may have one of several shapes.
fn has_several_shapes(state: &RunState) -> bool {
    let placements = state.plan["fleet"]["placements"].as_array().map_or(&[][..], Vec::as_slice);
    placements.iter().any(|placement| placement["shape"] != placements[0]["shape"])
}

fn has_one_placement(state: &RunState) -> bool {
    state.plan["fleet"]["placements"].as_array().is_some_and(|placements| placements.len() == 1)
}

/// Whether there was no response: while a service cannot be reached, nothing else happens for minutes.
fn is_silence(error: &ErrorRecord) -> bool {
    error.class == ErrorClass::Network || (error.class == ErrorClass::Ambiguous && error.status.is_none())
}

/// The colour of the line.
pub fn event_style(event: &Event) -> anstyle::Style {
    use anstyle::AnsiColor::{Green, Red, Yellow};
    match event {
        Event::SlotFailed { .. } | Event::InstanceDied { .. } => Red.on_default(),
        Event::TryFailed { .. }
        | Event::WaitEnded { .. }
        | Event::Warning { .. }
        | Event::BoundReached { .. }
        | Event::GiveBackIntended { .. }
        | Event::Interrupted => Yellow.on_default(),
        Event::Running { .. } => Green.on_default(),
        _ => anstyle::Style::new(),
    }
}

/// Whether the line must be shown even if bars represent the rest.
pub fn is_worth_a_line(event: &Event) -> bool {
    match event {
        Event::TryFailed { action, error, .. } => {
            matches!(action, Action::LookUp)
                || (matches!(action, Action::RetrySameToken | Action::Wait) && is_silence(error))
        }
        Event::SlotFailed { .. }
        | Event::InstanceDied { .. }
        | Event::WaitEnded { .. }
        | Event::BoundReached { .. }
        | Event::GiveBackIntended { .. }
        | Event::GivenBack { .. }
        | Event::ReservationHeld { .. }
        | Event::Engine { .. }
        | Event::Warning { .. }
        | Event::Interrupted
        | Event::RunResumed => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::{ErrorRecord, RunId, RunKind};
    use oci_client::FailureClass;

    #[test]
    fn the_next_placement_is_spoken_of_only_where_there_is_one() {
        let error = ErrorRecord { code: "LimitExceeded".to_owned(), ..ErrorRecord::default() };
        let action = Action::NextPlacement;
        let failed = Event::TryFailed { slot: 1, attempt: 1, error, action, settled: false };
        for (placements, said) in [(1, "the config has no other placement"), (2, "trying the next placement")]
        {
            let plan = serde_json::json!({"fleet": {"placements": vec!["somewhere"; placements]}});
            let begun = Event::RunStarted { kind: RunKind::Launch, requested: 1, plan };
            let record = |seq, event| Record { seq, at: jiff::Timestamp::UNIX_EPOCH, event };
            let state = RunState::fold(RunId(uuid::Uuid::nil()), [&record(1, begun)]);
            let name = |slot| format!("web-{slot}");
            let line = event_line(&record(2, failed.clone()), &state, &name, Verbosity::Normal).unwrap();
            assert!(line.contains(said), "{line}");
        }
    }

    #[test]
    fn a_wait_says_why_and_until_when() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let error = ErrorRecord {
            code: "LimitExceeded".to_owned(),
            message: "The following service limits were exceeded: standard-e4-core-count. Ask for more."
                .to_owned(),
            ..ErrorRecord::default()
        };
        let failed = Event::TryFailed { slot: 1, attempt: 1, error, action: Action::Wait, settled: false };
        let state = RunState::fold(RunId(uuid::Uuid::nil()), [&Record { seq: 1, at: at(0), event: failed }]);
        let told = |gives_up: Option<i64>| {
            let event = Event::Waiting { slot: 1, next_try: at(40), gives_up: gives_up.map(at) };
            let record = Record { seq: 2, at: at(0), event };
            event_line(&record, &state, &|slot| format!("web-{slot}"), Verbosity::Normal).unwrap()
        };
        let why = "web-1 waits: LimitExceeded standard-e4-core-count; ";
        assert_eq!(told(None), format!("{why}next try in 40.0 s"));
        assert_eq!(told(Some(90)), format!("{why}next try in 40.0 s, gives up in 90.0 s"));
        // A try after the end would not happen.
        assert_eq!(told(Some(6)), format!("{why}gives up in 6.0 s"));
    }

    #[test]
    fn retries_of_an_unreachable_service_are_reported() {
        let told = |class: FailureClass, status| {
            let error = ErrorRecord {
                class: class.name().into(),
                status,
                code: "ConnectFailed".to_owned(),
                message: "cannot reach iaas.us-phoenix-1.oraclecloud.com: no route".to_owned(),
                ..ErrorRecord::default()
            };
            let event = Event::TryFailed { slot: 1, attempt: 1, error, action: Action::Wait, settled: false };
            let record = Record { seq: 1, at: jiff::Timestamp::UNIX_EPOCH, event };
            let state = RunState::new(RunId(uuid::Uuid::nil()));
            let line = event_line(&record, &state, &|slot| format!("web-{slot}"), Verbosity::Normal);
            assert_eq!(line.is_some(), is_worth_a_line(&record.event), "{line:?}");
            line
        };
        let network = told(FailureClass::Network, None).unwrap();
        assert!(
            network.ends_with(
                "web-1: ConnectFailed: cannot reach iaas.us-phoenix-1.oraclecloud.com: no route; trying again"
            ),
            "{network}"
        );
        assert!(told(FailureClass::Ambiguous, None).is_some());
        assert_eq!(told(FailureClass::Throttled, Some(429)), None);
        assert_eq!(told(FailureClass::Ambiguous, Some(500)), None);
    }
}
