//! The tables, and how a database gets them.

use crate::link::{Failed, Link};
use ledger::{LedgerError, Result};
use tokio_postgres::types::Type;

/// The version of the tables that this program knows.
pub(crate) const VERSION: i32 = 1;

/// The key of the advisory lock under which tables are made: two programs may begin at once.
const MAKING: i64 = 0x4F49_534C;

/// Nobody works with the ledger until the upgrade is done.
const ALONE: &str = "
    LOCK TABLE oci_insta_scale.leases IN ACCESS EXCLUSIVE MODE;
    DO $$ DECLARE at_work text; BEGIN
        SELECT format('process %s on %s works with it', holder::json->>'pid', holder::json->>'host') INTO at_work
            FROM oci_insta_scale.leases WHERE held_until > clock_timestamp() LIMIT 1;
        IF FOUND THEN RAISE EXCEPTION '%', at_work; END IF;
    END $$;
";

/// The steps from each version to the next.
///
/// `at` and `event` are texts, because the checksum covers them as they were written. Times of leases are those of the server,
/// so that the clocks of the holders do not matter.
const STEPS: [&str; VERSION as usize] = ["
    CREATE SCHEMA IF NOT EXISTS oci_insta_scale;
    CREATE TABLE oci_insta_scale.format (version integer NOT NULL);
    INSERT INTO oci_insta_scale.format VALUES (1);
    CREATE TABLE oci_insta_scale.runs (
        id text PRIMARY KEY,
        format integer NOT NULL,
        last_seq bigint NOT NULL,
        timeline text,
        stop_requested boolean NOT NULL DEFAULT false
    );
    CREATE TABLE oci_insta_scale.records (
        run text NOT NULL REFERENCES oci_insta_scale.runs ON DELETE CASCADE,
        seq bigint NOT NULL,
        fence bigint NOT NULL,
        at text NOT NULL,
        event text NOT NULL,
        checksum bigint NOT NULL,
        PRIMARY KEY (run, seq)
    );
    CREATE TABLE oci_insta_scale.leases (
        of text PRIMARY KEY,
        fence bigint NOT NULL,
        token text NOT NULL,
        holder text NOT NULL,
        seconds double precision NOT NULL,
        held_until timestamptz NOT NULL
    );
"];

#[cfg(test)]
mod tests;

/// Makes the tables that are missing.
///
/// # Errors
/// When the tables are those of a newer program, or may not be made.
pub(crate) async fn prepare(link: &mut Link) -> Result<()> {
    upgrade(link, &STEPS).await
}

/// Takes the tables to the version that these steps lead to. Those who work with the ledger have an older program, whose statements
/// may not suit the new tables, so that an upgrade waits for them.
async fn upgrade(link: &mut Link, steps: &[&str]) -> Result<()> {
    let needed = i32::try_from(steps.len()).unwrap_or(i32::MAX);
    let found = version(link).await?;
    match found {
        same if same == needed => return Ok(()),
        newer if newer > needed => return Err(too_new(link, newer, needed)),
        _ => {}
    }
    let mut script = format!("BEGIN; SELECT pg_advisory_xact_lock({MAKING});");
    if found > 0 {
        script.push_str(ALONE);
    }
    for (step, from) in steps.iter().zip(0..) {
        if from >= found {
            script.push_str(step);
        }
    }
    script.push_str("COMMIT;");
    let made = link.batch(&script).await;
    if made.is_err() {
        // The transaction is open still. If even that fails, the connection is gone and with it the transaction.
        let _ = link.batch("ROLLBACK").await;
        // Whoever waited for the lock fails, because the tables exist by then.
        if version(link).await? == needed {
            return Ok(());
        }
    }
    match made {
        Err(Failed::Refused(error)) if found > 0 => Err(LedgerError::TooOld {
            ledger: link.name(),
            found: found.unsigned_abs(),
            needed: needed.unsigned_abs(),
            reason: error.message().to_owned(),
        }),
        made => made.map_err(|failed| link.error(failed)),
    }
}

/// The error of tables that a newer version has upgraded since they were opened, if it did.
pub(crate) async fn outgrown(link: &mut Link) -> std::result::Result<Option<LedgerError>, Failed> {
    let rows = link.query("SELECT max(version) FROM oci_insta_scale.format", &[]).await?;
    let found = rows.first().and_then(|row| row.get::<_, Option<i32>>(0)).unwrap_or_default();
    Ok((found > VERSION).then(|| too_new(link, found, VERSION)))
}

fn too_new(link: &Link, found: i32, known: i32) -> LedgerError {
    LedgerError::TooNew { path: link.name().into(), found: found.unsigned_abs(), known: known.unsigned_abs() }
}

/// The version of the tables; 0 if there are none.
async fn version(link: &mut Link) -> Result<i32> {
    let there = "SELECT to_regclass('oci_insta_scale.format') IS NOT NULL";
    let rows = link.query(there, &[]).await.map_err(|failed| link.error(failed))?;
    if !rows.first().is_some_and(|row| row.get::<_, bool>(0)) {
        return Ok(0);
    }
    let rows = link.query("SELECT max(version) FROM oci_insta_scale.format", &[]).await;
    let rows = rows.map_err(|failed| link.error(failed))?;
    Ok(rows.first().and_then(|row| row.get::<_, Option<i32>>(0)).unwrap_or_default())
}

/// The timeline of the server, which changes when a standby takes over; `None` if it does not tell.
pub(crate) async fn timeline(link: &mut Link) -> std::result::Result<Option<String>, Failed> {
    let asked = "SELECT CASE WHEN pg_is_in_recovery() THEN NULL
        ELSE substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) END";
    match link.query(asked, &[]).await {
        Ok(rows) => Ok(rows.first().and_then(|row| row.get(0))),
        // Some services do not allow the functions.
        Err(Failed::Refused(_)) => Ok(None),
        Err(lost) => Err(lost),
    }
}

