//! The capacity memory of a machine: one SQLite file beside the ledger, shared by all processes.
//!
//! Every record in it is expendable, so a commit needs no sync, and a file that cannot be read is set aside and replaced by an
//! empty one.

use super::{CapacityMemory, Claim, MemoryError, Observation, Remembered, Scope, Subject, floor, rows};
use crate::{ErrorRecord, sqlite::private};
use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode, OptionalExtension as _, Transaction, TransactionBehavior, params};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// The file name in the state directory.
pub const FILE_NAME: &str = "capacity.db";

/// Marks the file as a capacity memory (`PRAGMA application_id`): "OISC".
const APPLICATION_ID: u32 = 0x4F49_5343;
const VERSION: u32 = 1;
/// How long to wait for another process, whose transactions take less than a millisecond.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);
/// The maximum number of damaged files that are kept. The next one replaces the last.
const MOST_ASIDE: u32 = 100;
/// The stored length of a refusal's text. The memory is advice; the ledger has the full text.
const MESSAGE_MAX: usize = 200;

const SCHEMA: &str = "
    CREATE TABLE scopes (
        key INTEGER PRIMARY KEY,
        tenancy TEXT NOT NULL,
        region TEXT NOT NULL,
        service TEXT NOT NULL,
        UNIQUE (tenancy, region, service)
    ) STRICT;
    CREATE TABLE refusals (
        key INTEGER PRIMARY KEY,
        error TEXT NOT NULL UNIQUE
    ) STRICT;
    CREATE TABLE subjects (
        scope INTEGER NOT NULL REFERENCES scopes(key),
        subject TEXT NOT NULL,
        refusal INTEGER REFERENCES refusals(key),
        request TEXT,
        refused_at INTEGER,
        yielded_at INTEGER,
        streak INTEGER NOT NULL,
        next_probe INTEGER,
        budget INTEGER,
        tallies BLOB NOT NULL,
        PRIMARY KEY (scope, subject)
    ) STRICT, WITHOUT ROWID;
";

/// The capacity memory of a state directory.
pub struct SqliteMemory {
    path: PathBuf,
    connection: Mutex<Connection>,
}

impl SqliteMemory {
    /// Opens the memory in this directory, or creates it. A damaged file is set aside; the second value is its new path.
    ///
    /// # Errors
    /// When the directory or the file cannot be written, or a newer version of this program wrote the file.
    pub fn open(directory: &Path) -> Result<(Self, Option<PathBuf>), MemoryError> {
        let path = directory.join(FILE_NAME);
        match Self::open_file(directory, &path) {
            Err(error) if error.is_damaged => {
                let aside = set_aside(&path)?;
                Ok((Self::open_file(directory, &path)?, Some(aside)))
            }
            opened => Ok((opened?, None)),
        }
    }

    fn open_file(directory: &Path, path: &Path) -> Result<Self, MemoryError> {
        let system = |reason: String| MemoryError { path: path.to_owned(), reason, is_damaged: false };
        private::make_directory(directory).map_err(|error| system(error.to_string()))?;
        private::open(path).map_err(|error| system(error.to_string()))?;
        let connection = Connection::open(path).map_err(|error| failed(path, &error))?;
        prepare(&connection, path)?;
        let memory = Self { path: path.to_owned(), connection: Mutex::new(connection) };
        // Reads every page that contains data, so that damage is found now and not in the middle of a run.
        let read = memory.lock().query_row(CHECK, [], |_| Ok(()));
        read.map_err(|error| failed(path, &error))?;
        Ok(memory)
    }

    /// The path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write<T>(
        &self,
        change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, MemoryError> {
        let mut connection = self.lock();
        let changed =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).and_then(|transaction| {
                let value = change(&transaction)?;
                transaction.commit()?;
                Ok(value)
            });
        changed.map_err(|error| failed(&self.path, &error))
    }
}

impl CapacityMemory for SqliteMemory {
    fn observe(&self, scope: &Scope, observations: &[Observation]) -> Result<(), MemoryError> {
        self.write(|transaction| {
            let scope = scope_key(transaction, scope)?;
            let mut changed: BTreeMap<String, Remembered> = BTreeMap::new();
            for observation in observations {
                let subject = observation.subject.key();
                if !changed.contains_key(&subject) {
                    let known = rows::read_one(transaction, scope, &subject)?;
                    changed.insert(subject.clone(), known.unwrap_or_default());
                }
                changed.entry(subject).or_default().apply(observation);
            }
            for (subject, known) in &changed {
                store(transaction, scope, subject, known)?;
            }
            Ok(())
        })
    }

    fn recall(&self, scope: &Scope) -> Result<BTreeMap<Subject, Remembered>, MemoryError> {
        rows::recall(&self.lock(), scope).map_err(|error| failed(&self.path, &error))
    }

    fn recall_for(
        &self,
        scope: &Scope,
        targets: &BTreeSet<Subject>,
    ) -> Result<BTreeMap<Subject, Remembered>, MemoryError> {
        rows::recall_for(&self.lock(), scope, targets).map_err(|error| failed(&self.path, &error))
    }

    fn scopes(&self) -> Result<Vec<Scope>, MemoryError> {
        rows::scopes(&self.lock()).map_err(|error| failed(&self.path, &error))
    }

    fn forget(&self, scope: &Scope) -> Result<usize, MemoryError> {
        self.write(|transaction| {
            let scope = scope_key(transaction, scope)?;
            let forgotten = transaction.execute("DELETE FROM subjects WHERE scope = ?1", [scope])?;
            transaction.execute("DELETE FROM scopes WHERE key = ?1", [scope])?;
            Ok(forgotten)
        })
    }

