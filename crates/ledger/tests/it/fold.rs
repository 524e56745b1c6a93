//! The fold: at any moment, the state of a run matches its records, and shows what is left to do.

use crate::events::{at, event, run_id};
use jiff::{SignedDuration, Timestamp};
use ledger::{
    Action, ErrorClass, ErrorRecord, Event, Next, Phase, Placement, Record, RequestCount, RunKind, RunState,
};
use proptest::prelude::*;

fn records(events: Vec<Event>) -> Vec<Record> {
    (1_u64..).zip(events).map(|(seq, event)| Record { seq, at: at(seq.cast_signed()), event }).collect()
}

fn intended(slot: u32, attempt: u32) -> Event {
    let token = format!("t-{slot}-{attempt}");
    Event::LaunchIntended { slot, attempt, token, placement: Placement::default() }
}

fn launched(slot: u32, attempt: u32) -> Event {
    Event::Launched {
        slot,
        attempt,
        ocid: format!("ocid-{slot}-{attempt}"),
        name: format!("n-{slot}"),
        state: "PROVISIONING".to_owned(),
        placement: Placement::default(),
        work_request: None,
        adopted: false,
        differs: None,
    }
}

fn running(slot: u32, attempt: u32) -> Event {
    Event::Running { slot, ocid: format!("ocid-{slot}-{attempt}") }
}

fn failed(slot: u32, attempt: u32, action: Action) -> Event {
    Event::TryFailed { slot, attempt, error: ErrorRecord::default(), action, settled: false }
}

fn started(requested: u32) -> Event {
    Event::RunStarted { kind: RunKind::Launch, requested, plan: serde_json::Value::Null }
}

fn next(events: Vec<Event>) -> Vec<(u32, Next)> {
    RunState::fold(run_id(), &records(events)).remaining().collect()
}

#[test]
fn nothing_is_left_of_a_run_whose_slots_all_run() {
    assert_eq!(next(vec![started(1), intended(1, 1), launched(1, 1), running(1, 1)]), []);
}

#[test]
fn an_open_launch_is_resolved_with_its_own_token() {
    let left = next(vec![started(1), intended(1, 1), failed(1, 1, Action::RetrySameToken), intended(1, 1)]);
    let [(1, Next::Settle(intent))] = left.as_slice() else { panic!("{left:?}") };
    assert_eq!(
        (intent.token.as_str(), intent.first_at),
        ("t-1-1", at(2)),
        "the token is as old as its first use"
    );
}

#[test]
fn a_refused_login_leaves_an_earlier_try_open() {
    let left = next(vec![started(1), intended(1, 1), failed(1, 1, Action::StopRun)]);
    assert!(matches!(left.as_slice(), [(1, Next::Settle(_))]), "{left:?}");
}

#[test]
fn a_slot_that_may_exist_is_resolved_first() {
    let error = ErrorRecord::default();
    let left = next(vec![
        started(1),
        intended(1, 2),
        failed(1, 2, Action::LookUp),
        Event::SlotFailed { slot: 1, error },
    ]);
    assert!(matches!(left.as_slice(), [(1, Next::Settle(intent))] if intent.attempt == 2), "{left:?}");
}

#[test]
fn after_a_termination_the_next_attempt_is_numbered_anew() {
    let died = Event::InstanceDied { slot: 1, ocid: "ocid-1-1".to_owned(), error: ErrorRecord::default() };
    let left = next(vec![
        started(3),
        intended(1, 1),
        launched(1, 1),
        died,
        intended(2, 1),
        failed(2, 1, Action::NextPlacement),
    ]);
    let launch = |attempt| Next::Launch { attempt };
    assert_eq!(left, [(1, launch(2)), (2, launch(2)), (3, launch(1))]);
}

#[test]
fn an_instance_that_was_not_seen_running_is_waited_for() {
    let left = next(vec![started(1), intended(1, 1), launched(1, 1)]);
    assert_eq!(left, [(1, Next::Watch { ocid: "ocid-1-1".to_owned() })]);
}

#[test]
fn the_boot_time_of_one_first_seen_running_is_unknown() {
    let boot = |running_at: i64| {
        let mut records = records(vec![launched(1, 1), running(1, 1)]);
        records[0].at = Timestamp::UNIX_EPOCH;
        records[1].at = Timestamp::from_millisecond(running_at).unwrap();
        RunState::fold(run_id(), &records).slot(1).boot_time()
    };
    assert_eq!(boot(41_500), Some(SignedDuration::from_millis(41_500)));
    assert_eq!(boot(0), None, "both were recorded at once");
    assert_eq!(boot(-1), None, "the clock was set back");
}

#[test]
fn requests_of_all_processes_of_a_run_are_added() {
    let counted = |ok| Event::RequestsCounted {
        requests: [("GetInstance".to_owned(), RequestCount { ok, throttled: 0, failed: 0 })].into(),
    };
    let events = vec![started(1), counted(2), counted(5), Event::RunResumed, counted(1), counted(3)];
    let state = RunState::fold(run_id(), &records(events));
    assert_eq!(state.requests["GetInstance"].ok, 8, "counts are totals within a process");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_state_taken_in_pieces_is_the_state_of_the_whole(events in prop::collection::vec(event(), 0..60), cut in 0..60_usize) {
        let records = records(events);
        let (first, second) = records.split_at(cut.min(records.len()));
        let mut state = RunState::fold(run_id(), first);
        for record in second {
            state.apply(record);
        }
        prop_assert_eq!(state, RunState::fold(run_id(), &records));
    }

    #[test]
    fn counts_are_what_a_count_over_the_slots_gives(events in prop::collection::vec(event(), 0..60)) {
        let state = RunState::fold(run_id(), &records(events));
        let count = |of: &dyn Fn(&ledger::SlotState) -> bool| state.slots.values().filter(|slot| of(slot)).count() as u32;
        prop_assert_eq!(state.counts.launched, count(&|slot| slot.ocid.is_some()));
        prop_assert_eq!(state.counts.running, count(&|slot| matches!(slot.phase, Phase::Running | Phase::ActionDone)));
        prop_assert_eq!(state.counts.failed, count(&|slot| slot.phase == Phase::Failed || slot.wait_ended || slot.differs.is_some()));
        prop_assert_eq!(state.counts.unsettled, count(&|slot| slot.unsettled.is_some()));
    }
}

#[test]
fn a_counted_refusal_keeps_the_last_words() {
    let placement = Placement { availability_domain: "AD-1".to_owned(), ..Placement::default() };
    let intended = |attempt| Event::LaunchIntended {
        slot: 1,
        attempt,
        token: format!("t{attempt}"),
        placement: placement.clone(),
    };
    let failed = |attempt, message: &str| {
        let error = ErrorRecord {
            class: ErrorClass::Capacity,
            code: "InternalError".to_owned(),
            message: message.to_owned(),
            ..ErrorRecord::default()
        };
        Event::TryFailed { slot: 1, attempt, error, action: Action::NextPlacement, settled: false }
    };
    let events = [intended(1), failed(1, "Out of host capacity."), intended(2), failed(2, "")];
    let state = RunState::fold(run_id(), &records(events.into()));
    let row = &state.targets.rows()[0];
    assert_eq!((row.attempts, row.refused, row.obtained), (2, 2, 0));
    assert_eq!(row.last_error.as_ref().unwrap().message, "Out of host capacity.");
    assert_eq!(state.slot(1).error.as_ref().unwrap().message, "Out of host capacity.");
}
