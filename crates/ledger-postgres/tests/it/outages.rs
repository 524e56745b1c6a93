//! A database that is away: what was confirmed is there, once, and what waits goes on.

use crate::{TOLD, open, options};
use ledger::{Event, LedgerError, Store as _};
use ledger_postgres::PostgresStore;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use testkit::contract::{at, run_id, started, warning};
use testkit::postgres::PostgresServer;

/// Appends from several tasks until it is stopped; returns what was confirmed.
async fn append_through(store: Arc<PostgresStore>, stop: Arc<AtomicBool>) -> Vec<(u64, String)> {
    let tasks = (0..8).map(|task| {
        let (store, stop) = (Arc::clone(&store), Arc::clone(&stop));
        tokio::spawn(async move {
            let mut confirmed = Vec::new();
            for n in 0.. {
                if stop.load(Ordering::Acquire) {
                    break;
                }
                let text = format!("{task} {n}");
                let records = store.append(run_id(), at(1), vec![warning(&text)]).await.unwrap();
                confirmed.push((records[0].seq, text));
            }
            confirmed
        })
    });
    let mut all = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        all.extend(task.await.unwrap());
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn restarts_and_crashes_lose_and_double_nothing() {
    let server = PostgresServer::start();
    let store = Arc::new(open(&server));
    store.create_run(run_id(), at(0), started()).await.unwrap();
    let lease = store.lease(run_id(), at(0)).await.unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let appending = tokio::spawn(append_through(Arc::clone(&store), Arc::clone(&stop)));
    for turn in 0..6 {
        tokio::time::sleep(Duration::from_millis(300)).await;
        tokio::task::block_in_place(|| {
            match turn % 3 {
                0 => server.stop("fast"),
                1 => server.stop("immediate"),
                // Only the connections end.
                _ => {
                    let ended = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                        WHERE application_name = 'oci-insta-scale'";
                    server.sql("postgres", ended);
                    return;
                }
            }
            server.go_on();
        });
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    stop.store(true, Ordering::Release);
    let mut confirmed = appending.await.unwrap();
    confirmed.sort();
    assert!(lease.is_live());
    let found = store.records(run_id()).await.unwrap();
    assert_eq!(found.unreadable, []);
    let written: Vec<(u64, String)> = found.records[1..]
        .iter()
        .map(|record| match &record.event {
            Event::Warning { message } => (record.seq, message.clone()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(confirmed.len() > 50, "{} appends are too few to tell", confirmed.len());
    // Every append was awaited, so that nothing is written that was not confirmed.
    assert_eq!(written, confirmed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_stays_away_ends_the_wait_with_its_reason() {
    let server = PostgresServer::start();
    let address = server.address().parse().unwrap();
    let store = PostgresStore::open(&address, options(60, 4)).unwrap();
    store.create_run(run_id(), at(0), started()).await.unwrap();
    let _lease = store.lease(run_id(), at(0)).await.unwrap();
    tokio::task::block_in_place(|| server.stop("fast"));
    let refused = store.append(run_id(), at(1), vec![warning("nowhere")]).await;
    assert!(matches!(refused, Err(LedgerError::Away { .. })), "{refused:?}");
    let told = TOLD.lock().unwrap().join("\n");
    assert!(told.contains("cannot be reached") && told.contains("nothing new is begun"), "{told}");
    tokio::task::block_in_place(|| server.go_on());
    store.append(run_id(), at(2), vec![warning("here again")]).await.unwrap();
    let found = store.records(run_id()).await.unwrap();
    assert_eq!(found.records.len(), 2);
    assert!(TOLD.lock().unwrap().join("\n").contains("answers again"));
    // A new store does not wait for a database that is not there.
    tokio::task::block_in_place(|| server.stop("fast"));
    let opened = tokio::task::block_in_place(|| PostgresStore::open(&address, options(60, 60)));
    assert!(matches!(opened.err(), Some(LedgerError::Away { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_paused_delays_and_loses_nothing() {
    let server = PostgresServer::start();
    let store = open(&server);
    store.create_run(run_id(), at(0), started()).await.unwrap();
    let _lease = store.lease(run_id(), at(0)).await.unwrap();
    // The process of this connection stands still for two seconds.
    let slow = "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(2); RETURN NEW; END';
        CREATE TRIGGER slow BEFORE INSERT ON oci_insta_scale.records EXECUTE FUNCTION slow()";
    server.sql("fleet", slow);
    let appends = (0..40).map(|n| store.append(run_id(), at(1), vec![warning(&n.to_string())]));
    let since = tokio::time::Instant::now();
    for appended in futures_util::future::join_all(appends).await {
        appended.unwrap();
    }
    // They are gathered: one commit or two for all of them.
    assert!(since.elapsed() < Duration::from_secs(10), "{:?}", since.elapsed());
    assert_eq!(store.records(run_id()).await.unwrap().records.len(), 41);
}
