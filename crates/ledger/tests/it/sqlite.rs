//! The SQLite store: it keeps what it confirmed, names the holder of a run, and never overwrites what it cannot read.

use crate::events::{at, run_id};
use ledger::{Event, LedgerError, Outcome, RunId, RunKind, SqliteStore, Store as _};
use rusqlite::Connection;
use std::{path::Path, sync::Arc};

fn started() -> Event {
    Event::RunStarted { kind: RunKind::Launch, requested: 7, plan: serde_json::json!({"fleet": {}}) }
}

fn warning(text: &str) -> Event {
    Event::Warning { message: text.to_owned() }
}

async fn with_warnings(directory: &Path, count: u32) -> SqliteStore {
    let store = SqliteStore::open(directory).unwrap();
    store.create_run(run_id(), at(0), started()).await.unwrap();
    for n in 0..count {
        store.append(run_id(), at(1), vec![warning(&format!("number {n}"))]).await.unwrap();
    }
    store
}

#[tokio::test]
async fn what_was_appended_is_there_after_the_file_is_opened_again() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("new/state");
    let store = with_warnings(&state, 2).await;
    let appended = store.append(run_id(), at(2), vec![warning("a"), warning("b")]).await.unwrap();
    assert_eq!(appended.iter().map(|record| record.seq).collect::<Vec<_>>(), [4, 5]);
    drop(store);
    let found = SqliteStore::open(&state).unwrap().records(run_id()).await.unwrap();
    assert_eq!(found.records.len(), 5);
    assert_eq!(found.records[3..], appended);
    assert_eq!(found.unreadable, []);
}

#[tokio::test]
async fn two_processes_number_a_run_without_gaps() {
    let directory = tempfile::tempdir().unwrap();
    let one = with_warnings(directory.path(), 2).await;
    let other = SqliteStore::open(directory.path()).unwrap();
    for turn in 0..4 {
        let store = if turn % 2 == 0 { &other } else { &one };
        store.append(run_id(), at(2), vec![warning("a"), warning("b")]).await.unwrap();
    }
    let found = one.records(run_id()).await.unwrap();
    let numbers: Vec<u64> = found.records.iter().map(|record| record.seq).collect();
    assert_eq!(numbers, (1..=11).collect::<Vec<_>>());
}

/// The counts of a failed transaction must be discarded.
#[tokio::test]
async fn after_a_refused_append_the_numbers_go_on_without_gaps() {
    let directory = tempfile::tempdir().unwrap();
    let store = with_warnings(directory.path(), 1).await;
    let unknown = RunId::new(at(9), [9; 10]);
    assert!(store.append(unknown, at(2), vec![warning("nobody's")]).await.is_err());
    let appended = store.append(run_id(), at(2), vec![warning("a")]).await.unwrap();
    assert_eq!(appended[0].seq, 3);
}

#[tokio::test]
async fn runs_are_listed_newest_first_with_how_they_ended() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path()).unwrap();
    let (old, new) = (RunId::new(at(0), [0; 10]), RunId::new(at(60), [0; 10]));
    store.create_run(old, at(0), started()).await.unwrap();
    store.append(old, at(9), vec![Event::RunFinished { outcome: Outcome::Complete }]).await.unwrap();
    store.create_run(new, at(60), started()).await.unwrap();
    let lease = store.lease(new, at(61)).await.unwrap();
    let runs = store.runs().await.unwrap();
    assert_eq!(
        runs.iter().map(|head| (head.run, head.held)).collect::<Vec<_>>(),
        [(new, true), (old, false)]
    );
    assert_eq!((runs[1].requested, runs[1].created_at, runs[1].last_at), (7, at(0), at(9)));
    assert!(runs[0].unfinished() && !runs[1].unfinished());
    drop(lease);
    assert!(!store.runs().await.unwrap()[0].held);
}

