//! What the ledger in PostgreSQL promises, on a real server.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "tests")]

mod address;
mod contract;
mod copies;
mod failover;
mod fencing;
mod full_disk;
mod outages;
mod versions;

use ledger_postgres::{Options, PostgresStore};
use std::sync::Mutex;
use std::time::Duration;
use testkit::postgres::PostgresServer;

/// What was told to the person, by all tests of this process: each test has a process of its own.
static TOLD: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn tell(line: &str) {
    TOLD.lock().unwrap().push(line.to_owned());
}

fn options(takeover_s: u64, patience_s: u64) -> Options {
    Options {
        takeover_after: Duration::from_secs(takeover_s),
        patience: Duration::from_secs(patience_s),
        tell,
    }
}

fn open(server: &PostgresServer) -> PostgresStore {
    PostgresStore::open(&server.address().parse().unwrap(), options(60, 30)).unwrap()
}
