//! Reading runs.

use crate::link::{Failed, Link};
use ledger::event::FORMAT_VERSION;
use ledger::stored::{decode, head, missing};
use ledger::{RawRecord, Record, Records, RunHead, RunId, Unreadable};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

/// How many records one statement reads.
const PAGE: i64 = 10_000;

/// The number of the last record of a run, lost ones included; `None` if there is no such run.
pub(crate) async fn end(link: &mut Link, run: RunId) -> Result<Option<u64>, Failed> {
    let id = run.to_string();
    let rows =
        link.query("SELECT last_seq FROM oci_insta_scale.runs WHERE id = $1", &[(&id, Type::TEXT)]).await?;
    Ok(rows.first().map(|row| u64::try_from(row.get::<_, i64>(0)).unwrap_or_default()))
}

/// The version of the events of a run.
pub(crate) async fn format(link: &mut Link, run: RunId) -> Result<u32, Failed> {
    let id = run.to_string();
    let rows =
        link.query("SELECT format FROM oci_insta_scale.runs WHERE id = $1", &[(&id, Type::TEXT)]).await?;
    Ok(rows.first().map_or(0, |row| u32::try_from(row.get::<_, i32>(0)).unwrap_or_default()))
}

/// All records of a run.
pub(crate) async fn records(link: &mut Link, run: RunId) -> Result<Option<Records>, Failed> {
    // Asked first, because a process that works on the run may append meanwhile.
    let Some(last) = end(link, run).await? else { return Ok(None) };
    let mut found = Records::default();
    let mut next = 1_u64;
    loop {
        let page = raw(link, run, next).await?;
        if page.is_empty() {
            break;
        }
        for row in page {
            found.unreadable.extend(missing(next..row.seq));
            next = row.seq + 1;
            match decoded(&row) {
                Ok(record) => found.records.push(record),
                Err(reason) => found.unreadable.push(Unreadable { seq: row.seq, reason }),
            }
        }
    }
    found.unreadable.extend(missing(next..last.saturating_add(1)));
    Ok(Some(found))
}

/// Some records of a run as they are stored, from a number on.
pub(crate) async fn raw(link: &mut Link, run: RunId, from: u64) -> Result<Vec<RawRecord>, Failed> {
    let id = run.to_string();
    let from = i64::try_from(from).unwrap_or(i64::MAX);
    let rows = link
        .query(
            "SELECT seq, at, event, checksum FROM oci_insta_scale.records
             WHERE run = $1 AND seq >= $2 ORDER BY seq LIMIT $3",
            &[(&id, Type::TEXT), (&from, Type::INT8), (&PAGE, Type::INT8)],
        )
        .await?;
    Ok(rows.iter().filter_map(|row| raw_at(row, 0)).collect())
}

fn raw_at(row: &Row, at: usize) -> Option<RawRecord> {
    let seq: Option<i64> = row.get(at);
    let seq = u64::try_from(seq?).ok()?;
    Some(RawRecord { seq, at: row.get(at + 1), event: row.get(at + 2), checksum: row.get(at + 3) })
}

fn decoded(row: &RawRecord) -> Result<Record, String> {
    decode(row.seq, &row.at, &row.event, row.checksum)
}

/// All runs, the newest first. The first and last records of each contain everything that a list shows.
pub(crate) async fn runs(link: &mut Link) -> Result<Vec<RunHead>, Failed> {
    let rows = link
        .query(
            "SELECT r.id, coalesce(l.held_until > clock_timestamp(), false),
                 f.seq, f.at, f.event, f.checksum, e.seq, e.at, e.event, e.checksum, r.format
             FROM oci_insta_scale.runs r
             LEFT JOIN oci_insta_scale.leases l ON l.of = r.id
             LEFT JOIN LATERAL (SELECT seq, at, event, checksum FROM oci_insta_scale.records
                 WHERE run = r.id ORDER BY seq LIMIT 1) f ON true
             LEFT JOIN LATERAL (SELECT seq, at, event, checksum FROM oci_insta_scale.records
                 WHERE run = r.id ORDER BY seq DESC LIMIT 1) e ON true
             ORDER BY r.id DESC",
            &[],
        )
        .await?;
    let heads = rows.iter().filter_map(|row| {
        let run: RunId = row.get::<_, String>(0).parse().ok()?;
        // Events of another format may mean something else than they seem to.
        let is_known = u32::try_from(row.get::<_, i32>(10)).is_ok_and(|format| format <= FORMAT_VERSION);
        let record = |at: usize| raw_at(row, at).filter(|_| is_known).and_then(|raw| decoded(&raw).ok());
        Some(head(run, record(2).as_ref(), record(6).as_ref(), row.get(1)))
    });
    Ok(heads.collect())
}
