//! Records that were lost with the log, or that an old copy of the ledger lacks, are reported as missing.

use crate::events::{at, run_id};
use ledger::{Event, LedgerError, Outcome, RunId, RunKind, SqliteStore, Store as _};
use std::path::Path;

fn started(kind: RunKind) -> Event {
    Event::RunStarted { kind, requested: 7, plan: serde_json::Value::Null }
}

fn warnings(count: u32) -> Vec<Event> {
    (0..count).map(|number| Event::Warning { message: format!("number {number}") }).collect()
}

/// The state directory after its process was killed and the log was lost.
fn without_log(from: &Path) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(from.join("ledger.db"), folder.path().join("ledger.db")).unwrap();
    without_ledger(from, folder)
}

/// The same, with the ledger lost too.
fn without_ledger(from: &Path, folder: tempfile::TempDir) -> tempfile::TempDir {
    std::fs::create_dir(folder.path().join("runs")).unwrap();
    for file in std::fs::read_dir(from.join("runs")).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), folder.path().join("runs").join(file.file_name())).unwrap();
    }
    folder
}

#[tokio::test]
async fn the_end_of_a_run_that_a_lost_log_held_is_missed() {
    let state = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(state.path()).unwrap();
    store.create_run(run_id(), at(0), started(RunKind::Launch)).await.unwrap();
    store.append(run_id(), at(1), warnings(4)).await.unwrap();
    // Closing the file writes the log into it.
    drop(store);
    let store = SqliteStore::open(state.path()).unwrap();
    let _lease = store.lease(run_id(), at(2)).await.unwrap();
    store.append(run_id(), at(2), warnings(6)).await.unwrap();

    let copy = without_log(state.path());
    let store = SqliteStore::open(copy.path()).unwrap();
    let numbers = |found: &ledger::Records| -> (Vec<u64>, Vec<u64>) {
        let read = found.records.iter().map(|record| record.seq).collect();
        (read, found.unreadable.iter().map(|lost| lost.seq).collect())
    };
    let found = store.records(run_id()).await.unwrap();
    assert_eq!(numbers(&found), ((1..=5).collect(), (6..=11).collect()));
    // The numbers of lost records are not reused, so that later readers also notice the gap.
    let lease = store.lease(run_id(), at(3)).await.unwrap();
    let appended = store.append(run_id(), at(3), warnings(2)).await.unwrap();
    assert_eq!(appended[0].seq, 12);
    drop((lease, store));
    let found = SqliteStore::open(copy.path()).unwrap().records(run_id()).await.unwrap();
    assert_eq!(numbers(&found), ((1..=5).chain(12..=13).collect(), (6..=11).collect()));
}

#[tokio::test]
async fn a_run_whose_records_are_all_lost_is_a_stray_until_it_ends() {
    let state = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(state.path()).unwrap();
    let stopping = RunId::new(at(5), [5; 10]);
    for (run, kind) in [(run_id(), RunKind::Launch), (stopping, RunKind::Stop)] {
        store.create_run(run, at(0), started(kind)).await.unwrap();
        let lease = store.lease(run, at(0)).await.unwrap();
        store.append(run, at(1), warnings(1)).await.unwrap();
        drop(lease);
    }
    assert_eq!(store.strays().await.unwrap(), []);
    let lost = without_ledger(state.path(), tempfile::tempdir().unwrap());
    let other = SqliteStore::open(lost.path()).unwrap();
    let strays = other.strays().await.unwrap();
    assert_eq!(strays.iter().map(|stray| (stray.run, stray.held)).collect::<Vec<_>>(), [(run_id(), false)]);
    assert_eq!(strays[0].holder.as_ref().unwrap().pid, std::process::id());

    let ended = |outcome| vec![Event::RunFinished { outcome }];
    for (outcome, count) in [(Outcome::InDoubt, 1), (Outcome::Partial, 0)] {
        let lease = store.lease(run_id(), at(2)).await.unwrap();
        store.append(run_id(), at(2), ended(outcome)).await.unwrap();
        drop(lease);
        let lost = without_ledger(state.path(), tempfile::tempdir().unwrap());
        let strays = SqliteStore::open(lost.path()).unwrap().strays().await.unwrap();
        assert_eq!(strays.len(), count, "{outcome:?}");
    }
}

#[tokio::test]
async fn a_lost_run_that_is_written_anew_misses_nothing() {
    let state = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(state.path()).unwrap();
    store.create_run(run_id(), at(0), started(RunKind::Launch)).await.unwrap();
    let lease = store.lease(run_id(), at(0)).await.unwrap();
    store.append(run_id(), at(1), warnings(9)).await.unwrap();

    let lost = without_ledger(state.path(), tempfile::tempdir().unwrap());
    let anew = SqliteStore::open(lost.path()).unwrap();
    let held = std::fs::OpenOptions::new().write(true).open(ledger::sqlite::lock_path(lost.path(), run_id()));
    let held = held.unwrap();
    held.lock().unwrap();
    let refused = anew.create_run(run_id(), at(2), started(RunKind::Launch)).await.unwrap_err();
    assert!(matches!(refused, LedgerError::Held { .. }), "{refused:?}");
    drop(held);
    anew.create_run(run_id(), at(2), started(RunKind::Launch)).await.unwrap();
    let appended = anew.append(run_id(), at(2), warnings(1)).await.unwrap();
    assert_eq!(appended[0].seq, 2);
    drop(anew);
    let found = SqliteStore::open(lost.path()).unwrap().records(run_id()).await.unwrap();
    assert_eq!((found.records.len(), found.unreadable.len()), (2, 0));
    drop(lease);
}
