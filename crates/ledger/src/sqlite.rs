//! The store that people use: one SQLite file under the state directory.
//!
//! One thread writes and reads. Appends that wait while it is busy become one transaction, hence one sync, however many
//! they are. Several processes may have the file open; the lease keeps them off each other's runs.
//!
//! Do not use it in virtual time: tokio's paused clock runs ahead while it waits for the thread.

mod file;
mod mark;
mod writer;

use crate::{
    Event, Lease, LedgerError, Record, Result, RunHead, RunId, RunKind, Stray,
    lease::Holder,
    store::{Pending, Records, Store},
};
use jiff::Timestamp;
use mark::Mark;
use std::{
    fs::{File, TryLockError},
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
    thread::JoinHandle,
};
use tokio::sync::oneshot;
use writer::Job;

/// The name of the file in the state directory.
pub const FILE_NAME: &str = "ledger.db";

/// The ledger in a state directory.
pub struct SqliteStore {
    directory: PathBuf,
    path: PathBuf,
    jobs: Option<mpsc::Sender<Job>>,
    writer: Option<JoinHandle<()>>,
}

impl SqliteStore {
    /// Opens the ledger in this directory, making both (for this user only) if they are not there.
    ///
    /// # Errors
    /// When the directory or the file cannot be written, or the file is not a ledger.
    pub fn open(directory: &Path) -> Result<Self> {
        Self::open_limited(directory, None)
    }

    /// As [`Self::open`], with a file that cannot grow beyond so many pages of 4 KiB: to it the disk is full then.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_with_page_limit(directory: &Path, pages: u32) -> Result<Self> {
        Self::open_limited(directory, Some(pages))
    }

    fn open_limited(directory: &Path, pages: Option<u32>) -> Result<Self> {
        file::make_private_directory(directory)?;
        file::make_private_directory(&directory.join("runs"))?;
        let path = directory.join(FILE_NAME);
        let connection = file::open(&path, pages)?;
        let (jobs, waiting) = mpsc::channel();
        let held_in = directory.to_owned();
        let of = path.clone();
        let writer = std::thread::Builder::new()
            .name("ledger".to_owned())
            .spawn(move || writer::work(connection, &of, &held_in, &waiting))
            .map_err(|error| file::io(&path, &error))?;
        Ok(Self { directory: directory.to_owned(), path, jobs: Some(jobs), writer: Some(writer) })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    async fn ask<T>(&self, job: impl FnOnce(oneshot::Sender<Result<T>>) -> Job) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        let sent = self.jobs.as_ref().is_some_and(|jobs| jobs.send(job(answer)).is_ok());
        let gone = || LedgerError::Io {
            path: self.path.clone(),
            reason: "the thread that writes it has ended".to_owned(),
        };
        if !sent {
            return Err(gone());
        }
        answered.await.map_err(|_| gone())?
    }
}

impl Drop for SqliteStore {
    /// Waits until all that was sent is written.
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(writer) = self.writer.take() {
            // It returns nothing; if it panicked, every answer it owed has been an error.
            let _ = writer.join();
        }
    }
}

