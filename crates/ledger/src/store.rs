//! The interface of a store of records. It must not know about databases.

use crate::{Event, Holder, Lease, Locked, Outcome, Record, Result, RunId, RunKind};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use std::{future::Future, pin::Pin};

/// The future that a store returns, boxed so that the trait can be used as an object.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// The records of one run that can be read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Records {
    /// The readable records, in order of `seq`.
    pub records: Vec<Record>,
    /// The unreadable records, in order of `seq`.
    pub unreadable: Vec<Unreadable>,
}

/// A record that exists but cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Unreadable {
    /// Its number in the run.
    pub seq: u64,
    /// Why it cannot be read.
    pub reason: String,
}

/// A record as it is stored. Copies keep its texts, because the checksum covers them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawRecord {
    /// Its number in the run.
    pub seq: u64,
    /// When it happened.
    pub at: String,
    /// The event as JSON.
    pub event: String,
    /// The checksum of the others.
    pub checksum: i64,
}

/// A run as lists show it.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize)]
pub struct RunHead {
    /// Its id.
    pub run: RunId,
    /// What it does; absent if its first record cannot be read.
    pub kind: Option<RunKind>,
    /// How many slots it has.
    pub requested: u32,
    /// Further regions in which it launches; absent for a run in one region.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub further_regions: Vec<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// The time of its last record.
    pub last_at: Timestamp,
    /// How it ended; `null` if it has not ended.
    pub outcome: Option<Outcome>,
    /// Whether a process holds it at present.
    pub held: bool,
}

impl RunHead {
    /// Whether something remains that resuming it would do: it has not ended, or it ended too early. What another kind of run
    /// left, repeating its command does, in a run of its own. A run whose first record cannot be read may be a launch.
    pub fn unfinished(&self) -> bool {
        self.kind.is_none_or(|kind| kind == RunKind::Launch)
            && self.outcome.is_none_or(Outcome::is_unfinished)
    }
}

/// A run that a process began but whose records are lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stray {
    /// Its id.
    pub run: RunId,
    /// Whether a process is working on it now.
    pub held: bool,
    /// The process that worked on it last, if known.
    pub holder: Option<Holder>,
}

/// Stores the records of runs, append-only.
pub trait Store: Send + Sync {
    /// Creates a run whose first record is `first`. Returns after the sync.
    fn create_run(&self, run: RunId, at: Timestamp, first: Event) -> Pending<'_, Record>;

    /// Appends events that happened at `at`. Returns after the sync: the returned records survive a crash, and after an error
    /// none of the events is kept.
    fn append(&self, run: RunId, at: Timestamp, events: Vec<Event>) -> Pending<'_, Vec<Record>>;

    /// Reads a run.
    fn records(&self, run: RunId) -> Pending<'_, Records>;

    /// Lists the runs, the newest first.
    fn runs(&self) -> Pending<'_, Vec<RunHead>>;

    /// Takes the lease of the run for this process; the error names the holder. Others are shown `at` as the time since which
    /// it is held.
    fn lease(&self, run: RunId, at: Timestamp) -> Pending<'_, Lease>;

    /// Makes sure that this process holds the run still, when its lease says that it may be over.
    fn confirm(&self, run: RunId) -> Pending<'_, ()>;

    /// Whether other machines use it too.
    fn is_shared(&self) -> bool;

    /// Locks `key` against others that use this store. They are shown `at` as the time since which it is held.
    fn lock(&self, key: &str, at: Timestamp) -> Pending<'_, Locked>;

    /// Asks the process that holds the run to end it as an interrupt does, or withdraws the request. A repetition changes
    /// nothing.
    fn request_stop(&self, run: RunId, wanted: bool) -> Pending<'_, ()>;

    /// Whether the process that holds the run is asked to end it.
    fn is_stop_requested(&self, run: RunId) -> Pending<'_, bool>;

    /// What tells this process of requests to end a run, for which it otherwise has to look again and again. To be called where
    /// tokio waits for files.
    fn stop_notice(&self) -> Option<Box<dyn StopNotice>> {
        None
    }

    /// Lists runs that have begun, have not ended, and whose records are lost; the newest first.
    fn strays(&self) -> Pending<'_, Vec<Stray>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }
}

/// Tells that somebody may have asked a run to end.
pub trait StopNotice: Send {
    /// Waits for a sign of a request, which may concern another run. After an error there are no more signs.
    fn sign(&mut self) -> Pending<'_, ()>;
}

/// A store whose runs can be copied and removed.
pub trait Archive: Store {
    /// The number of the last record of a run, lost ones included.
    fn last(&self, run: RunId) -> Pending<'_, u64>;

    /// Some records of a run as they are stored, from a number on; none if there are no more.
    fn raw(&self, run: RunId, from: u64) -> Pending<'_, Vec<RawRecord>>;

    /// Stores records as they were elsewhere, creating the run if it does not exist. Records that are there already stay. `last`
    /// is the number of the last record there, lost ones included.
    fn put(&self, run: RunId, rows: Vec<RawRecord>, last: u64) -> Pending<'_, ()>;

    /// Removes a run with its records. A run that a process holds stays.
    fn remove(&self, run: RunId) -> Pending<'_, ()>;
}
