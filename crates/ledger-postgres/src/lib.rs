//! The ledger in PostgreSQL, which several machines share: the same events and promises as the file of one machine.
//!
//! A run belongs to one process at a time. Its lease is a row with a number that only grows, and each append carries that number:
//! a process that was paused, or cut off from the database, cannot write once another has taken over, and therefore begins
//! nothing new. The times of leases are those of the server.
//!
//! One thread owns the connection, as with the file. Do not use it in virtual time.
#![warn(missing_docs)]

mod address;
mod append;
mod hold;
mod leases;
mod link;
mod options;
mod read;
mod schema;
mod tls;
mod worker;

pub use address::{Address, AddressError, is_address};
pub use options::Options;
pub use schema::{Role, grants};

use hold::Hold;
use jiff::Timestamp;
use ledger::store::Pending;
use ledger::{
    Archive, Event, Holder, Lease, LedgerError, Locked, RawRecord, Record, Records, Result, RunHead, RunId,
    Store,
};
use link::Link;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use worker::{Job, Of, TakenHere, Worker};

/// How long to wait at the end for leases to be given back; they end by themselves.
const FAREWELL: Duration = Duration::from_secs(3);

/// A ledger in a database.
pub struct PostgresStore {
    name: String,
    jobs: Option<UnboundedSender<Job>>,
    worker: Option<JoinHandle<()>>,
    /// Disconnected when the thread has ended.
    ended: Mutex<Receiver<()>>,
}

impl PostgresStore {
    /// Opens the ledger at this address, and makes its tables if there are none. Blocks until the database has answered.
    ///
    /// # Errors
    /// When the database cannot be reached, refuses the login, or has tables of a newer version.
    pub fn open(address: &Address, options: Options) -> Result<Self> {
        let name = address.to_string();
        let wrong = |reason: String| LedgerError::Io { path: address.to_string().into(), reason };
        let (jobs, waiting) = unbounded_channel();
        let (opened, is_open) = channel();
        let (ending, ended) = channel::<()>();
        let mut link = Link::new(address.clone());
        let work = move || {
            let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => {
                    let _ = opened.send(Err(link.error(link::Failed::Lost(error.to_string()))));
                    return;
                }
            };
            runtime.block_on(async move {
                let made = async {
                    link.begin().await?;
                    schema::prepare(&mut link).await
                };
                let made = made.await;
                let is_made = made.is_ok();
                if opened.send(made).is_ok() && is_made {
                    Worker::new(link, options).work(waiting).await;
                }
            });
            drop(ending);
        };
        let worker = std::thread::Builder::new().name("ledger".to_owned()).spawn(work);
        let worker = worker.map_err(|error| wrong(error.to_string()))?;
        is_open.recv().map_err(|_| wrong("the thread that writes it has ended".to_owned()))??;
        Ok(Self { name, jobs: Some(jobs), worker: Some(worker), ended: Mutex::new(ended) })
    }

    async fn ask<T>(&self, job: impl FnOnce(oneshot::Sender<Result<T>>) -> Job) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        let sent = self.jobs.as_ref().is_some_and(|jobs| jobs.send(job(answer)).is_ok());
        let gone = || LedgerError::Io {
            path: self.name.clone().into(),
            reason: "the thread that writes it has ended".to_owned(),
        };
        if !sent {
            return Err(gone());
        }
        answered.await.map_err(|_| gone())?
    }

    async fn take(&self, of: Of, at: Timestamp) -> Result<TakenHere> {
        let holder = Holder::this_process(at);
        self.ask(move |answer| Job::Take { of, holder, answer }).await
    }

    /// A lease that gives the row back when it is dropped.
    fn lease_of(&self, hold: Arc<Hold>) -> Lease {
        let watched = Arc::clone(&hold);
        let given_back = self.jobs.clone().map(|jobs| GivenBack { hold: Some(hold), jobs });
        Lease::watched(given_back, move || watched.is_live())
    }
}

/// Gives a lease back when it is dropped.
struct GivenBack {
    hold: Option<Arc<Hold>>,
    jobs: UnboundedSender<Job>,
}

impl Drop for GivenBack {
    fn drop(&mut self) {
        if let Some(hold) = self.hold.take() {
            // Without the thread, the lease ends by itself.
            let _ = self.jobs.send(Job::Release { hold });
        }
    }
}

impl Drop for PostgresStore {
    /// Waits until everything that was sent is written, but not for a database that is away.
    fn drop(&mut self) {
        drop(self.jobs.take());
        let Some(worker) = self.worker.take() else { return };
        let ended = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner);
        if ended.recv_timeout(FAREWELL) == Err(RecvTimeoutError::Disconnected) {
            // The thread returns nothing; if it panicked, every pending call has already received an error.
            let _ = worker.join();
        }
    }
}

impl Store for PostgresStore {
    fn create_run(&self, run: RunId, at: Timestamp, first: Event) -> Pending<'_, Record> {
        Box::pin(self.ask(move |answer| Job::Create { run, at, first: Box::new(first), answer }))
    }

    fn append(&self, run: RunId, at: Timestamp, events: Vec<Event>) -> Pending<'_, Vec<Record>> {
        let events = events.into_iter().map(|event| (at, event)).collect();
        Box::pin(self.ask(move |answer| Job::Append { run, events, answer }))
    }

    fn records(&self, run: RunId) -> Pending<'_, Records> {
        Box::pin(self.ask(move |answer| Job::Records { run, answer }))
    }

    fn runs(&self) -> Pending<'_, Vec<RunHead>> {
        Box::pin(self.ask(move |answer| Job::Runs { answer }))
    }

    fn lease(&self, run: RunId, at: Timestamp) -> Pending<'_, Lease> {
        Box::pin(async move {
            match self.take(Of::Run(run), at).await? {
                TakenHere::Ours(hold) => Ok(self.lease_of(hold)),
                TakenHere::Theirs(holder) => Err(LedgerError::Held { run, holder }),
            }
        })
    }

    fn confirm(&self, run: RunId) -> Pending<'_, ()> {
        Box::pin(self.ask(move |answer| Job::Confirm { run, answer }))
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn lock(&self, key: &str, at: Timestamp) -> Pending<'_, Locked> {
        let key = key.to_owned();
        Box::pin(async move {
            Ok(match self.take(Of::Key(key), at).await? {
                TakenHere::Ours(hold) => Locked::Ours(self.lease_of(hold)),
                TakenHere::Theirs(holder) => Locked::Theirs(holder),
            })
        })
    }

    fn request_stop(&self, run: RunId, wanted: bool) -> Pending<'_, ()> {
        Box::pin(self.ask(move |answer| Job::Stop { run, wanted, answer }))
    }

    fn is_stop_requested(&self, run: RunId) -> Pending<'_, bool> {
        Box::pin(self.ask(move |answer| Job::IsStopped { run, answer }))
    }
}

impl Archive for PostgresStore {
    fn last(&self, run: RunId) -> Pending<'_, u64> {
        Box::pin(self.ask(move |answer| Job::Last { run, answer }))
    }

    fn raw(&self, run: RunId, from: u64) -> Pending<'_, Vec<RawRecord>> {
        Box::pin(self.ask(move |answer| Job::Raw { run, from, answer }))
    }

    fn put(&self, run: RunId, rows: Vec<RawRecord>, last: u64) -> Pending<'_, ()> {
        Box::pin(self.ask(move |answer| Job::Put { run, rows, last, answer }))
    }

    fn remove(&self, run: RunId) -> Pending<'_, ()> {
        Box::pin(self.ask(move |answer| Job::Remove { run, answer }))
    }
}
