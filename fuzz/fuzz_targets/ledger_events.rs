//! Whatever events a ledger holds, in whatever order, they fold into a state of the run, and are written as they were read.

#![no_main]

use jiff::Timestamp;
use ledger::{Event, Record, RunId, RunState};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let events = text.lines().filter_map(|line| serde_json::from_str::<Event>(line).ok());
    let records: Vec<Record> =
        (1..).zip(events).map(|(seq, event)| Record { seq, at: Timestamp::UNIX_EPOCH, event }).collect();
    for record in &records {
        let written = serde_json::to_string(&record.event).unwrap();
        let read: Event = serde_json::from_str(&written).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), written);
    }
    let state = RunState::fold(RunId(uuid::Uuid::nil()), &records);
    // A bound, for a run of four billion slots is asked for easily.
    let _ = state.remaining().take(1_000).count();
});