#[tokio::test]
async fn concurrent_appends_are_all_kept_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(with_warnings(directory.path(), 0).await);
    let appends = (0..500).map(|n| {
        let store = Arc::clone(&store);
        async move { store.append(run_id(), at(1), vec![warning(&n.to_string())]).await.unwrap().remove(0) }
    });
    let mut written = Vec::new();
    let mut tasks = tokio::task::JoinSet::new();
    appends.for_each(|append| drop(tasks.spawn(append)));
    while let Some(record) = tasks.join_next().await {
        written.push(record.unwrap());
    }
    written.sort_by_key(|record| record.seq);
    assert_eq!(store.records(run_id()).await.unwrap().records[1..], written);
}

#[tokio::test]
async fn two_stores_on_one_file_number_their_records_together() {
    let directory = tempfile::tempdir().unwrap();
    let first = with_warnings(directory.path(), 1).await;
    let second = SqliteStore::open(directory.path()).unwrap();
    assert_eq!(second.append(run_id(), at(3), vec![warning("x")]).await.unwrap()[0].seq, 3);
    assert_eq!(first.append(run_id(), at(4), vec![warning("y")]).await.unwrap()[0].seq, 4);
}

#[tokio::test]
async fn a_second_process_is_told_who_holds_the_run() {
    let directory = tempfile::tempdir().unwrap();
    let first = with_warnings(directory.path(), 0).await;
    let second = SqliteStore::open(directory.path()).unwrap();
    let lease = first.lease(run_id(), at(5)).await.unwrap();
    let refused = second.lease(run_id(), at(6)).await.unwrap_err();
    let LedgerError::Held { holder: Some(holder), .. } = &refused else { panic!("{refused:?}") };
    assert_eq!((holder.pid, holder.since), (std::process::id(), at(5)));
    assert!(refused.to_string().contains(&format!("process {}", std::process::id())), "{refused}");
    drop(lease);
    drop(second.lease(run_id(), at(7)).await.unwrap());
}

#[tokio::test]
async fn what_does_not_exist_is_said_and_not_made() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path()).unwrap();
    assert!(matches!(store.append(run_id(), at(0), vec![]).await, Err(LedgerError::UnknownRun { .. })));
    assert!(matches!(store.records(run_id()).await, Err(LedgerError::UnknownRun { .. })));
    assert!(matches!(store.lease(run_id(), at(0)).await, Err(LedgerError::UnknownRun { .. })));
    store.create_run(run_id(), at(0), started()).await.unwrap();
    assert!(matches!(store.create_run(run_id(), at(0), started()).await, Err(LedgerError::RunExists { .. })));
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_can_read_the_ledger() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("state");
    let store = with_warnings(&state, 1).await;
    drop(store.lease(run_id(), at(0)).await.unwrap());
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&state), 0o700);
    assert_eq!(mode(&state.join("runs")), 0o700);
    for entry in state.read_dir().unwrap().chain(state.join("runs").read_dir().unwrap()) {
        let path = entry.unwrap().path();
        if path.is_file() {
            assert_eq!(mode(&path), 0o600, "{}", path.display());
        }
    }
}

#[tokio::test]
async fn a_damaged_number_does_not_add_a_row_per_gap() {
    let directory = tempfile::tempdir().unwrap();
    drop(with_warnings(directory.path(), 4).await);
    let file = Connection::open(directory.path().join("ledger.db")).unwrap();
    file.execute("UPDATE records SET seq = 9000000000000000 WHERE seq = 4", []).unwrap();
    drop(file);
    let found = SqliteStore::open(directory.path()).unwrap().records(run_id()).await.unwrap();
    assert_eq!(found.records.iter().map(|record| record.seq).collect::<Vec<_>>(), [1, 2, 3, 5]);
    assert!((3..2000).contains(&found.unreadable.len()), "{} rows", found.unreadable.len());
    assert_eq!(found.unreadable.last().unwrap().seq, 9_000_000_000_000_000);
    assert!(found.unreadable.iter().any(|row| row.reason.contains("nor are the")));
}

