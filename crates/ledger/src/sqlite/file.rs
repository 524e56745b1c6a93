//! Opens or creates the file of the ledger, readable by its owner only, and translates SQLite's errors.

use super::private;
use crate::{LedgerError, Result, RunId, event::FORMAT_VERSION};
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _, config::DbConfig};
use std::{
    fs::File,
    io::{self, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

/// Marks the file as a ledger (`PRAGMA application_id`): "OISL".
const APPLICATION_ID: u32 = 0x4F49_534C;

/// How long to wait for the transaction of another process. Transactions take milliseconds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(20);

const SCHEMA: &str = "
    CREATE TABLE runs (
        key INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        format INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE records (
        run INTEGER NOT NULL REFERENCES runs(key),
        seq INTEGER NOT NULL,
        at TEXT NOT NULL,
        event TEXT NOT NULL,
        checksum INTEGER NOT NULL,
        PRIMARY KEY (run, seq)
    ) STRICT, WITHOUT ROWID;
";

/// The lock file of a run.
pub fn lock_path(directory: &Path, run: RunId) -> PathBuf {
    directory.join("runs").join(format!("{run}.lock"))
}

pub(super) fn make_private_directory(path: &Path) -> Result<()> {
    private::make_directory(path).map_err(|error| io(path, &error))
}

/// Opens a private file for reading and writing, or creates it.
pub(super) fn open_private(path: &Path) -> Result<File> {
    private::open(path).map_err(|error| io(path, &error))
}

/// Opens the ledger, or creates it. SQLite creates the files beside it (`-wal`, `-shm`) with the same mode.
pub(super) fn open(path: &Path, most_pages: Option<u32>) -> Result<Connection> {
    let length = open_private(path)?.metadata().map_err(|error| io(path, &error))?.len();
    if length == 0 {
        check_nothing_is_left(path)?;
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(|error| sql(path, &error))?;
    prepare(&mut connection, path, length)?;
    if let Some(pages) = most_pages {
        let limit = |row: &rusqlite::Row<'_>| row.get::<_, u32>(0);
        connection
            .pragma_update_and_check(None, "max_page_count", pages, limit)
            .map_err(|error| sql(path, &error))?;
    }
    Ok(connection)
}

/// Refuses a missing or emptied file beside a write-ahead log: SQLite would discard the log and its records.
fn check_nothing_is_left(path: &Path) -> Result<()> {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let left = std::fs::metadata(&log).is_ok_and(|log| log.len() > 0);
    if left {
        let reason = "it is empty, but the log beside it is not".to_owned();
        return Err(LedgerError::Corrupt { path: path.to_owned(), reason });
    }
    Ok(())
}

/// `length` is the length of the file before it was opened: only an empty file is initialised.
fn prepare(connection: &mut Connection, path: &Path, length: u64) -> Result<()> {
    let wrong = |error: rusqlite::Error| sql(path, &error);
    connection.busy_timeout(BUSY_TIMEOUT).map_err(wrong)?;
    let number = |connection: &Connection, pragma: &str| {
        connection.pragma_query_value(None, pragma, |row| row.get::<_, u32>(0)).map_err(wrong)
    };
    let (schema, whole) = match number(connection, "schema_version") {
        Err(LedgerError::Corrupt { .. }) => {
            read_what_is_left(connection).map_err(wrong)?;
            (number(connection, "schema_version")?, false)
        }
        known => (known?, true),
    };
    if schema == 0 {
        if length > 0 {
            let reason = "it is a database without tables".to_owned();
            return Err(LedgerError::Corrupt { path: path.to_owned(), reason });
        }
        create(connection).map_err(wrong)?;
    }
    let application = number(connection, "application_id")?;
    if application != APPLICATION_ID {
        let reason = format!("it is a database of another program ({application:#x})");
        return Err(LedgerError::Corrupt { path: path.to_owned(), reason });
    }
    let found = number(connection, "user_version")?;
    if found > FORMAT_VERSION {
        return Err(LedgerError::TooNew { path: path.to_owned(), found, known: FORMAT_VERSION });
    }
    if !whole {
        // Without these tables, nothing in the file can be read.
        return connection.prepare("SELECT 1 FROM runs, records").map(drop).map_err(|error| {
            let reason = format!("a part of it is missing: {error}");
            LedgerError::Corrupt { path: path.to_owned(), reason }
        });
    }
    // FULL means that a commit is on the disk when it returns. Recording an intent before a call depends on that.
    connection.pragma_update(None, "synchronous", "FULL").map_err(wrong)?;
    connection.pragma_update(None, "foreign_keys", true).map_err(wrong)?;
    // The write-ahead log allows reads during a write, and a commit needs only one sync.
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0)).map_err(wrong)?;
    if !mode.eq_ignore_ascii_case("wal") {
        let reason = format!("SQLite keeps no write-ahead log here (it stays in mode `{mode}`)");
        return Err(LedgerError::Io { path: path.to_owned(), reason });
    }
    Ok(())
}

/// SQLite refuses a file that is shorter than its header says, except in repair mode. The rest can then be read, but not
/// written: new pages would reuse the numbers of lost ones.
fn read_what_is_left(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "writable_schema", true)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    Ok(())
}

/// The error of a failed write. A ledger becomes read-only only when it is damaged.
pub(super) fn not_written(connection: &Connection, path: &Path, error: &rusqlite::Error) -> LedgerError {
    let only_read = connection.pragma_query_value(None, "query_only", |row| row.get::<_, bool>(0));
    if only_read.unwrap_or(false) {
        let reason = "a part of it is missing: it can be read, but not added to".to_owned();
        return LedgerError::Corrupt { path: path.to_owned(), reason };
    }
    sql(path, error)
}

/// Two processes may both find an empty file: the second one to get the lock finds it initialised.
fn create(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let made: u32 = transaction.pragma_query_value(None, "schema_version", |row| row.get(0))?;
    if made == 0 {
        transaction.execute_batch(SCHEMA)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", FORMAT_VERSION)?;
    }
    transaction.commit()
}

/// The key of a run in the tables.
pub(super) fn key(connection: &Connection, run: RunId) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT key FROM runs WHERE id = ?1")?
        .query_row([run.to_string()], |row| row.get(0))
        .optional()
}

