//! The database's own account of who wrote what under which lease, kept by triggers that the program does not know.

use ledger_postgres::{Options, PostgresStore};
use std::time::Duration;
use testkit::postgres::PostgresServer;

/// Makes the tables of the program anew, and those of the account.
pub fn prepare(server: &PostgresServer) {
    server.sql("fleet", "DROP SCHEMA IF EXISTS oci_insta_scale CASCADE; DROP TABLE IF EXISTS audit");
    let minute = Duration::from_mins(1);
    let options = Options { takeover_after: minute, patience: minute, tell: |_| {} };
    drop(PostgresStore::open(&server.address().parse().unwrap(), options).unwrap());
    server.sql(
        "fleet",
        "CREATE TABLE audit (seq bigint, fence bigint, valid bigint, is_intent boolean);
         CREATE OR REPLACE FUNCTION audited() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN
             INSERT INTO public.audit VALUES (NEW.seq, NEW.fence,
                 (SELECT fence FROM oci_insta_scale.leases WHERE of = NEW.run),
                 NEW.event LIKE ''%launch_intended%'');
             RETURN NEW; END';
         CREATE TRIGGER audited AFTER INSERT ON oci_insta_scale.records FOR EACH ROW EXECUTE FUNCTION audited()",
    );
}

/// Ends whatever is held, as when time has passed.
pub fn expire(server: &PostgresServer) {
    server.sql(
        "fleet",
        "UPDATE oci_insta_scale.leases SET held_until = clock_timestamp() - interval '1 second'
         WHERE held_until > clock_timestamp()",
    );
}

/// Every record but the first carries the number of the lease that was valid as it was written. Returns how often the run
/// changed hands.
pub fn check(server: &PostgresServer) -> Result<u64, String> {
    let wrong = server.sql(
        "fleet",
        "SELECT seq, fence, valid, is_intent FROM audit
         WHERE fence IS DISTINCT FROM CASE WHEN seq = 1 THEN 0 ELSE valid END ORDER BY seq LIMIT 3",
    );
    if !wrong.is_empty() {
        return Err(format!(
            "written under a lease that was not valid (record, its lease, the valid one): {wrong}"
        ));
    }
    let intents = server.sql("fleet", "SELECT count(*) FROM audit WHERE is_intent");
    if intents == "0" {
        return Err("no intent was written".to_owned());
    }
    let doubled = server.sql(
        "fleet",
        "SELECT event, count(*) FROM oci_insta_scale.records
         WHERE event NOT LIKE '%warning%' GROUP BY event, at, fence HAVING count(*) > 1 LIMIT 1",
    );
    if !doubled.is_empty() {
        return Err(format!("an append was kept twice: {doubled}"));
    }
    let fences = server.sql("fleet", "SELECT count(DISTINCT fence) - 2 FROM audit");
    fences.parse().map_err(|error| format!("{fences}: {error}"))
}
