//! A server whose disk is full: nothing is announced that is not kept, the person is told why nothing goes on, and it goes on when
//! there is room.

use crate::{TOLD, open};
use ledger::Store as _;
use ledger_postgres::PostgresStore;
use std::sync::Arc;
use std::time::Duration;
use testkit::contract::{at, run_id, started, warning};
use testkit::postgres::PostgresServer;
use testkit::small_disk::SmallDisk;
use tokio::task::block_in_place;
use tokio::time::Instant;

/// A text that a database cannot store in less room.
fn incompressible(size: u64) -> String {
    let parts = (0..size / 16).map(|n| ledger::stored::hash(n.to_le_bytes().into_iter()));
    parts.map(|part| part.to_string()).collect()
}

/// Appends until one of them waits for longer than appends do; returns how many were confirmed before it, and the one that waits.
async fn append_until_full(
    store: &Arc<PostgresStore>,
    size: u64,
) -> (usize, tokio::task::JoinHandle<ledger::Result<Vec<ledger::Record>>>) {
    for confirmed in 0.. {
        let own = Arc::clone(store);
        let text = format!("{confirmed} {}", incompressible(size));
        let mut appending =
            tokio::spawn(async move { own.append(run_id(), at(1), vec![warning(&text)]).await });
        match tokio::time::timeout(Duration::from_secs(5), &mut appending).await {
            Ok(appended) => drop(appended.unwrap().unwrap()),
            Err(_) => return (confirmed, appending),
        }
    }
    unreachable!("a small disk is full at some time")
}

fn told() -> String {
    TOLD.lock().unwrap().join("\n")
}

async fn wait_until_told(text: &str) {
    let since = Instant::now();
    while !told().contains(text) {
        assert!(since.elapsed() < Duration::from_secs(30), "{text:?} is not told: {}", told());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// A server whose tables are on a disk of their own; `None` where none can be mounted.
fn tables_on_a_small_disk() -> Option<(PostgresServer, SmallDisk)> {
    let server = PostgresServer::start();
    let disk = SmallDisk::mount(32)?;
    let place = disk.folder("tables");
    server.sql("postgres", &format!("CREATE TABLESPACE small LOCATION '{}'", place.display()));
    server.sql("postgres", "ALTER DATABASE fleet SET TABLESPACE small");
    Some((server, disk))
}

/// The tables have no room.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_delays_and_says_so() {
    let Some((server, disk)) = tables_on_a_small_disk() else { return };
    let store = Arc::new(open(&server));
    store.create_run(run_id(), at(0), started()).await.unwrap();
    let lease = store.lease(run_id(), at(0)).await.unwrap();
    block_in_place(|| disk.fill());
    let (confirmed, waits) = append_until_full(&store, 5_000).await;
    wait_until_told("No space left on device").await;
    let said = told();
    assert!(said.contains("has no space left") && said.contains("free some space there"), "{said}");
    assert!(said.contains("nothing new is begun until"), "{said}");
    assert!(!waits.is_finished(), "what is not kept is not confirmed");
    block_in_place(|| disk.free());
    waits.await.unwrap().unwrap();
    assert!(told().contains("answers again"), "{}", told());
    assert!(lease.is_live());
    let found = store.records(run_id()).await.unwrap();
    assert_eq!(found.unreadable, []);
    // Once each: the first record, what was confirmed, and the one that waited.
    assert_eq!(found.records.len(), 1 + confirmed + 1);
}

/// A command that begins while there is no room waits too, and has begun nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_begins_only_when_there_is_room() {
    let Some((server, disk)) = tables_on_a_small_disk() else { return };
    let store = Arc::new(open(&server));
    block_in_place(|| disk.fill());
    let own = Arc::clone(&store);
    let begins = tokio::spawn(async move { own.create_run(run_id(), at(0), started()).await });
    wait_until_told("No space left on device").await;
    assert!(!begins.is_finished());
    block_in_place(|| disk.free());
    begins.await.unwrap().unwrap();
    assert_eq!(store.runs().await.unwrap().len(), 1);
}

/// The log of transactions has no room: the server ends in the middle of a commit, and starts only when there is room.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_log_of_transactions_loses_and_doubles_nothing() {
    let server = PostgresServer::with(&["min_wal_size=32MB", "max_wal_size=32MB", "checkpoint_timeout=1h"]);
    let Some(disk) = SmallDisk::mount(64) else { return };
    server.move_log_to(&disk.folder("log"));
    let store = Arc::new(open(&server));
    store.create_run(run_id(), at(0), started()).await.unwrap();
    let _lease = store.lease(run_id(), at(0)).await.unwrap();
    block_in_place(|| disk.fill());
    let (confirmed, waits) = append_until_full(&store, 200_000).await;
    wait_until_told("nothing new is begun until").await;
    block_in_place(|| {
        disk.free();
        // Where nothing restarts it, somebody does so by hand.
        server.restart_if_down();
    });
    waits.await.unwrap().unwrap();
    let found = store.records(run_id()).await.unwrap();
    assert_eq!(found.unreadable, []);
    assert_eq!(found.records.len(), 1 + confirmed + 1);
}