pub(super) fn io(path: &Path, error: &io::Error) -> LedgerError {
    let path = path.to_owned();
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            LedgerError::Full { path }
        }
        io::ErrorKind::PermissionDenied
        | io::ErrorKind::ReadOnlyFilesystem
        | io::ErrorKind::NotADirectory
        | io::ErrorKind::AlreadyExists => LedgerError::ReadOnly { path, reason: error.to_string() },
        _ => LedgerError::Io { path, reason: error.to_string() },
    }
}

/// SQLite reports a full disk for only some of its writes, and "disk I/O error" for others. Writing a trial file tells the two
/// apart: a hole as long as the ledger or its log, and a few pages after it.
fn has_no_room(path: &Path) -> bool {
    let beside = |ending: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        std::path::PathBuf::from(name)
    };
    let length = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
    let length = length(path).max(length(&beside("-wal")));
    let probe = beside(&format!(".{}.probe", std::process::id()));
    let tried = open_private(&probe).and_then(|mut file| {
        let written = file
            .seek(SeekFrom::Start(length))
            .and_then(|_| file.write_all(&vec![0; 16 * 4096]))
            .and_then(|()| file.sync_all());
        written.map_err(|error| io(path, &error))
    });
    // If the file could not be created, there is nothing to remove.
    let _ = std::fs::remove_file(&probe);
    matches!(tried, Err(LedgerError::Full { .. }))
}

pub(super) fn sql(path: &Path, error: &rusqlite::Error) -> LedgerError {
    let path = path.to_owned();
    let reason = error.to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => LedgerError::Full { path },
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            LedgerError::ReadOnly { path, reason }
        }
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => LedgerError::Corrupt { path, reason },
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => LedgerError::Busy { path },
        Some(ErrorCode::SystemIoFailure) if has_no_room(&path) => LedgerError::Full { path },
        _ => LedgerError::Io { path, reason },
    }
}
