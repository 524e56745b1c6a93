//! Where records are kept. Says what a store promises; knows no database.

use crate::{Event, Holder, Lease, Outcome, Record, Result, RunId, RunKind};
use jiff::Timestamp;
use serde::Serialize;
use std::{future::Future, pin::Pin};

/// A future of a store, boxed so that the trait can be an object.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// The records of one run, as far as they can be read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Records {
    /// In order of `seq`.
    pub records: Vec<Record>,
    /// Those that could not be read, in order of `seq`.
    pub unreadable: Vec<Unreadable>,
}

/// A record that is there and cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unreadable {
    /// Its number in the run.
    pub seq: u64,
    /// Why.
    pub reason: String,
}

/// A run in a list.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunHead {
    /// Its id.
    pub run: RunId,
    /// What it does; absent when its first record cannot be read.
    pub kind: Option<RunKind>,
    /// How many slots it has.
    pub requested: u32,
    /// When it was made.
    pub created_at: Timestamp,
    /// When something last happened.
    pub last_at: Timestamp,
    /// How it ended; absent while it has not.
    pub outcome: Option<Outcome>,
    /// Whether a process holds it now.
    pub held: bool,
}

impl RunHead {
    /// Whether there is something left to do: it has not ended, or was cut short in some way.
    pub fn unfinished(&self) -> bool {
        self.outcome.is_none_or(Outcome::is_unfinished)
    }
}

/// A run that a process has begun and of which the store has no record: they are lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stray {
    /// Its id.
    pub run: RunId,
    /// Whether a process is at work on it now.
    pub held: bool,
    /// Who was at work on it last, as far as that is known.
    pub holder: Option<Holder>,
}

/// Keeps the records of runs, append-only.
pub trait Store: Send + Sync {
    /// Makes a run whose first record is `first`. Returns after the sync.
    fn create_run(&self, run: RunId, at: Timestamp, first: Event) -> Pending<'_, Record>;

    /// Appends events that happened at `at`. Returns after the sync: what was returned survives a crash, and after an
    /// error nothing of the events has been kept.
    fn append(&self, run: RunId, at: Timestamp, events: Vec<Event>) -> Pending<'_, Vec<Record>>;

    /// Reads a run.
    fn records(&self, run: RunId) -> Pending<'_, Records>;

    /// Lists the runs, the newest first.
    fn runs(&self) -> Pending<'_, Vec<RunHead>>;

    /// Takes the run for this process, or says who has it. `at` is what others will read as "since".
    fn lease(&self, run: RunId, at: Timestamp) -> Pending<'_, Lease>;

    /// Lists runs that have begun and not ended, and whose records are lost; the newest first.
    fn strays(&self) -> Pending<'_, Vec<Stray>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }
}
