//! The promises of every store, kept by this one, directly and through a pooler.

use crate::{open, options};
use ledger::SqliteStore;
use ledger_postgres::PostgresStore;
use std::process::{Command, Stdio};
use std::time::Duration;
use testkit::contract::keeps_its_promises;
use testkit::postgres::PostgresServer;
use tokio::time::Instant;

#[tokio::test(flavor = "multi_thread")]
async fn the_database_keeps_the_promises_of_a_ledger() {
    let server = PostgresServer::start();
    keeps_its_promises(|| open(&server)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_file_keeps_the_same_promises() {
    let folder = tempfile::tempdir().unwrap();
    keeps_its_promises(|| SqliteStore::open(folder.path()).unwrap()).await;
}

/// PgBouncer gives each transaction another connection of the server.
#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_in_transaction_mode_changes_nothing() {
    let server = PostgresServer::start();
    let folder = tempfile::tempdir().unwrap();
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let users = folder.path().join("users");
    std::fs::write(&users, "\"ann\" \"secret\"\n").unwrap();
    let settings = folder.path().join("pgbouncer.ini");
    let text = format!(
        "[databases]\nfleet = host=127.0.0.1 port={} dbname=fleet user=ann password=secret\n[pgbouncer]\n\
         listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = plain\nauth_file = {}\n\
         pool_mode = transaction\ndefault_pool_size = 3\n",
        server.port(),
        users.display()
    );
    std::fs::write(&settings, text).unwrap();
    // It refuses to run as root.
    let mut pooler = if testkit::postgres::is_root() {
        Command::new("chown").args(["-R", "postgres"]).arg(folder.path()).status().unwrap();
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--", "/usr/sbin/pgbouncer"]);
        command
    } else {
        Command::new("/usr/sbin/pgbouncer")
    };
    let mut pooler = pooler
        .arg(&settings)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("PgBouncer is needed for this test: apt-get install pgbouncer");
    let address = format!("postgres://ann:secret@127.0.0.1:{port}/fleet").parse().unwrap();
    let since = Instant::now();
    let first = loop {
        match PostgresStore::open(&address, options(60, 30)) {
            Ok(store) => break store,
            Err(error) => assert!(since.elapsed() < Duration::from_secs(30), "{error}"),
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    drop(first);
    keeps_its_promises(|| PostgresStore::open(&address, options(60, 30)).unwrap()).await;
    // `runuser` passes the signal on.
    Command::new("kill").arg(pooler.id().to_string()).status().unwrap();
    pooler.wait().unwrap();
}
