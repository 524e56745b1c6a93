//! The log of everything that happened in the world, in order. The same seed and the same requests produce the same bytes.
//!
//! It is stored compactly (a fleet of 100,000 causes half a million events); texts and OCIDs are built when it is read.

use super::ids::{Id, Ids};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// One event as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its number: counted from 0, without gaps.
    pub number: u64,
    /// When it happened, in simulated time.
    pub at: Timestamp,
    /// What happened: `instance_state`, `request_refused`.
    pub event: String,
    /// OCID of the resource that it concerns, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// Details: `PROVISIONING -> STARTING`, `LaunchInstance 500 InternalError`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// One event as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    at: Timestamp,
    event: Box<str>,
    id: Option<Id>,
    detail: Option<Box<str>>,
}

/// The log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct EventLog {
    entries: VecDeque<Entry>,
    forgotten: u64,
    most: usize,
}

impl EventLog {
    pub fn new(most: usize) -> Self {
        Self { entries: VecDeque::new(), forgotten: 0, most }
    }

    pub fn push(&mut self, at: Timestamp, event: &str, id: Option<Id>, detail: Option<&str>) {
        if self.most == 0 {
            self.forgotten += 1;
            return;
        }
        if self.entries.len() >= self.most {
            self.entries.pop_front();
            self.forgotten += 1;
        }
        self.entries.push_back(Entry { at, event: event.into(), id, detail: detail.map(Into::into) });
    }

    /// How many events there have been, including dropped ones.
    pub fn count(&self) -> u64 {
        self.forgotten + self.entries.len() as u64
    }

    /// The events starting with this number; dropped ones are skipped.
    pub fn since<'a>(&'a self, number: u64, ids: &'a Ids) -> impl Iterator<Item = Event> + 'a {
        let skip = usize::try_from(number.saturating_sub(self.forgotten)).unwrap_or(usize::MAX);
        self.entries.iter().enumerate().skip(skip).map(move |(at, entry)| Event {
            number: self.forgotten + at as u64,
            at: entry.at,
            event: entry.event.to_string(),
            resource: entry.id.map(|id| ids.text(id)),
            detail: entry.detail.as_ref().map(ToString::to_string),
        })
    }
}
