//! Writing records: each statement checks the lease, the number of the last record and the tables in one step.

use crate::hold::{Hold, now};
use crate::leases::holder_of;
use crate::link::{Failed, Link};
use crate::schema::{self, timeline};
use jiff::Timestamp;
use ledger::stored::checksum;
use ledger::{Event, LedgerError, RawRecord, Record, RunId};
use tokio_postgres::types::Type;

/// A record as it is stored.
pub(crate) struct Row {
    pub(crate) seq: i64,
    pub(crate) at: String,
    pub(crate) event: String,
    pub(crate) checksum: i64,
}

/// Numbers events after the last record of a run.
pub(crate) fn numbered(last: u64, events: &[(Timestamp, Event)]) -> Result<Vec<Row>, String> {
    let mut rows = Vec::with_capacity(events.len());
    for (seq, (at, event)) in (last + 1..).zip(events) {
        let (at, event) = (at.to_string(), serde_json::to_string(event).map_err(|error| error.to_string())?);
        let checksum = checksum(seq, &at, &event);
        let seq = i64::try_from(seq).map_err(|error| error.to_string())?;
        rows.push(Row { seq, at, event, checksum });
    }
    Ok(rows)
}

/// The lease is renewed by the same statement. Without a lease of its own, a process may write while nobody has one.
const APPEND: &str = "
    WITH lease AS (
        UPDATE oci_insta_scale.leases SET held_until = clock_timestamp() + make_interval(secs => seconds)
        WHERE of = $1 AND fence = $2 AND token = $3 RETURNING of
    ), free AS (
        SELECT WHERE $2 = 0 AND NOT EXISTS (
            SELECT FROM oci_insta_scale.leases WHERE of = $1 AND held_until > clock_timestamp())
    ), run AS (
        UPDATE oci_insta_scale.runs SET last_seq = $5
        WHERE id = $1 AND last_seq = $4 AND (EXISTS (SELECT FROM lease) OR EXISTS (SELECT FROM free))
            AND NOT EXISTS (SELECT FROM oci_insta_scale.format WHERE version > $10)
        RETURNING id
    ), kept AS (
        INSERT INTO oci_insta_scale.records (run, seq, fence, at, event, checksum)
        SELECT run.id, r.seq, $2, r.at, r.event, r.checksum
        FROM run, unnest($6::bigint[], $7::text[], $8::text[], $9::bigint[]) AS r (seq, at, event, checksum)
        RETURNING seq
    )
    SELECT count(*) FROM kept";

/// What became of an append.
#[derive(Debug)]
pub(crate) enum Appended {
    /// All rows are kept.
    Kept,
    /// Nothing is kept, because the last record has another number.
    Moved {
        /// The number of the last record in the database.
        last: u64,
    },
    /// Nothing is kept, and nothing will be.
    Refused(LedgerError),
}

/// Appends rows to a run, or finds out that they were appended by an earlier statement whose answer was lost
/// (`is_repeated`).
pub(crate) async fn append(
    link: &mut Link,
    run: RunId,
    hold: Option<&Hold>,
    rows: &[Row],
    is_repeated: bool,
) -> Result<Appended, Failed> {
    let Some((first, last)) = rows.first().zip(rows.last()) else { return Ok(Appended::Kept) };
    let id = run.to_string();
    let (number, token) = hold.map_or((0, ""), |hold| (hold.fence.number, hold.fence.token.as_str()));
    let seqs: Vec<i64> = rows.iter().map(|row| row.seq).collect();
    let times: Vec<&str> = rows.iter().map(|row| row.at.as_str()).collect();
    let events: Vec<&str> = rows.iter().map(|row| row.event.as_str()).collect();
    let checksums: Vec<i64> = rows.iter().map(|row| row.checksum).collect();
    let asked = now();
    let answer = link
        .query(
            APPEND,
            &[
                (&id, Type::TEXT),
                (&number, Type::INT8),
                (&token, Type::TEXT),
                (&(first.seq - 1), Type::INT8),
                (&last.seq, Type::INT8),
                (&seqs, Type::INT8_ARRAY),
                (&times, Type::TEXT_ARRAY),
                (&events, Type::TEXT_ARRAY),
                (&checksums, Type::INT8_ARRAY),
                (&schema::VERSION, Type::INT4),
            ],
        )
        .await?;
    let kept: i64 = answer.first().map_or(0, |row| row.get(0));
    if usize::try_from(kept) == Ok(rows.len()) {
        if let Some(hold) = hold {
            hold.renew(asked);
        }
        return Ok(Appended::Kept);
    }
    explain(link, run, hold, rows, is_repeated).await
}

