//! The interface of a store of records. It must not know about databases.

use crate::{Event, Holder, Lease, Outcome, Record, Result, RunId, RunKind};
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

    /// Lists runs that have begun, have not ended, and whose records are lost; the newest first.
    fn strays(&self) -> Pending<'_, Vec<Stray>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }
}
