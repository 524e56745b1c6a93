//! The thread that owns the connection. It handles jobs in order, and all waiting appends as one transaction.

use super::{
    archive::{self, ArchiveJob},
    file,
    locks::is_held,
    mark::{Change, Mark, Marks},
};
use crate::{
    Event, LedgerError, Record, Result, RunHead, RunId,
    event::FORMAT_VERSION,
    store::{Records, Unreadable},
    stored::{checksum, decode, head, missing},
};
use jiff::Timestamp;
use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use std::{
    collections::HashMap,
    fs::File,
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
    time::Duration,
};
use tokio::{sync::oneshot::Sender, time::Instant};

/// The maximum number of jobs per transaction, which bounds the wait of the first one.
const GROUP: usize = 1024;
/// Appends that follow each other this closely come from a run at full speed. They are collected for this long, because a sync
/// costs more processor time than the records do. The thread sleeps meanwhile, because waking it for each append would cost as
/// much again.
const GATHER: Duration = Duration::from_millis(4);

pub(super) enum Job {
    Create {
        run: RunId,
        at: Timestamp,
        first: Box<Event>,
        answer: Sender<Result<Record>>,
    },
    Append {
        run: RunId,
        at: Timestamp,
        events: Vec<Event>,
        answer: Sender<Result<Vec<Record>>>,
    },
    Records {
        run: RunId,
        answer: Sender<Result<Records>>,
    },
    Runs {
        answer: Sender<Result<Vec<RunHead>>>,
    },
    Known {
        run: RunId,
        answer: Sender<Result<()>>,
    },
    /// A run is copied or removed.
    Archive {
        job: ArchiveJob,
    },
    /// This process has locked the run's file.
    Taken {
        run: RunId,
        lock: Arc<File>,
        mark: Mark,
        answer: Sender<Result<()>>,
    },
}

/// The result of a write, and the channel to its caller. A dropped channel means that the caller no longer waits.
#[expect(clippy::large_enum_variant, reason = "a batch has few of them, and they live for one write")]
enum Written {
    Created(Sender<Result<Record>>, Result<Record>),
    Appended(Sender<Result<Vec<Record>>>, Result<Vec<Record>>),
}

/// Runs until every sender is dropped.
pub(super) fn work(mut connection: Connection, path: &Path, directory: &Path, jobs: &mpsc::Receiver<Job>) {
    let mut ends = Ends::new(directory);
    let mut last: Option<Instant> = None;
    while let Ok(first) = jobs.recv() {
        if last.is_some_and(|last| last.elapsed() < GATHER) {
            std::thread::sleep(GATHER);
        }
        let mut writes = Vec::new();
        let mut next = Some(first);
        while let Some(job) = next.take() {
            match job {
                Job::Create { .. } | Job::Append { .. } => writes.push(job),
                Job::Taken { run, lock, mark, answer } => {
                    ends.marks.take(run, &lock, mark);
                    // Only the lease may keep the lock alive.
                    drop(lock);
                    let _ = answer.send(Ok(()));
                }
                Job::Archive { job } => {
                    commit(&mut connection, path, &mut ends, std::mem::take(&mut writes));
                    // What is known of the ends of runs may change.
                    ends.of.clear();
                    archive::answer(&mut connection, path, directory, job);
                }
                read => {
                    // Jobs run in order, so a read sees everything that was sent before it.
                    commit(&mut connection, path, &mut ends, std::mem::take(&mut writes));
                    answer_read(&connection, path, directory, read);
                }
            }
            if writes.len() < GROUP {
                next = jobs.try_recv().ok();
            }
        }
        commit(&mut connection, path, &mut ends, writes);
        last = Some(Instant::now());
    }
}

/// Commits all jobs in one transaction: either all are kept, or each receives the error.
fn commit(connection: &mut Connection, path: &Path, ends: &mut Ends, jobs: Vec<Job>) {
    if jobs.is_empty() {
        return;
    }
    let mut written = Vec::with_capacity(jobs.len());
    let changes: Vec<Change> = jobs.iter().filter_map(change).collect();
    let result = write(connection, ends, jobs, &mut written);
    match &result {
        Err(_) => ends.of.clear(),
        // Before any caller is told: if the log is lost, every record that was announced as kept must be missed.
        Ok(()) => ends.mark(&changes),
    }
    let failed = result.err().map(|error| file::not_written(connection, path, &error));
    for done in written {
        match done {
            Written::Created(answer, kept) => {
                let _ = answer.send(failed.clone().map_or(kept, Err));
            }
            Written::Appended(answer, kept) => {
                let _ = answer.send(failed.clone().map_or(kept, Err));
            }
        }
    }
}

fn change(job: &Job) -> Option<Change> {
    match job {
        Job::Create { run, first, .. } => Some(Change::of_creation(*run, first)),
        Job::Append { run, events, .. } => Some(Change::of_append(*run, events)),
        _ => None,
    }
}

