//! The store of real runs: one SQLite file in the state directory.
//!
//! One thread writes and reads. All appends that wait while it is busy become one transaction and need one sync. Several
//! processes may have the file open; leases prevent them from working on the same run.
//!
//! Do not use it in virtual time: tokio's paused clock would advance while it waits for the thread.

mod archive;
mod file;
mod locks;
mod mark;
pub(crate) mod private;
mod stop;
mod writer;

pub use file::lock_path;
pub use locks::has_locks;

use crate::{
    Event, Lease, LedgerError, Locked, Record, Result, RunHead, RunId, RunKind, Stray,
    store::{Archive, Pending, RawRecord, Records, StopNotice, Store},
};
use archive::ArchiveJob;
use jiff::Timestamp;
use locks::{Taken, is_held, lock, locked_runs, take_lock};
use mark::Mark;
use std::{
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
    thread::JoinHandle,
};
use tokio::sync::oneshot;
use writer::Job;

/// The file name in the state directory.
pub const FILE_NAME: &str = "ledger.db";

/// The ledger in a state directory.
pub struct SqliteStore {
    directory: PathBuf,
    path: PathBuf,
    jobs: Option<mpsc::Sender<Job>>,
    writer: Option<JoinHandle<()>>,
}

impl SqliteStore {
    /// Opens the ledger in this directory. Creates missing directories and files for this user only.
    ///
    /// # Errors
    /// When the directory or the file cannot be written, or the file is not a ledger.
    pub fn open(directory: &Path) -> Result<Self> {
        Self::open_limited(directory, None)
    }

    /// Like [`Self::open`], but the file cannot grow beyond this number of 4 KiB pages, which simulates a full disk.
    ///
    /// # Errors
    /// As for [`Self::open`].
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

    /// The path of the file.
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
    /// Waits until everything that was sent is written.
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(writer) = self.writer.take() {
            // The thread returns nothing; if it panicked, every pending call has already received an error.
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

    fn confirm(&self, _run: RunId) -> Pending<'_, ()> {
        // The operating system takes no lock away.
        Box::pin(std::future::ready(Ok(())))
    }

    fn is_shared(&self) -> bool {
        false
    }

    fn lock(&self, key: &str, at: Timestamp) -> Pending<'_, Locked> {
        Box::pin(std::future::ready(lock(&self.directory, key, at)))
    }

    fn request_stop(&self, run: RunId, wanted: bool) -> Pending<'_, ()> {
        let done =
            if wanted { stop::request(&self.directory, run) } else { stop::withdraw(&self.directory, run) };
        Box::pin(std::future::ready(done))
    }

    fn is_stop_requested(&self, run: RunId) -> Pending<'_, bool> {
        Box::pin(std::future::ready(Ok(stop::is_requested(&self.directory, run))))
    }

    fn stop_notice(&self) -> Option<Box<dyn StopNotice>> {
        stop::notice(&self.directory)
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

impl Archive for SqliteStore {
    fn last(&self, run: RunId) -> Pending<'_, u64> {
        Box::pin(self.ask(move |answer| Job::Archive { job: ArchiveJob::Last { run, answer } }))
    }

    fn raw(&self, run: RunId, from: u64) -> Pending<'_, Vec<RawRecord>> {
        Box::pin(self.ask(move |answer| Job::Archive { job: ArchiveJob::Raw { run, from, answer } }))
    }

    fn put(&self, run: RunId, rows: Vec<RawRecord>, last: u64) -> Pending<'_, ()> {
        Box::pin(self.ask(move |answer| Job::Archive { job: ArchiveJob::Put { run, rows, last, answer } }))
    }

    fn remove(&self, run: RunId) -> Pending<'_, ()> {
        Box::pin(self.ask(move |answer| Job::Archive { job: ArchiveJob::Remove { run, answer } }))
    }
}
