//! Copying and removing runs.

use super::{
    file::{self, key, lock_path},
    locks::is_held,
    mark::Mark,
};
use crate::{LedgerError, RawRecord, Result, RunId, event::FORMAT_VERSION};
use rusqlite::{Connection, TransactionBehavior, params};
use std::path::Path;
use tokio::sync::oneshot::Sender;

/// How many records are read at once.
const PAGE: u32 = 10_000;

pub(super) enum ArchiveJob {
    Last { run: RunId, answer: Sender<Result<u64>> },
    Raw { run: RunId, from: u64, answer: Sender<Result<Vec<RawRecord>>> },
    Put { run: RunId, rows: Vec<RawRecord>, last: u64, answer: Sender<Result<()>> },
    Remove { run: RunId, answer: Sender<Result<()>> },
}

/// A dropped receiver means that the caller no longer waits.
pub(super) fn answer(connection: &mut Connection, path: &Path, directory: &Path, job: ArchiveJob) {
    let wrong = |error: rusqlite::Error| file::sql(path, &error);
    match job {
        ArchiveJob::Last { run, answer } => {
            let found = last(connection, directory, run).map_err(wrong);
            let _ = answer.send(found.and_then(|last| last.ok_or(LedgerError::UnknownRun { run })));
        }
        ArchiveJob::Raw { run, from, answer } => {
            let _ = answer.send(raw(connection, run, from).map_err(wrong));
        }
        ArchiveJob::Put { run, rows, last, answer } => {
            let put = put(connection, run, &rows).map_err(wrong);
            let _ = answer.send(put.and_then(|()| mark(directory, run, last)));
        }
        ArchiveJob::Remove { run, answer } => {
            let removed = if is_held(directory, run) { Ok(()) } else { remove(connection, run) };
            let _ = answer.send(removed.map_err(wrong));
        }
    }
}

fn last(connection: &Connection, directory: &Path, run: RunId) -> rusqlite::Result<Option<u64>> {
    let Some(key) = key(connection, run)? else { return Ok(None) };
    let last: u64 = connection
        .prepare_cached("SELECT coalesce(max(seq), 0) FROM records WHERE run = ?1")?
        .query_row([key], |row| row.get(0))?;
    Ok(Some(last.max(Mark::of(directory, run).last)))
}

fn raw(connection: &Connection, run: RunId, from: u64) -> rusqlite::Result<Vec<RawRecord>> {
    let Some(key) = key(connection, run)? else { return Ok(Vec::new()) };
    let mut select = connection.prepare_cached(
        "SELECT seq, at, event, checksum FROM records WHERE run = ?1 AND seq >= ?2 ORDER BY seq LIMIT ?3",
    )?;
    let rows = select.query_map(params![key, from, PAGE], |row| {
        Ok(RawRecord { seq: row.get(0)?, at: row.get(1)?, event: row.get(2)?, checksum: row.get(3)? })
    })?;
    rows.collect()
}

fn put(connection: &mut Connection, run: RunId, rows: &[RawRecord]) -> rusqlite::Result<()> {
    let open = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    open.execute(
        "INSERT OR IGNORE INTO runs (id, format) VALUES (?1, ?2)",
        params![run.to_string(), FORMAT_VERSION],
    )?;
    if let Some(key) = key(&open, run)? {
        let mut insert = open.prepare_cached(
            "INSERT OR IGNORE INTO records (run, seq, at, event, checksum) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        for row in rows {
            insert.execute(params![key, row.seq, row.at, row.event, row.checksum])?;
        }
    }
    open.commit()
}

/// Notes the number of the last record, so that lost ones show here too.
fn mark(directory: &Path, run: RunId, last: u64) -> Result<()> {
    let path = lock_path(directory, run);
    let lock = file::open_private(&path)?;
    let known = Mark::read(&lock);
    if known.last >= last {
        return Ok(());
    }
    // It is complete here: without its records, it must not count as a run that has begun and was lost.
    let mark = Mark { last, ended: true, ..known };
    mark.write(&lock).map_err(|error| file::io(&path, &error))
}

fn remove(connection: &mut Connection, run: RunId) -> rusqlite::Result<()> {
    let open = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if let Some(key) = key(&open, run)? {
        open.execute("DELETE FROM records WHERE run = ?1", [key])?;
        open.execute("DELETE FROM runs WHERE key = ?1", [key])?;
    }
    open.commit()
}