impl Store for SqliteStore {
    fn create_run(&self, run: RunId, at: Timestamp, first: Event) -> Pending<'_, Record> {
        Box::pin(self.ask(move |answer| Job::Create { run, at, first: Box::new(first), answer }))
    }

    fn append(&self, run: RunId, at: Timestamp, events: Vec<Event>) -> Pending<'_, Vec<Record>> {
        Box::pin(self.ask(move |answer| Job::Append { run, at, events, answer }))
    }

    fn records(&self, run: RunId) -> Pending<'_, Records> {
        Box::pin(self.ask(move |answer| Job::Records { run, answer }))
    }

    fn runs(&self) -> Pending<'_, Vec<RunHead>> {
        Box::pin(self.ask(move |answer| Job::Runs { answer }))
    }

    fn lease(&self, run: RunId, at: Timestamp) -> Pending<'_, Lease> {
        Box::pin(async move {
            self.ask(move |answer| Job::Known { run, answer }).await?;
            let (lock, mark) = match take_lock(&lock_path(&self.directory, run), at)? {
                Taken::Ours(lock, mark) => (lock, mark),
                Taken::Theirs(holder) => return Err(LedgerError::Held { run, holder }),
            };
            let of = Arc::clone(&lock);
            self.ask(move |answer| Job::Taken { run, lock: of, mark, answer }).await?;
            Ok(Lease::new(lock))
        })
    }

    fn strays(&self) -> Pending<'_, Vec<Stray>> {
        Box::pin(async move {
            let known = self.runs().await?;
            let is_known = |run: RunId| known.iter().any(|head| head.run == run);
            let mut strays: Vec<Stray> = locked_runs(&self.directory)
                .filter(|run| !is_known(*run))
                .filter_map(|run| {
                    let mark = Mark::of(&self.directory, run);
                    let launches = mark.kind.is_none_or(|kind| kind == RunKind::Launch);
                    let held = is_held(&self.directory, run);
                    (launches && (held || !mark.ended)).then_some(Stray { run, held, holder: mark.holder })
                })
                .collect();
            strays.sort_by_key(|stray| std::cmp::Reverse(stray.run));
            Ok(strays)
        })
    }
}

/// Whether a lock could be had.
#[derive(Debug)]
pub enum Locked {
    /// It is ours until the lease is dropped.
    Ours(Lease),
    /// Another process has it; who, as far as it has told.
    Theirs(Option<Holder>),
}

/// Locks what `key` stands for against other processes with the same state directory. `at` is what they will read as "since".
///
/// # Errors
/// When the lock's file cannot be made.
pub fn lock(directory: &Path, key: &str, at: Timestamp) -> Result<Locked> {
    file::make_private_directory(directory)?;
    let runs = directory.join("runs");
    file::make_private_directory(&runs)?;
    match take_lock(&runs.join(format!("{:016x}.key.lock", writer::hash(key.bytes()))), at)? {
        Taken::Ours(lock, _) => Ok(Locked::Ours(Lease::new(lock))),
        Taken::Theirs(holder) => Ok(Locked::Theirs(holder)),
    }
}

/// The lock file of a run in a state directory.
pub fn lock_path(directory: &Path, run: RunId) -> PathBuf {
    directory.join("runs").join(format!("{run}.lock"))
}

/// Whether a process has ever been at work on a run in this state directory, whatever has become of the ledger.
pub fn has_locks(directory: &Path) -> bool {
    locked_runs(directory).next().is_some()
}

/// The runs that have a lock file. A folder that cannot be read has none that anybody could know of.
fn locked_runs(directory: &Path) -> impl Iterator<Item = RunId> {
    let files = std::fs::read_dir(directory.join("runs")).into_iter().flatten().flatten();
    files.filter_map(|file| file.file_name().to_str()?.strip_suffix(".lock")?.parse().ok())
}

enum Taken {
    Ours(Arc<File>, Mark),
    Theirs(Option<Holder>),
}

/// Locks a file. The system gives the lock back when the process ends, however it ends. The file itself stays: deleting it
/// would let two processes each lock a file of that name.
fn take_lock(path: &Path, at: Timestamp) -> Result<Taken> {
    let lock = file::open_private(path)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(Taken::Theirs(Mark::read(&lock).holder)),
        Err(TryLockError::Error(error)) => return Err(file::io(path, &error)),
    }
    let mark = Mark { holder: Some(Holder::this_process(at)), ..Mark::read(&lock) };
    mark.write(&lock).map_err(|error| file::io(path, &error))?;
    Ok(Taken::Ours(Arc::new(lock), mark))
}

/// Whether some process holds the run now.
fn is_held(directory: &Path, run: RunId) -> bool {
    // Opened for reading only: asking must work in a directory that cannot be written.
    let Ok(lock) = File::open(lock_path(directory, run)) else { return false };
    matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock))
}
