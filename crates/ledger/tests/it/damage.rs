//! However the file is damaged, every record that is read was written before, and a refused file is not changed.

use crate::events::{at, run_id};
use ledger::{Event, LedgerError, Record, RunKind, RunState, SqliteStore, Store as _};
use proptest::prelude::*;
use std::{path::Path, sync::LazyLock};
use tokio::runtime::{Builder, Runtime};

fn runtime() -> Runtime {
    Builder::new_current_thread().build().unwrap()
}

/// A ledger of sixty records over several pages in a single file: the file and its records.
static GOOD: LazyLock<(Vec<u8>, Vec<Record>)> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path()).unwrap();
    let records = runtime().block_on(async {
        let plan = serde_json::json!({"fleet": "x".repeat(5_000)});
        let first = Event::RunStarted { kind: RunKind::Launch, requested: 7, plan };
        store.create_run(run_id(), at(0), first).await.unwrap();
        for n in 0..60 {
            let event = Event::Warning { message: format!("number {n} {}", "y".repeat(100)) };
            store.append(run_id(), at(n), vec![event]).await.unwrap();
        }
        store.records(run_id()).await.unwrap().records
    });
    drop(store);
    let bytes = std::fs::read(folder.path().join("ledger.db")).unwrap();
    assert!(bytes.len() > 4 * 4096, "the log is in the file");
    (bytes, records)
});

/// Reads a ledger from this file: the records, how many are missing, or why it was refused.
fn read(folder: &Path, bytes: &[u8]) -> Result<(Vec<Record>, usize), LedgerError> {
    std::fs::write(folder.join("ledger.db"), bytes).unwrap();
    let store = SqliteStore::open(folder)?;
    let found = runtime().block_on(store.records(run_id()))?;
    Ok((found.records, found.unreadable.len()))
}

#[test]
fn a_truncated_file_is_read_but_not_appended_to() {
    let (good, records) = &*GOOD;
    let folder = tempfile::tempdir().unwrap();
    let cut = &good[..good.len() - 4096];
    let (found, missing) = read(folder.path(), cut).unwrap();
    assert!(found.len() > 20 && found.len() < records.len(), "{} records", found.len());
    assert!(found.iter().all(|record| records.contains(record)));
    assert!((1..60).contains(&missing), "{missing} missing");
    let store = SqliteStore::open(folder.path()).unwrap();
    assert_eq!(runtime().block_on(store.runs()).unwrap().len(), 1);
    let refused = runtime().block_on(store.append(run_id(), at(99), vec![Event::Interrupted])).unwrap_err();
    assert!(refused.to_string().contains("it can be read, but not added to"), "{refused}");
    drop(store);
    assert_eq!(std::fs::read(folder.path().join("ledger.db")).unwrap(), cut);
}

#[test]
fn a_file_cut_within_its_head_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    for length in [1, 50, 99, 100, 1000, 4095] {
        let cut = &GOOD.0[..length];
        let error = read(folder.path(), cut).unwrap_err();
        assert!(matches!(error, LedgerError::Corrupt { .. }), "{length}: {error:?}");
        assert_eq!(std::fs::read(folder.path().join("ledger.db")).unwrap(), cut, "{length}");
    }
}

/// A ledger whose process was killed, so that the newest records are in the log beside the file. Returns both files.
fn killed(folder: &Path) -> (Vec<u8>, Vec<u8>) {
    let store = SqliteStore::open(folder).unwrap();
    runtime().block_on(async {
        let first = Event::RunStarted { kind: RunKind::Launch, requested: 7, plan: serde_json::Value::Null };
        store.create_run(run_id(), at(0), first).await.unwrap();
        for n in 0..20 {
            let message = format!("number {n}");
            store.append(run_id(), at(n), vec![Event::Warning { message }]).await.unwrap();
        }
    });
    let file = |name: &str| std::fs::read(folder.join(name)).unwrap();
    (file("ledger.db"), file("ledger.db-wal"))
}