#[tokio::test]
async fn a_record_that_was_changed_is_reported_and_the_rest_is_read() {
    let directory = tempfile::tempdir().unwrap();
    drop(with_warnings(directory.path(), 4).await);
    let file = Connection::open(directory.path().join("ledger.db")).unwrap();
    file.execute("UPDATE records SET event = replace(event, 'number 1', 'number 7') WHERE seq = 3", [])
        .unwrap();
    file.execute("DELETE FROM records WHERE seq = 4", []).unwrap();
    drop(file);
    let store = SqliteStore::open(directory.path()).unwrap();
    let found = store.records(run_id()).await.unwrap();
    assert_eq!(found.records.iter().map(|record| record.seq).collect::<Vec<_>>(), [1, 2, 5]);
    assert_eq!(found.unreadable.iter().map(|record| record.seq).collect::<Vec<_>>(), [3, 4]);
    assert_eq!(store.append(run_id(), at(9), vec![warning("next")]).await.unwrap()[0].seq, 6);
}

#[tokio::test]
async fn a_file_that_is_no_ledger_is_left_as_it_is_and_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger.db");
    let text =
        "these are the notes of somebody else, long enough to be taken for a database header ".repeat(30);
    std::fs::write(&path, &text).unwrap();
    let error = SqliteStore::open(directory.path()).err().unwrap();
    assert!(matches!(error, LedgerError::Corrupt { .. }), "{error:?}");
    assert!(
        error.to_string().contains(&path.display().to_string()) && error.to_string().contains("--from-cloud")
    );
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);

    let other = tempfile::tempdir().unwrap();
    let foreign = Connection::open(other.path().join("ledger.db")).unwrap();
    foreign.execute_batch("CREATE TABLE songs (title TEXT)").unwrap();
    drop(foreign);
    assert!(matches!(SqliteStore::open(other.path()).err(), Some(LedgerError::Corrupt { .. })));
}

#[tokio::test]
async fn a_ledger_of_a_newer_version_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    drop(with_warnings(directory.path(), 0).await);
    let file = Connection::open(directory.path().join("ledger.db")).unwrap();
    file.pragma_update(None, "user_version", 99).unwrap();
    drop(file);
    assert!(matches!(SqliteStore::open(directory.path()).err(), Some(LedgerError::TooNew { found: 99, .. })));
}

#[tokio::test]
async fn a_damaged_page_costs_its_records_and_no_others() {
    let directory = tempfile::tempdir().unwrap();
    drop(with_warnings(directory.path(), 400).await);
    let path = directory.path().join("ledger.db");
    Connection::open(&path).unwrap().pragma_update(None, "wal_checkpoint", "TRUNCATE").unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    let pages = bytes.len() / 4096;
    assert!(pages > 10, "{pages} pages");
    bytes[4096 * (pages - 3)..4096 * (pages - 2)].fill(0xAA);
    std::fs::write(&path, &bytes).unwrap();
    let found = SqliteStore::open(directory.path()).unwrap().records(run_id()).await.unwrap();
    assert!(found.records.len() > 300, "{} records", found.records.len());
    assert!(!found.unreadable.is_empty());
}

#[tokio::test]
async fn a_full_disk_is_a_typed_error_and_keeps_nothing_of_the_append() {
    let directory = tempfile::tempdir().unwrap();
    let store = with_warnings(directory.path(), 0).await;
    drop(store);
    // A limit on the pages of the file is the closest approximation of a full disk in a test.
    let path = directory.path().join("ledger.db");
    let limited = Connection::open(&path).unwrap();
    let pages: u32 = limited.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    drop(limited);
    let store = SqliteStore::open_with_page_limit(directory.path(), pages + 4).unwrap();
    let big = "x".repeat(3000);
    let mut kept = 0;
    let error = loop {
        match store.append(run_id(), at(1), vec![warning(&big), warning(&big)]).await {
            Ok(_) => kept += 2,
            Err(error) => break error,
        }
        assert!(kept < 100);
    };
    assert!(matches!(error, LedgerError::Full { .. }), "{error:?}");
    assert_eq!(store.records(run_id()).await.unwrap().records.len(), 1 + kept);
}

#[tokio::test]
async fn an_uncreatable_state_directory_is_reported_first() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = SqliteStore::open(&file.join("state")).err().unwrap();
    assert!(matches!(error, LedgerError::ReadOnly { .. }), "{error:?}");
    assert!(error.to_string().contains("--state-dir"));
}
