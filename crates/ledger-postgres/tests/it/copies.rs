//! Runs are copied from one store to another and back, with their gaps.

use crate::open;
use ledger::{Archive, SqliteStore, Store as _};
use testkit::contract::{at, run_id, started, warning};
use testkit::postgres::PostgresServer;

async fn copy(from: &dyn Archive, to: &dyn Archive) {
    let last = from.last(run_id()).await.unwrap();
    let rows = from.raw(run_id(), 1).await.unwrap();
    // In two parts, the second of which repeats a record.
    to.put(run_id(), rows[..3].to_vec(), last).await.unwrap();
    to.put(run_id(), rows[2..].to_vec(), last).await.unwrap();
    assert_eq!(to.raw(run_id(), 1).await.unwrap(), rows);
    assert_eq!(to.records(run_id()).await.unwrap(), from.records(run_id()).await.unwrap());
}

#[tokio::test]
async fn a_run_is_the_same_after_a_journey() {
    let server = PostgresServer::start();
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first = SqliteStore::open(one.path()).unwrap();
    first.create_run(run_id(), at(0), started()).await.unwrap();
    first.append(run_id(), at(1), (0..5).map(|n| warning(&format!("é{n}"))).collect()).await.unwrap();
    let shared = open(&server);
    copy(&first, &shared).await;
    // A record is lost there, and the last one too.
    server.sql("fleet", "DELETE FROM oci_insta_scale.records WHERE seq IN (4, 6)");
    let found = shared.records(run_id()).await.unwrap();
    assert_eq!(found.unreadable.iter().map(|lost| lost.seq).collect::<Vec<_>>(), [4, 6]);
    let back = SqliteStore::open(two.path()).unwrap();
    copy(&shared, &back).await;
    let next = back.append(run_id(), at(2), vec![warning("after")]).await.unwrap();
    assert_eq!(next[0].seq, 7, "the number of a lost record is not given again");

    // A run that somebody holds stays.
    let lease = shared.lease(run_id(), at(3)).await.unwrap();
    shared.remove(run_id()).await.unwrap();
    assert_eq!(shared.runs().await.unwrap().len(), 1);
    drop(lease);
    for store in [&shared as &dyn Archive, &back] {
        store.remove(run_id()).await.unwrap();
        assert_eq!(store.runs().await.unwrap(), []);
    }
    assert_eq!(back.strays().await.unwrap(), []);
}