/// Adds an entry to `written` for every job, even if a later job fails; then the transaction is rolled back for all.
fn write(
    connection: &mut Connection,
    ends: &mut Ends,
    jobs: Vec<Job>,
    written: &mut Vec<Written>,
) -> rusqlite::Result<()> {
    let mut outcome = Ok(());
    let transaction = match connection.transaction_with_behavior(TransactionBehavior::Immediate) {
        Ok(transaction) => Some(transaction),
        Err(error) => {
            outcome = Err(error);
            None
        }
    };
    if let Some(Err(error)) = transaction.as_ref().map(|open| ends.forget_old(open)) {
        outcome = Err(error);
    }
    for job in jobs {
        let open = transaction.as_ref().filter(|_| outcome.is_ok());
        match job {
            Job::Create { run, at, first, answer } => {
                let kept = open.map(|open| create(open, ends, run, at, *first));
                written.push(Written::Created(answer, settle(&mut outcome, run, kept)));
            }
            Job::Append { run, at, events, answer } => {
                let kept = open.map(|open| append(open, ends, run, at, events));
                written.push(Written::Appended(answer, settle(&mut outcome, run, kept)));
            }
            Job::Records { .. }
            | Job::Runs { .. }
            | Job::Known { .. }
            | Job::Archive { .. }
            | Job::Taken { .. } => {}
        }
    }
    outcome?;
    transaction.map_or(Ok(()), Transaction::commit)
}

/// Separates the errors of one job (no such run) from errors that concern all jobs (no space left).
fn settle<T>(
    outcome: &mut rusqlite::Result<()>,
    run: RunId,
    kept: Option<rusqlite::Result<Result<T>>>,
) -> Result<T> {
    match kept {
        Some(Ok(kept)) => kept,
        Some(Err(error)) => {
            *outcome = Err(error);
            Err(LedgerError::UnknownRun { run })
        }
        // The caller replaces this with the error of the transaction.
        None => Err(LedgerError::UnknownRun { run }),
    }
}

/// The key and the last number of each run, cached until another process writes to the file.
struct Ends {
    of: HashMap<RunId, (i64, u64)>,
    version: i64,
    marks: Marks,
    directory: PathBuf,
}

impl Ends {
    fn new(directory: &Path) -> Self {
        let directory = directory.to_owned();
        Self { of: HashMap::new(), version: 0, marks: Marks::new(&directory), directory }
    }

    /// Drops the cache if another connection has written; SQLite counts such changes.
    fn forget_old(&mut self, open: &Transaction<'_>) -> rusqlite::Result<()> {
        let version = open.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?;
        if std::mem::replace(&mut self.version, version) != version {
            self.of.clear();
        }
        Ok(())
    }

    /// The key of a run and the number of its last record. Lost records count: their numbers are not reused, so that the gap
    /// always shows that they are missing.
    fn find(&self, open: &Transaction<'_>, run: RunId) -> rusqlite::Result<Option<(i64, u64)>> {
        if let Some(end) = self.of.get(&run) {
            return Ok(Some(*end));
        }
        let Some(key) = file::key(open, run)? else { return Ok(None) };
        let last: u64 = open
            .prepare_cached("SELECT coalesce(max(seq), 0) FROM records WHERE run = ?1")?
            .query_row([key], |row| row.get(0))?;
        Ok(Some((key, last.max(Mark::of(&self.directory, run).last))))
    }

    fn mark(&mut self, changes: &[Change]) {
        for change in changes {
            if let Some((_, last)) = self.of.get(&change.run) {
                self.marks.set(change, *last);
            }
        }
    }
}

fn create(
    open: &Transaction<'_>,
    ends: &mut Ends,
    run: RunId,
    at: Timestamp,
    first: Event,
) -> rusqlite::Result<Result<Record>> {
    if file::key(open, run)?.is_some() {
        return Ok(Err(LedgerError::RunExists { run }));
    }
    if is_held(&ends.directory, run) {
        let holder = Mark::of(&ends.directory, run).holder;
        return Ok(Err(LedgerError::Held { run, holder }));
    }
    open.execute("INSERT INTO runs (id, format) VALUES (?1, ?2)", params![run.to_string(), FORMAT_VERSION])?;
    // The run is written anew, so what the lock file says about lost records no longer applies.
    ends.of.insert(run, (open.last_insert_rowid(), 0));
    let kept = append(open, ends, run, at, vec![first])?;
    Ok(kept.and_then(|mut records| records.pop().ok_or(LedgerError::UnknownRun { run })))
}

fn append(
    open: &Transaction<'_>,
    ends: &mut Ends,
    run: RunId,
    at: Timestamp,
    events: Vec<Event>,
) -> rusqlite::Result<Result<Vec<Record>>> {
    let Some((key, last)) = ends.find(open, run)? else {
        return Ok(Err(LedgerError::UnknownRun { run }));
    };
    let mut insert = open
        .prepare_cached("INSERT INTO records (run, seq, at, event, checksum) VALUES (?1, ?2, ?3, ?4, ?5)")?;
    let mut records = Vec::with_capacity(events.len());
    for (seq, event) in (last + 1..).zip(events) {
        let at_text = at.to_string();
        let text = serde_json::to_string(&event)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
        insert.execute(params![key, seq, at_text, text, checksum(seq, &at_text, &text)])?;
        records.push(Record { seq, at, event });
    }
    ends.of.insert(run, (key, last + records.len() as u64));
    Ok(Ok(records))
}