/// Finds out why nothing was appended.
async fn explain(
    link: &mut Link,
    run: RunId,
    hold: Option<&Hold>,
    rows: &[Row],
    is_repeated: bool,
) -> Result<Appended, Failed> {
    let id = run.to_string();
    let found = link
        .query(
            "SELECT r.last_seq, l.fence, l.token, l.held_until > clock_timestamp() FROM oci_insta_scale.runs r
             LEFT JOIN oci_insta_scale.leases l ON l.of = r.id WHERE r.id = $1",
            &[(&id, Type::TEXT)],
        )
        .await?;
    let Some(row) = found.first() else {
        return Ok(Appended::Refused(LedgerError::UnknownRun { run }));
    };
    let last = u64::try_from(row.get::<_, i64>(0)).unwrap_or_default();
    let theirs = (row.get::<_, Option<i64>>(1), row.get::<_, Option<String>>(2));
    if let Some(error) = schema::outgrown(link).await? {
        return Ok(Appended::Refused(error));
    }
    match hold {
        Some(hold) if theirs != (Some(hold.fence.number), Some(hold.fence.token.clone())) => {
            hold.lose();
            let holder = holder_of(link, &id).await?;
            return Ok(Appended::Refused(LedgerError::Lost { run, holder }));
        }
        None if row.get::<_, Option<bool>>(3) == Some(true) => {
            let holder = holder_of(link, &id).await?;
            return Ok(Appended::Refused(LedgerError::Held { run, holder }));
        }
        _ => {}
    }
    // Another process may have written the same events, which are then not these.
    if is_repeated && are_kept(link, &id, rows).await? {
        return Ok(Appended::Kept);
    }
    Ok(Appended::Moved { last })
}

/// Whether these rows are in the database.
async fn are_kept(link: &mut Link, run: &str, rows: &[Row]) -> Result<bool, Failed> {
    let seqs: Vec<i64> = rows.iter().map(|row| row.seq).collect();
    let checksums: Vec<i64> = rows.iter().map(|row| row.checksum).collect();
    let found = link
        .query(
            "SELECT count(*) FROM unnest($2::bigint[], $3::bigint[]) AS ours (seq, checksum)
             JOIN oci_insta_scale.records r ON r.run = $1 AND r.seq = ours.seq AND r.checksum = ours.checksum",
            &[(&run, Type::TEXT), (&seqs, Type::INT8_ARRAY), (&checksums, Type::INT8_ARRAY)],
        )
        .await?;
    Ok(found.first().is_some_and(|row| usize::try_from(row.get::<_, i64>(0)) == Ok(rows.len())))
}

/// Creates a run with its first record; says whether it was created, now or by a statement whose answer was lost.
pub(crate) async fn create(link: &mut Link, run: RunId, first: &Row) -> Result<bool, Failed> {
    let id = run.to_string();
    let timeline = timeline(link).await?;
    let format = i32::try_from(ledger::event::FORMAT_VERSION).unwrap_or_default();
    let made = link
        .query(
            "WITH run AS (
                 INSERT INTO oci_insta_scale.runs (id, format, last_seq, timeline) SELECT $1, $2, 1, $3
                 WHERE NOT EXISTS (SELECT FROM oci_insta_scale.format WHERE version > $7)
                 ON CONFLICT DO NOTHING RETURNING id
             )
             INSERT INTO oci_insta_scale.records (run, seq, fence, at, event, checksum)
             SELECT id, 1, 0, $4, $5, $6 FROM run RETURNING seq",
            &[
                (&id, Type::TEXT),
                (&format, Type::INT4),
                (&timeline, Type::TEXT),
                (&first.at, Type::TEXT),
                (&first.event, Type::TEXT),
                (&first.checksum, Type::INT8),
                (&schema::VERSION, Type::INT4),
            ],
        )
        .await?;
    if !made.is_empty() {
        return Ok(true);
    }
    are_kept(link, &id, std::slice::from_ref(first)).await
}