    fn claim_probe(&self, scope: &Scope, now: Timestamp, gap: Duration) -> Result<Claim, MemoryError> {
        self.write(|transaction| floor::claim_in(transaction, scope, now, gap))
    }
}

/// Makes SQLite read all rows without returning them.
const CHECK: &str = "SELECT
    (SELECT total(length(subject) + length(request) + length(tallies)) FROM subjects),
    (SELECT total(length(error)) FROM refusals),
    (SELECT total(length(tenancy)) FROM scopes)";

fn store(
    transaction: &Transaction<'_>,
    scope: i64,
    subject: &str,
    known: &Remembered,
) -> rusqlite::Result<()> {
    let refusal = known.refusal.as_ref().map(|error| refusal_key(transaction, error)).transpose()?;
    let request = known.refusal.as_ref().and_then(|error| error.opc_request_id.as_deref());
    let at = |time: Option<Timestamp>| time.map(Timestamp::as_millisecond);
    transaction
        .prepare_cached("INSERT OR REPLACE INTO subjects VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)")?
        .execute(params![
            scope,
            subject,
            refusal,
            request,
            at(known.refused_at),
            at(known.yielded_at),
            known.streak,
            at(known.next_probe),
            known.budget,
            known.tallies.to_bytes()
        ])?;
    Ok(())
}

/// Refusals repeat the same text, so each text is stored once.
fn refusal_key(transaction: &Transaction<'_>, error: &ErrorRecord) -> rusqlite::Result<i64> {
    let message = error.message.chars().take(MESSAGE_MAX).collect();
    let error = ErrorRecord { message, opc_request_id: None, ..error.clone() };
    let text = serde_json::to_string(&error).unwrap_or_default();
    let known = transaction
        .prepare_cached("SELECT key FROM refusals WHERE error = ?1")?
        .query_row([&text], |row| row.get(0))
        .optional()?;
    if let Some(known) = known {
        return Ok(known);
    }
    transaction.prepare_cached("INSERT INTO refusals (error) VALUES (?1)")?.insert([&text])
}

fn scope_key(transaction: &Transaction<'_>, scope: &Scope) -> rusqlite::Result<i64> {
    if let Some(known) = rows::known_scope(transaction, scope)? {
        return Ok(known);
    }
    let parts = params![scope.tenancy, scope.region, scope.service];
    transaction
        .prepare_cached("INSERT INTO scopes (tenancy, region, service) VALUES (?1, ?2, ?3)")?
        .insert(parts)
}

fn prepare(connection: &Connection, path: &Path) -> Result<(), MemoryError> {
    let wrong = |error: rusqlite::Error| failed(path, &error);
    connection.busy_timeout(BUSY_TIMEOUT).map_err(wrong)?;
    let number = |connection: &Connection, pragma: &str| {
        connection.pragma_query_value(None, pragma, |row| row.get::<_, u32>(0))
    };
    // Several processes may find an empty file: the first to get the lock initialises it.
    connection.execute_batch("BEGIN IMMEDIATE").map_err(wrong)?;
    let made = number(connection, "schema_version").and_then(|schema| {
        if schema == 0 {
            connection.execute_batch(SCHEMA)?;
            connection.pragma_update(None, "application_id", APPLICATION_ID)?;
            connection.pragma_update(None, "user_version", VERSION)?;
        }
        connection.execute_batch("COMMIT")
    });
    made.map_err(wrong)?;
    let (application, version) = (
        number(connection, "application_id").map_err(wrong)?,
        number(connection, "user_version").map_err(wrong)?,
    );
    let not_ours = |reason: String, is_damaged| MemoryError { path: path.to_owned(), reason, is_damaged };
    if application != APPLICATION_ID {
        return Err(not_ours("it is a database of another program".to_owned(), true));
    }
    if version > VERSION {
        return Err(not_ours(format!("it has format {version}, written by a newer version"), false));
    }
    connection.execute_batch(floor::SCHEMA).map_err(wrong)?;
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0)).map_err(wrong)?;
    if !mode.eq_ignore_ascii_case("wal") {
        return Err(not_ours(format!("SQLite keeps no write-ahead log here (mode `{mode}`)"), false));
    }
    connection.pragma_update(None, "synchronous", "NORMAL").map_err(wrong)
}

/// Moves a damaged file and its log files aside, to an unused name.
fn set_aside(path: &Path) -> Result<PathBuf, MemoryError> {
    let named = |ending: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    };
    let free = (1..=MOST_ASIDE).map(|nth| named(&format!(".damaged-{nth}"))).find(|aside| !aside.exists());
    let aside = free.unwrap_or_else(|| named(".damaged"));
    std::fs::rename(path, &aside).map_err(|error| MemoryError {
        path: path.to_owned(),
        reason: format!("it is damaged, and cannot be moved aside: {error}"),
        is_damaged: false,
    })?;
    for log in ["-wal", "-shm"] {
        // These files belong to the damaged file, and SQLite would apply them to the new one. Often they do not exist.
        let _ = std::fs::remove_file(named(log));
    }
    Ok(aside)
}

fn failed(path: &Path, error: &rusqlite::Error) -> MemoryError {
    let reason = error.to_string();
    let by_code =
        matches!(error.sqlite_error_code(), Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt));
    // Tables or columns are missing, or contain something else.
    let by_form =
        matches!(error, rusqlite::Error::InvalidColumnType(..) | rusqlite::Error::SqlInputError { .. });
    let is_damaged = by_code || by_form || reason.starts_with("no such table");
    MemoryError { path: path.to_owned(), reason, is_damaged }
}
