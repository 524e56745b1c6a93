//! A standby takes over that lacks the last transactions.

use crate::{TOLD, open};
use ledger::{LedgerError, Store as _};
use testkit::contract::{at, run_id, started, warning};
use testkit::postgres::PostgresServer;
use tokio::task::block_in_place;

#[tokio::test(flavor = "multi_thread")]
async fn who_wrote_what_a_standby_lacks_leaves_a_gap() {
    let server = PostgresServer::start();
    let one = open(&server);
    one.create_run(run_id(), at(0), started()).await.unwrap();
    let lease = one.lease(run_id(), at(0)).await.unwrap();
    one.append(run_id(), at(1), vec![warning("everywhere")]).await.unwrap();
    block_in_place(|| server.leave_a_standby());
    one.append(run_id(), at(2), vec![warning("lost"), warning("lost too")]).await.unwrap();
    block_in_place(|| server.fail_over());
    let next = one.append(run_id(), at(3), vec![warning("after")]).await.unwrap();
    assert_eq!(next[0].seq, 5, "the numbers of lost records are not given again");
    assert!(lease.is_live());
    let found = one.records(run_id()).await.unwrap();
    assert_eq!(found.unreadable.iter().map(|lost| lost.seq).collect::<Vec<_>>(), [3, 4]);
    let told = TOLD.lock().unwrap().join("\n");
    assert!(told.contains("lost 2 records that were confirmed"), "{told}");
}

/// The standby lacks the lease of the present holder, and gives its number to another process.
#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_is_given_twice_fences_nevertheless() {
    let server = PostgresServer::start();
    let one = open(&server);
    one.create_run(run_id(), at(0), started()).await.unwrap();
    block_in_place(|| server.leave_a_standby());
    let lease = one.lease(run_id(), at(1)).await.unwrap();
    one.append(run_id(), at(2), vec![warning("lost")]).await.unwrap();
    block_in_place(|| server.fail_over());
    let other = open(&server);
    let _taken = other.lease(run_id(), at(3)).await.unwrap();
    assert_eq!(server.sql("fleet", "SELECT fence FROM oci_insta_scale.leases"), "1", "as the first lease");
    let refused = one.append(run_id(), at(4), vec![warning("too late")]).await;
    assert!(matches!(refused, Err(LedgerError::Lost { .. })), "{refused:?}");
    assert!(!lease.is_live());
    other.append(run_id(), at(5), vec![warning("after")]).await.unwrap();
    let texts = server.sql(
        "fleet",
        "SELECT string_agg(event::json->>'message', ',' ORDER BY seq) FROM oci_insta_scale.records",
    );
    assert_eq!(texts, "after");
    // The successor sees by the timeline of the server that records may be missing.
    assert_eq!(other.records(run_id()).await.unwrap().unreadable.len(), 1);
}