/// Counts records as lost that this process wrote and the database does not have: their numbers are not given again, so that
/// the gap shows.
pub(crate) async fn leave_gap(
    link: &mut Link,
    run: RunId,
    hold: Option<&Hold>,
    last: u64,
) -> Result<(), Failed> {
    let id = run.to_string();
    let (number, token) = hold.map_or((0, ""), |hold| (hold.fence.number, hold.fence.token.as_str()));
    let last = i64::try_from(last).unwrap_or(i64::MAX);
    link.query(
        "UPDATE oci_insta_scale.runs SET last_seq = $2 WHERE id = $1 AND last_seq < $2
         AND ($3 = 0 OR EXISTS (SELECT FROM oci_insta_scale.leases WHERE of = $1 AND fence = $3 AND token = $4))
         RETURNING id",
        &[(&id, Type::TEXT), (&last, Type::INT8), (&number, Type::INT8), (&token, Type::TEXT)],
    )
    .await
    .map(drop)
}

/// A record that the caller gets back.
pub(crate) fn as_records(rows: &[Row], events: Vec<(Timestamp, Event)>) -> Vec<Record> {
    let numbers = rows.iter().map(|row| u64::try_from(row.seq).unwrap_or_default());
    numbers.zip(events).map(|(seq, (at, event))| Record { seq, at, event }).collect()
}

/// Stores records as they were elsewhere. Those that are there already stay.
pub(crate) async fn put(link: &mut Link, run: RunId, rows: &[RawRecord], last: u64) -> Result<(), Failed> {
    let id = run.to_string();
    let number = |seq: u64| i64::try_from(seq).unwrap_or(i64::MAX);
    let seqs: Vec<i64> = rows.iter().map(|row| number(row.seq)).collect();
    let times: Vec<&str> = rows.iter().map(|row| row.at.as_str()).collect();
    let events: Vec<&str> = rows.iter().map(|row| row.event.as_str()).collect();
    let checksums: Vec<i64> = rows.iter().map(|row| row.checksum).collect();
    let format = i32::try_from(ledger::event::FORMAT_VERSION).unwrap_or_default();
    link.query(
        "WITH run AS (
             INSERT INTO oci_insta_scale.runs AS r (id, format, last_seq) VALUES ($1, $2, $3)
             ON CONFLICT (id) DO UPDATE SET last_seq = greatest(r.last_seq, $3) RETURNING id
         )
         INSERT INTO oci_insta_scale.records (run, seq, fence, at, event, checksum)
         SELECT run.id, r.seq, 0, r.at, r.event, r.checksum
         FROM run, unnest($4::bigint[], $5::text[], $6::text[], $7::bigint[]) AS r (seq, at, event, checksum)
         ON CONFLICT DO NOTHING RETURNING seq",
        &[
            (&id, Type::TEXT),
            (&format, Type::INT4),
            (&number(last), Type::INT8),
            (&seqs, Type::INT8_ARRAY),
            (&times, Type::TEXT_ARRAY),
            (&events, Type::TEXT_ARRAY),
            (&checksums, Type::INT8_ARRAY),
        ],
    )
    .await
    .map(drop)
}

/// Removes a run that nobody holds, with its records.
pub(crate) async fn remove(link: &mut Link, run: RunId) -> Result<(), Failed> {
    let id = run.to_string();
    link.query(
        "DELETE FROM oci_insta_scale.runs WHERE id = $1 AND NOT EXISTS (
             SELECT FROM oci_insta_scale.leases WHERE of = $1 AND held_until > clock_timestamp()) RETURNING id",
        &[(&id, Type::TEXT)],
    )
    .await
    .map(drop)
}