fn answer_read(connection: &Connection, path: &Path, directory: &Path, job: Job) {
    let wrong = |error: rusqlite::Error| file::sql(path, &error);
    match job {
        Job::Records { run, answer } => {
            // The mark is read first, because a process that works on the run may append meanwhile.
            let last = Mark::of(directory, run).last;
            let found = records(connection, run).map_err(wrong).and_then(|found| found);
            let _ = answer.send(found.map(|found| with_lost_end(found, last)));
        }
        Job::Runs { answer } => {
            let _ = answer.send(runs(connection, directory).map_err(wrong));
        }
        Job::Known { run, answer } => {
            let known = file::key(connection, run).map_err(wrong);
            let _ = answer.send(known.and_then(|key| key.map(drop).ok_or(LedgerError::UnknownRun { run })));
        }
        Job::Create { .. } | Job::Append { .. } | Job::Archive { .. } | Job::Taken { .. } => {}
    }
}

/// Adds the records that the run's lock file counts but the ledger lacks because its log was lost or it is an old copy.
fn with_lost_end(mut found: Records, last: u64) -> Records {
    let read = found.records.iter().map(|record| record.seq);
    let read = read.chain(found.unreadable.iter().map(|lost| lost.seq)).max().unwrap_or(0);
    found.unreadable.extend(missing(read.saturating_add(1)..last.saturating_add(1)));
    found
}

const SELECT: &str = "SELECT seq, at, event, checksum FROM records WHERE run = ?1 AND seq >= ?2 ORDER BY seq";

/// How many unreadable records in a row are tried before reading stops.
const MOST_BROKEN: usize = 1000;
/// Reads a run in order. Where the file is damaged, reading continues with the next readable record.
fn records(connection: &Connection, run: RunId) -> rusqlite::Result<Result<Records>> {
    let Some(key) = file::key(connection, run)? else {
        return Ok(Err(LedgerError::UnknownRun { run }));
    };
    let mut found = Records::default();
    let mut from = 1_u64;
    let mut broken_in_a_row = 0;
    while let Err((seq, error)) = read_from(connection, key, from, &mut found) {
        // A lost page of a B-tree can hide many records; each is tried, up to a limit.
        broken_in_a_row = if seq == from { broken_in_a_row + 1 } else { 0 };
        found.unreadable.push(Unreadable { seq, reason: error.to_string() });
        if broken_in_a_row > MOST_BROKEN {
            // It is unknown whether there were more records, so one entry stands for all of them.
            found.unreadable.truncate(found.unreadable.len() - MOST_BROKEN);
            break;
        }
        from = seq + 1;
    }
    Ok(Ok(found))
}

/// Reads from `from` on. An error comes with the number of the record at which it occurred.
fn read_from(
    connection: &Connection,
    key: i64,
    from: u64,
    found: &mut Records,
) -> std::result::Result<(), (u64, rusqlite::Error)> {
    let mut seq = from;
    let mut select = connection.prepare_cached(SELECT).map_err(|error| (seq, error))?;
    let mut rows = select.query(params![key, from]).map_err(|error| (seq, error))?;
    while let Some(row) = rows.next().map_err(|error| (seq, error))? {
        let at = row.get::<_, u64>(0).map_err(|error| (seq, error))?;
        found.unreadable.extend(missing(seq..at));
        match decoded(row) {
            Ok(record) => found.records.push(record),
            Err(reason) => found.unreadable.push(Unreadable { seq: at, reason }),
        }
        seq = at + 1;
    }
    Ok(())
}

fn decoded(row: &rusqlite::Row<'_>) -> std::result::Result<Record, String> {
    let text =
        |index: usize| row.get_ref(index).and_then(|value| Ok(value.as_str()?)).map_err(|e| e.to_string());
    let seq: u64 = row.get(0).map_err(|error| error.to_string())?;
    let kept: i64 = row.get(3).map_err(|error| error.to_string())?;
    decode(seq, text(1)?, text(2)?, kept)
}

/// Lists the runs. The first and last records of each run contain everything that a list shows.
fn runs(connection: &Connection, directory: &Path) -> rusqlite::Result<Vec<RunHead>> {
    let mut select = connection.prepare_cached("SELECT key, id FROM runs ORDER BY id DESC")?;
    let known = select.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))?;
    let mut heads = Vec::new();
    for row in known {
        let (key, id) = row?;
        let Ok(run) = id.parse::<RunId>() else { continue };
        let end = |order: &str| -> rusqlite::Result<Record> {
            connection
                .prepare_cached(&format!(
                    "SELECT seq, at, event, checksum FROM records WHERE run = ?1 ORDER BY seq {order} LIMIT 1"
                ))?
                .query_row([key], |row| decoded(row).map_err(rusqlite::Error::InvalidParameterName))
        };
        let (first, last) = (end("ASC").ok(), end("DESC").ok());
        heads.push(head(run, first.as_ref(), last.as_ref(), is_held(directory, run)));
    }
    Ok(heads)
}