#[test]
fn a_torn_log_loses_only_the_last_append() {
    let source = tempfile::tempdir().unwrap();
    let (file, log) = killed(source.path());
    assert!(log.len() > 20 * 4096, "{} bytes", log.len());
    let cut = log.len() - 5000;
    let mut torn = log[..cut].to_vec();
    let mut garbled = log.clone();
    garbled[cut..].fill(0xAA);
    torn.extend(std::iter::repeat_n(0xAA, 300));
    for damaged in [torn, garbled, log[..cut].to_vec()] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ledger.db-wal"), damaged).unwrap();
        let (found, missing) = read(folder.path(), &file).unwrap();
        // A commit writes one page to the log, or a few: the last two commits are lost.
        assert!((18..21).contains(&found.len()), "{} records", found.len());
        assert_eq!(missing, 0);
        assert_eq!(RunState::fold(run_id(), &found).requested, 7);
    }
}

#[test]
fn a_log_without_its_file_is_kept_and_told() {
    let source = tempfile::tempdir().unwrap();
    let (_, log) = killed(source.path());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db-wal");
    std::fs::write(&path, &log).unwrap();
    let error = read(folder.path(), b"").unwrap_err();
    assert!(matches!(error, LedgerError::Corrupt { .. }), "{error:?}");
    assert!(error.to_string().contains("the log beside it is not"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), log);
}

#[test]
fn a_database_without_tables_is_not_made_a_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let other = rusqlite::Connection::open(&path).unwrap();
    other.pragma_update(None, "user_version", 3).unwrap();
    drop(other);
    let bytes = std::fs::read(&path).unwrap();
    assert!(!bytes.is_empty());
    let error = read(folder.path(), &bytes).unwrap_err();
    assert!(matches!(error, LedgerError::Corrupt { .. }), "{error:?}");
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
}

/// The damage to one position of the file.
#[derive(Clone, Debug)]
enum Damage {
    Cut,
    Rubbish(usize),
    Flip(u8),
}

fn damage() -> impl Strategy<Value = Vec<(prop::sample::Index, Damage)>> {
    let kinds = prop_oneof![
        1 => Just(Damage::Cut),
        3 => (1..6000_usize).prop_map(Damage::Rubbish),
        6 => (1..=255_u8).prop_map(Damage::Flip),
    ];
    prop::collection::vec((any::<prop::sample::Index>(), kinds), 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_file_yields_only_what_was_written(damages in damage()) {
        let (good, records) = &*GOOD;
        let mut bytes = good.clone();
        for (place, damage) in damages {
            let place = place.index(bytes.len().max(1));
            let end = bytes.len();
            match damage {
                Damage::Cut => bytes.truncate(place.max(1)),
                Damage::Rubbish(length) => bytes[place..end.min(place + length)].fill(0xAA),
                Damage::Flip(bits) => bytes[place] ^= bits,
            }
        }
        let folder = tempfile::tempdir().unwrap();
        match read(folder.path(), &bytes) {
            Ok((found, _)) => prop_assert!(found.iter().all(|record| records.contains(record))),
            Err(LedgerError::UnknownRun { .. }) => {}
            // Only the head can be read, or nothing.
            Err(error) => {
                let kept = std::fs::read(folder.path().join("ledger.db")).unwrap();
                prop_assert!(kept == bytes, "{error}");
            }
        }
    }

    #[test]
    fn whatever_lines_are_in_a_ledger_fold_into_a_state(lines in prop::collection::vec("\\PC{0,40}", 0..10)) {
        let events = lines.iter().filter_map(|line| serde_json::from_str::<Event>(line).ok());
        let records: Vec<Record> = (1..).zip(events).map(|(seq, event)| Record { seq, at: at(0), event }).collect();
        let _ = RunState::fold(run_id(), &records);
    }
}
