//! The in-memory store keeps the promises of a disk, and no more.

use crate::events::{at, run_id};
use ledger::{Event, LedgerError, MemoryStore, RunKind, Store as _};
use std::time::Duration;

fn started() -> Event {
    Event::RunStarted { kind: RunKind::Launch, requested: 1, plan: serde_json::Value::Null }
}

fn warning(text: &str) -> Event {
    Event::Warning { message: text.to_owned() }
}

#[tokio::test(start_paused = true)]
async fn a_crash_keeps_what_was_synced_and_of_the_rest_a_prefix() {
    let store = MemoryStore::new();
    store.create_run(run_id(), at(0), started()).await.unwrap();
    store.append(run_id(), at(1), vec![warning("kept")]).await.unwrap();
    store.set_sync_delay(Duration::from_millis(10));
    let unsynced = store.append(run_id(), at(2), vec![warning("perhaps"), warning("lost")]);
    assert!(tokio::time::timeout(Duration::from_millis(5), unsynced).await.is_err());
    store.crash(1);
    let texts: Vec<_> =
        store.records(run_id()).await.unwrap().records.into_iter().map(|r| (r.seq, r.event)).collect();
    assert_eq!(texts, [(1, started()), (2, warning("kept")), (3, warning("perhaps"))]);
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_keeps_nothing_of_the_append_that_fails() {
    let store = MemoryStore::new();
    store.create_run(run_id(), at(0), started()).await.unwrap();
    store.fail_after(Some(1));
    store.append(run_id(), at(1), vec![warning("fits")]).await.unwrap();
    let refused = store.append(run_id(), at(2), vec![warning("does not")]).await;
    assert!(matches!(refused, Err(LedgerError::Full { .. })), "{refused:?}");
    assert_eq!(store.snapshot(run_id()).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_run_has_one_lease_until_dropped_or_crashed() {
    let store = MemoryStore::new();
    store.create_run(run_id(), at(0), started()).await.unwrap();
    let lease = store.lease(run_id(), at(1)).await.unwrap();
    assert!(matches!(store.lease(run_id(), at(2)).await, Err(LedgerError::Held { .. })));
    assert!(store.runs().await.unwrap()[0].held);
    drop(lease);
    let crashed = store.lease(run_id(), at(3)).await.unwrap();
    store.crash(0);
    let after = store.lease(run_id(), at(4)).await.unwrap();
    drop(crashed);
    assert!(
        matches!(store.lease(run_id(), at(5)).await, Err(LedgerError::Held { .. })),
        "the dead holder's drop frees nothing"
    );
    drop(after);
}
