//! Addresses that do not lead to a ledger: each is told with its reason, without a password.

use crate::{open, options};
use ledger::LedgerError;
use ledger_postgres::PostgresStore;
use testkit::postgres::PostgresServer;

fn error(address: &str) -> LedgerError {
    let opened = PostgresStore::open(&address.parse().unwrap(), options(60, 30));
    opened.err().unwrap_or_else(|| panic!("{address} was opened"))
}

#[test]
fn what_cannot_be_opened_is_told_with_its_reason() {
    let server = PostgresServer::start();
    let good = server.address();
    for (wrong, says, is_refused) in [
        (good.replace("secret", "wrong"), "password authentication failed", true),
        (good.replace("ann:", "bob:"), "password authentication failed", true),
        (good.replace("/fleet", "/nothing"), "database \"nothing\" does not exist", true),
        (good.replace(&server.port().to_string(), "1"), "onnection refused", false),
        (format!("{good}?sslmode=verify-full"), "TLS", false),
    ] {
        let error = error(&wrong);
        let text = error.to_string();
        assert!(text.contains(says), "{wrong}: {text}");
        assert!(!text.contains("secret") && !text.contains(":wrong"), "{text}");
        assert_eq!(matches!(error, LedgerError::Refused { .. }), is_refused, "{text}");
    }
    drop(open(&server));
    server.sql("fleet", "UPDATE oci_insta_scale.format SET version = 99");
    let newer = error(&good);
    assert!(matches!(newer, LedgerError::TooNew { found: 99, .. }), "{newer}");
}

#[test]
fn programs_that_begin_at_once_make_the_tables_once() {
    let server = PostgresServer::start();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| drop(open(&server)));
        }
    });
    assert_eq!(server.sql("fleet", "SELECT count(*) FROM oci_insta_scale.format"), "1");
}

#[test]
fn a_role_without_rights_is_refused_until_it_has_them() {
    use ledger_postgres::{Role, grants};
    let server = PostgresServer::start();
    drop(open(&server));
    server.sql("fleet", "CREATE ROLE \"a \"\"reader\" LOGIN PASSWORD 'secret'");
    let address = server.address().replace("ann:", "a%20%22reader:");
    let refused = error(&address).to_string();
    assert!(refused.contains("permission denied") && refused.contains("ledger grant"), "{refused}");
    server.sql("fleet", &grants(Role::Reader, "a \"reader"));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = PostgresStore::open(&address.parse().unwrap(), options(60, 30)).unwrap();
    runtime.block_on(async {
        use ledger::Store as _;
        use testkit::contract::{at, run_id, started};
        assert_eq!(store.runs().await.unwrap().len(), 0);
        let written = store.create_run(run_id(), at(0), started()).await;
        assert!(matches!(written, Err(LedgerError::Refused { .. })), "{written:?}");
        server.sql("fleet", &grants(Role::Operator, "a \"reader"));
        store.create_run(run_id(), at(0), started()).await.unwrap();
        drop(store.lease(run_id(), at(1)).await.unwrap());
    });
}

#[test]
fn the_certificate_of_the_server_is_verified() {
    let own =
        rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned(), "localhost".to_owned()]).unwrap();
    let other = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let certificate = write("server.crt", own.cert.pem());
    let key = write("server.key", own.signing_key.serialize_pem());
    let strange = write("other.crt", other.cert.pem());
    testkit::postgres::give_with_contents(folder.path());
    let server = PostgresServer::with(&[
        "ssl=on",
        &format!("ssl_cert_file={}", certificate.display()),
        &format!("ssl_key_file={}", key.display()),
    ]);
    let with = |file: &std::path::Path| {
        format!("{}?sslmode=verify-full&sslrootcert={}", server.address(), file.display())
    };
    let text = error(&with(&strange)).to_string();
    assert!(text.contains("certificate"), "{text}");
    drop(PostgresStore::open(&with(&certificate).parse().unwrap(), options(60, 30)).unwrap());
    let missing = error(&with(&folder.path().join("nothing.crt"))).to_string();
    assert!(missing.contains("sslrootcert") && missing.contains("nothing.crt"), "{missing}");
}
