//! Every event survives being written and read, and events of older versions stay readable.

use jiff::Timestamp;
use ledger::{
    Action, ErrorRecord, Event, Outcome, Placement, RatchetEnd, Record, RequestCount, RunId, RunKind,
    RunState, SlotNumber,
};
use proptest::prelude::*;

pub fn run_id() -> RunId {
    "0199f000-0000-7000-8000-000000000001".parse().unwrap()
}

pub fn at(second: i64) -> Timestamp {
    Timestamp::new(1_790_000_000 + second, 0).unwrap()
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[A-Za-z0-9:._-]{0,12}", "\\PC{0,6}"]
}

fn placement() -> impl Strategy<Value = Placement> {
    (text(), prop::option::of(text()), text(), prop::option::of(text())).prop_map(
        |(availability_domain, fault_domain, shape, capacity_reservation)| Placement {
            availability_domain,
            fault_domain,
            shape,
            capacity_reservation,
            ..Placement::default()
        },
    )
}

fn error() -> impl Strategy<Value = ErrorRecord> {
    (text(), prop::option::of(any::<u16>()), text(), text(), prop::option::of(text())).prop_map(
        |(class, status, code, message, opc_request_id)| ErrorRecord {
            class: class.into(),
            status,
            code,
            message,
            opc_request_id,
        },
    )
}

fn action() -> impl Strategy<Value = Action> {
    prop::sample::select(vec![
        Action::RetrySameToken,
        Action::Wait,
        Action::LookUp,
        Action::NextPlacement,
        Action::GiveUpSlot,
        Action::StopRun,
    ])
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop::sample::select(vec![
        Outcome::Complete,
        Outcome::Partial,
        Outcome::Nothing,
        Outcome::NotAuthenticated,
        Outcome::Interrupted,
        Outcome::GivenBack,
        Outcome::LedgerFailed,
        Outcome::InDoubt,
        Outcome::CutShort,
        Outcome::Stopped,
    ])
}

fn launch_event(slot: BoxedStrategy<SlotNumber>) -> impl Strategy<Value = Event> {
    let attempt = 1..4_u32;
    prop_oneof![
        (slot.clone(), attempt.clone(), text(), placement()).prop_map(|(slot, attempt, token, placement)| {
            Event::LaunchIntended { slot, attempt, token, placement }
        }),
        (slot.clone(), attempt.clone(), error(), action(), any::<bool>()).prop_map(
            |(slot, attempt, error, action, settled)| Event::TryFailed {
                slot,
                attempt,
                error,
                action,
                settled
            }
        ),
        (
            slot.clone(),
            attempt,
            text(),
            text(),
            placement(),
            prop::option::of(text()),
            any::<bool>(),
            prop::option::of(text())
        )
            .prop_map(|(slot, attempt, ocid, state, placement, work_request, adopted, differs)| {
                Event::Launched {
                    slot,
                    attempt,
                    name: format!("n-{slot}"),
                    ocid,
                    state,
                    placement,
                    work_request,
                    adopted,
                    differs,
                }
            }),
        (slot.clone(), text(), text(), prop::option::of(text())).prop_map(
            |(slot, ocid, state, fault_domain)| Event::StateSeen { slot, ocid, state, fault_domain }
        ),
        (slot.clone(), text()).prop_map(|(slot, ocid)| Event::Running { slot, ocid }),
        (slot.clone(), text(), error()).prop_map(|(slot, ocid, error)| Event::InstanceDied {
            slot,
            ocid,
            error
        }),
        (slot.clone(), error()).prop_map(|(slot, error)| Event::SlotFailed { slot, error }),
        (slot, text(), text(), prop::option::of(error()))
            .prop_map(|(slot, ocid, state, error)| Event::WaitEnded { slot, ocid, state, error }),
    ]
}

fn other_event(slot: BoxedStrategy<SlotNumber>) -> impl Strategy<Value = Event> {
    let kinds = vec![
        RunKind::Launch,
        RunKind::Start,
        RunKind::Stop,
        RunKind::Reboot,
        RunKind::Terminate,
        RunKind::Cleanup,
    ];
    prop_oneof![
        (prop::sample::select(kinds), 0..9_u32, text()).prop_map(|(kind, requested, prefix)| {
            Event::RunStarted { kind, requested, plan: serde_json::json!({"prefix": prefix}) }
        }),
        Just(Event::RunResumed),
        (slot.clone(), text(), text()).prop_map(|(slot, ocid, action)| Event::ActionIntended {
            slot,
            ocid,
            action
        }),
        (slot.clone(), text(), text(), prop::option::of(text())).prop_map(
            |(slot, ocid, state, work_request)| Event::ActionAccepted { slot, ocid, state, work_request }
        ),
        (slot.clone(), text(), text(), any::<bool>())
            .prop_map(|(slot, ocid, state, skipped)| Event::ActionDone { slot, ocid, state, skipped }),
        (prop::option::of(slot), text(), prop::option::of(text()))
            .prop_map(|(slot, ocid, work_request)| Event::GivenBack { slot, ocid, work_request }),
        (text(), any::<u32>(), text()).prop_map(|(availability_domain, count, token)| {
            Event::ReservationIntended { availability_domain, count, token }
        }),
        (text(), text(), any::<u32>(), any::<u32>(), prop::option::of(any::<u32>())).prop_map(
            |(ocid, availability_domain, asked, held, usable)| {
                Event::ReservationHeld { ocid, availability_domain, asked, held, usable }
            }
        ),
        prop_oneof![Just(RatchetEnd::Time), Just(RatchetEnd::Money)]
            .prop_map(|reason| Event::RatchetEnded { reason }),
        (text(), 0.0..1e6_f64, text()).prop_map(|(class, rate, reason)| Event::PaceChanged {
            class,
            rate,
            reason
        }),
        prop::collection::btree_map(text(), (0..99_u64, 0..99_u64, 0..99_u64), 0..3).prop_map(|counts| {
            let count = |(ok, throttled, failed)| RequestCount { ok, throttled, failed };
            Event::RequestsCounted {
                requests: counts.into_iter().map(|(name, of)| (name, count(of))).collect(),
            }
        }),
        text().prop_map(|message| Event::Warning { message }),
        Just(Event::Interrupted),
        outcome().prop_map(|outcome| Event::RunFinished { outcome }),
    ]
}

/// Any event, for a few slots only so that events share them.
pub fn event() -> impl Strategy<Value = Event> {
    let slot = (1..4_u32).boxed();
    prop_oneof![3 => launch_event(slot.clone()), 1 => other_event(slot)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_event_survives_being_written_and_read(event in event(), seq in 1..u64::from(u32::MAX), second in 0..9999_i64) {
        let record = Record { seq, at: at(second), event };
        let text = serde_json::to_string(&record).unwrap();
        prop_assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), record);
    }
}

#[test]
fn what_format_version_1_wrote_stays_readable() {
    let lines = include_str!("fixtures/format-1.jsonl");
    let records: Vec<Record> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let types: std::collections::BTreeSet<String> = lines
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["type"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(types.len(), 20, "the fixture has an event of every type: {types:?}");
    let state = RunState::fold(run_id(), &records);
    assert_eq!((state.requested, state.counts.running, state.counts.failed), (3, 1, 2));
    assert_eq!(state.slots[&1].ocid.as_deref(), Some("ocid1.instance.oc1.phx.aaaa"));
    assert_eq!(state.outcome, Some(Outcome::Partial));
    // Written again by this version, nothing is lost: no field was renamed.
    for (line, record) in lines.lines().zip(&records) {
        let before: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(serde_json::to_value(record).unwrap(), before);
    }
}