/// Statements that give a role what it needs, for `ledger grant`.
pub fn grants(role: Role, name: &str) -> String {
    let quoted = format!("\"{}\"", name.replace('"', "\"\""));
    let tables = "oci_insta_scale.runs, oci_insta_scale.records, oci_insta_scale.leases";
    let mut rights = vec![
        "USAGE ON SCHEMA oci_insta_scale".to_owned(),
        "SELECT ON ALL TABLES IN SCHEMA oci_insta_scale".to_owned(),
    ];
    if role != Role::Reader {
        rights.push(format!("INSERT, UPDATE ON {tables}"));
    }
    if role == Role::Owner {
        rights.push(format!("DELETE ON {tables}"));
        rights.push("INSERT, UPDATE ON oci_insta_scale.format".to_owned());
        rights.push("CREATE ON SCHEMA oci_insta_scale".to_owned());
    }
    let statements: Vec<String> =
        rights.iter().map(|right| format!("GRANT {right} TO {quoted};\n")).collect();
    statements.concat()
}

/// What somebody may do with a shared ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Reads runs, fleets and reports.
    Reader,
    /// Also launches and changes fleets.
    Operator,
    /// Also removes old runs. Upgrades of the tables are for the user that owns them.
    Owner,
}

/// A run that was written to on another timeline may lack records that a standby never got. Nobody can say which, so a number is
/// left out: a run with a gap is resumed by the tags of its instances.
pub(crate) async fn note_timeline(link: &mut Link, run: ledger::RunId) -> std::result::Result<(), Failed> {
    let Some(timeline) = timeline(link).await? else { return Ok(()) };
    let id = run.to_string();
    link.query(
        "UPDATE oci_insta_scale.runs SET timeline = $2,
             last_seq = CASE WHEN timeline IS NULL THEN last_seq ELSE last_seq + 1 END
         WHERE id = $1 AND timeline IS DISTINCT FROM $2 RETURNING id",
        &[(&id, Type::TEXT), (&timeline, Type::TEXT)],
    )
    .await
    .map(drop)
}
