//! Upgrades of the tables, to a version that does not exist yet.

use super::*;
use crate::{Options, PostgresStore};
use ledger::Store as _;
use std::time::Duration;
use testkit::contract::{at, run_id, started};
use testkit::postgres::PostgresServer;

const NEXT: [&str; 2] = [
    STEPS[0],
    "ALTER TABLE oci_insta_scale.runs ADD COLUMN note text; UPDATE oci_insta_scale.format SET version = 2;",
];

fn open(address: &str) -> PostgresStore {
    let minute = Duration::from_mins(1);
    let options = Options { takeover_after: minute, patience: minute, tell: |_| {} };
    PostgresStore::open(&address.parse().unwrap(), options).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_waits_until_nobody_works_with_the_ledger() {
    let server = PostgresServer::start();
    let store = open(&server.address());
    store.create_run(run_id(), at(0), started()).await.unwrap();
    let lease = store.lease(run_id(), at(0)).await.unwrap();
    let mut link = Link::new(server.address().parse().unwrap());
    let refused = upgrade(&mut link, &NEXT).await;
    let own = format!("process {} on ", std::process::id());
    assert!(
        matches!(&refused, Err(LedgerError::TooOld { found: 1, needed: 2, reason, .. }) if reason.contains(&own)),
        "{refused:?}"
    );
    drop(lease);
    // Jobs run in order, so that the lease has been given back.
    store.runs().await.unwrap();
    upgrade(&mut link, &NEXT).await.unwrap();
    upgrade(&mut link, &NEXT).await.unwrap();
    assert_eq!(server.sql("fleet", "SELECT version FROM oci_insta_scale.format"), "2");
    assert_eq!(server.sql("fleet", "SELECT count(note), count(*) FROM oci_insta_scale.runs"), "0|1");
    assert!(matches!(store.lease(run_id(), at(1)).await, Err(LedgerError::TooNew { found: 2, .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_upgrade_is_told_who_may() {
    let server = PostgresServer::start();
    drop(open(&server.address()));
    server.sql("fleet", "CREATE ROLE ci LOGIN PASSWORD 'secret'");
    server.sql("fleet", &grants(Role::Owner, "ci"));
    let mut link = Link::new(server.address().replace("ann:", "ci:").parse().unwrap());
    let refused = upgrade(&mut link, &NEXT).await.unwrap_err().to_string();
    assert!(
        refused.contains("must be owner") && refused.contains("the user that owns its tables"),
        "{refused}"
    );
    assert_eq!(server.sql("fleet", "SELECT version FROM oci_insta_scale.format"), "1");
    let mut link = Link::new(server.address().parse().unwrap());
    upgrade(&mut link, &NEXT).await.unwrap();
}
