//! Programs of different versions on one database.

use crate::open;
use ledger::{Archive as _, LedgerError, RawRecord, RunId, Store as _};
use testkit::contract::{at, run_id, started, warning};
use testkit::postgres::PostgresServer;

fn is_too_new<T>(result: &ledger::Result<T>) -> bool {
    matches!(result, Err(error @ LedgerError::TooNew { found: 2, known: 1, .. }) if error.to_string().contains("use a newer version"))
}

/// The older process was at work before, and its lease had ended when a newer program upgraded the tables.
#[tokio::test(flavor = "multi_thread")]
async fn an_older_program_writes_nothing_after_an_upgrade() {
    let server = PostgresServer::start();
    let (one, other) = (open(&server), open(&server));
    one.create_run(run_id(), at(0), started()).await.unwrap();
    let _lease = one.lease(run_id(), at(0)).await.unwrap();
    one.append(run_id(), at(1), vec![warning("before")]).await.unwrap();
    server.sql(
        "fleet",
        "UPDATE oci_insta_scale.leases SET held_until = clock_timestamp() - interval '1 second';
         UPDATE oci_insta_scale.format SET version = 2",
    );
    let count = "SELECT count(*) FROM oci_insta_scale.records";
    let before = server.sql("fleet", count);
    assert!(is_too_new(&one.append(run_id(), at(2), vec![warning("after")]).await));
    assert!(is_too_new(&other.lease(run_id(), at(3)).await));
    assert!(is_too_new(&other.lock("web", at(3)).await));
    assert!(is_too_new(&other.create_run(RunId::new(at(9), [9; 10]), at(9), started()).await));
    assert_eq!(server.sql("fleet", count), before);
    assert_eq!(server.sql("fleet", "SELECT count(*) FROM oci_insta_scale.runs"), "1");
}

/// A newer program wrote a run whose events mean something else: nothing of it is read as if they did not.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_in_a_newer_format_is_listed_and_refused() {
    let server = PostgresServer::start();
    let store = open(&server);
    store.create_run(run_id(), at(0), started()).await.unwrap();
    server.sql("fleet", "UPDATE oci_insta_scale.runs SET format = 2");
    assert!(is_too_new(&store.records(run_id()).await));
    assert!(is_too_new(&store.lease(run_id(), at(1)).await));
    let listed = store.runs().await.unwrap();
    assert_eq!(listed.iter().map(|head| (head.run, head.kind)).collect::<Vec<_>>(), [(run_id(), None)]);
    // It may be a launch, so that no second one is begun beside it.
    assert!(listed[0].unfinished());
}

/// A newer program added a kind of event: its record is told as unreadable with its kind, and keeps its number.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_a_newer_kind_is_neither_dropped_nor_misread() {
    let server = PostgresServer::start();
    let store = open(&server);
    store.create_run(run_id(), at(0), started()).await.unwrap();
    let (moment, event) = (at(1).to_string(), r#"{"type":"teleported","slot":1}"#.to_owned());
    let checksum = ledger::stored::checksum(2, &moment, &event);
    store.put(run_id(), vec![RawRecord { seq: 2, at: moment, event, checksum }], 2).await.unwrap();
    let found = store.records(run_id()).await.unwrap();
    let reasons: Vec<(u64, &str)> =
        found.unreadable.iter().map(|unread| (unread.seq, unread.reason.as_str())).collect();
    let reason =
        "this version does not know its kind, `teleported`: use the version that wrote it, or a newer one";
    assert_eq!(reasons, [(2, reason)]);
    let next = store.append(run_id(), at(2), vec![warning("after")]).await.unwrap();
    assert_eq!(next[0].seq, 3);
    // It is not the end of the run, whatever it means.
    assert_eq!(store.runs().await.unwrap()[0].outcome, None);
}
