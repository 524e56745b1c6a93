//! A process that was taken over cannot write, however it lost its lease.

use crate::{TOLD, open, options};
use ledger::{LedgerError, Store as _};
use ledger_postgres::PostgresStore;
use std::time::Duration;
use testkit::contract::{at, run_id, started, warning};
use testkit::postgres::PostgresServer;
use tokio::time::Instant;

#[tokio::test(flavor = "multi_thread")]
async fn who_is_taken_over_writes_nothing_more() {
    let server = PostgresServer::start();
    let (one, other) = (open(&server), open(&server));
    one.create_run(run_id(), at(0), started()).await.unwrap();
    let lease = one.lease(run_id(), at(0)).await.unwrap();
    one.append(run_id(), at(1), vec![warning("before")]).await.unwrap();
    // As if the first had been paused for longer than the lease lasts.
    server.sql(
        "fleet",
        "UPDATE oci_insta_scale.leases SET held_until = clock_timestamp() - interval '1 second'",
    );
    let _taken = other.lease(run_id(), at(2)).await.unwrap();
    let refused = one.append(run_id(), at(3), vec![warning("too late")]).await;
    assert!(
        matches!(&refused, Err(LedgerError::Lost { holder: Some(holder), .. }) if holder.since == at(2)),
        "{refused:?}"
    );
    assert!(!lease.is_live());
    assert!(matches!(one.confirm(run_id()).await, Err(LedgerError::Lost { .. })));
    other.append(run_id(), at(4), vec![warning("after")]).await.unwrap();
    // The end of the old lease frees nothing.
    drop(lease);
    one.runs().await.unwrap();
    assert!(matches!(one.lease(run_id(), at(5)).await, Err(LedgerError::Held { .. })));
    let texts = server.sql(
        "fleet",
        "SELECT string_agg(event::json->>'message', ',' ORDER BY seq) FROM oci_insta_scale.records",
    );
    assert_eq!(texts, "before,after");
    let fences =
        server.sql("fleet", "SELECT string_agg(fence::text, ',' ORDER BY seq) FROM oci_insta_scale.records");
    assert_eq!(fences, "0,1,2");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_lease_that_nobody_took_goes_on() {
    let server = PostgresServer::start();
    let one = open(&server);
    one.create_run(run_id(), at(0), started()).await.unwrap();
    let _lease = one.lease(run_id(), at(0)).await.unwrap();
    server
        .sql("fleet", "UPDATE oci_insta_scale.leases SET held_until = clock_timestamp() - interval '1 hour'");
    one.append(run_id(), at(1), vec![warning("still ours")]).await.unwrap();
    assert!(matches!(open(&server).lease(run_id(), at(2)).await, Err(LedgerError::Held { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_is_renewed_by_itself_and_ends_with_its_process() {
    let server = PostgresServer::start();
    let address = server.address().parse().unwrap();
    let one = PostgresStore::open(&address, options(8, 30)).unwrap();
    let other = PostgresStore::open(&address, options(8, 30)).unwrap();
    one.create_run(run_id(), at(0), started()).await.unwrap();
    let lease = one.lease(run_id(), at(0)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert!(lease.is_live());
    assert!(matches!(other.lease(run_id(), at(1)).await, Err(LedgerError::Held { .. })));
    // As a process that is killed: nothing is given back, and nothing is renewed any more.
    server.sql("fleet", "UPDATE oci_insta_scale.leases SET token = 'killed'");
    let since = Instant::now();
    while other.lease(run_id(), at(2)).await.is_err() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(since.elapsed() < Duration::from_secs(13), "{:?}", since.elapsed());
    assert!(!lease.is_live());
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_records_leave_a_gap_that_shows() {
    let server = PostgresServer::start();
    let one = open(&server);
    one.create_run(run_id(), at(0), started()).await.unwrap();
    let _lease = one.lease(run_id(), at(0)).await.unwrap();
    one.append(run_id(), at(1), vec![warning("kept"), warning("lost"), warning("lost too")]).await.unwrap();
    // A standby took over that lacks the last transaction.
    server.sql(
        "fleet",
        "DELETE FROM oci_insta_scale.records WHERE seq > 2; UPDATE oci_insta_scale.runs SET last_seq = 2",
    );
    let next = one.append(run_id(), at(2), vec![warning("next")]).await.unwrap();
    assert_eq!(next[0].seq, 5);
    let found = one.records(run_id()).await.unwrap();
    assert_eq!(found.unreadable.iter().map(|lost| lost.seq).collect::<Vec<_>>(), [3, 4]);
    let told = TOLD.lock().unwrap().join("\n");
    assert!(told.contains("lost 2 records that were confirmed"), "{told}");
}

/// The holder died with the old server, so that only the timeline tells.
#[tokio::test(flavor = "multi_thread")]
async fn a_successor_on_a_promoted_standby_sees_that_records_may_lack() {
    let server = PostgresServer::start();
    let one = open(&server);
    one.create_run(run_id(), at(0), started()).await.unwrap();
    let lease = one.lease(run_id(), at(0)).await.unwrap();
    one.append(run_id(), at(1), vec![warning("kept")]).await.unwrap();
    drop(lease);
    drop(one);
    server.promote_a_copy();
    let other = open(&server);
    drop(other.lease(run_id(), at(2)).await.unwrap());
    let found = other.records(run_id()).await.unwrap();
    assert_eq!((found.records.len(), found.unreadable.len()), (2, 1), "{found:?}");
    // Seen once.
    drop(other.lease(run_id(), at(3)).await.unwrap());
    assert_eq!(other.records(run_id()).await.unwrap().unreadable.len(), 1);
}
