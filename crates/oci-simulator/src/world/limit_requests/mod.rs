//! Limit increase requests: what is asked of Oracle, and how the region decides.

mod api;
mod check;
mod review;

use super::limits::Limit;
use jiff::Timestamp;
use oci_api::models::{
    LimitsIncreaseItemRequestLifecycleState as Shown, LimitsIncreaseRequestLifecycleState as RequestState,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The maximum number of items in a request (invented), which also spaces the numbers of the items' OCIDs.
const ITEMS_MAX: u32 = 100;

/// All limit increase requests.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct LimitRequests {
    #[serde(with = "super::pairs")]
    pub rows: BTreeMap<u32, LimitRequest>,
    made: u32,
}

impl LimitRequests {
    /// Whether there never was one: such a region is saved without them, so that an older version can read it.
    pub fn are_unused(&self) -> bool {
        self.made == 0
    }

    /// Adds a request and returns its number.
    fn add(&mut self, row: LimitRequest) -> u32 {
        let number = self.made;
        self.made += 1;
        self.rows.insert(number, row);
        number
    }
}

/// A limit increase request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct LimitRequest {
    compartment: u32,
    name: String,
    subscription: Option<String>,
    justification: String,
    tags: BTreeMap<String, String>,
    defined_tags: BTreeMap<String, BTreeMap<String, Value>>,
    created: Timestamp,
    updated: Timestamp,
    resolved: Option<Timestamp>,
    version: u32,
    items: Vec<Item>,
    comments: Vec<Comment>,
}

/// One limit of a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Item {
    limit: Limit,
    scope: Option<String>,
    current: i64,
    value: i64,
    state: ItemState,
    answers: Vec<(String, String)>,
    updated: Timestamp,
}

/// The state of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum ItemState {
    Accepted,
    InProgress,
    Succeeded,
    Failed,
    Canceled,
}

/// A message between the customer and Oracle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Comment {
    text: String,
    at: Timestamp,
    by_oracle: bool,
}

impl ItemState {
    fn shown(self) -> Shown {
        match self {
            Self::Accepted => Shown::Accepted,
            Self::InProgress => Shown::InProgress,
            Self::Succeeded => Shown::Succeeded,
            Self::Failed => Shown::Failed,
            Self::Canceled => Shown::Canceled,
        }
    }
}

impl LimitRequest {
    /// The state of the whole request, which follows from those of its items.
    fn state(&self) -> RequestState {
        let all = |state| self.items.iter().all(|item| item.state == state);
        let any = |state| self.items.iter().any(|item| item.state == state);
        if all(ItemState::Accepted) {
            RequestState::Accepted
        } else if any(ItemState::Accepted) || any(ItemState::InProgress) {
            RequestState::InProgress
        } else if all(ItemState::Succeeded) {
            RequestState::Succeeded
        } else if any(ItemState::Succeeded) {
            RequestState::PartiallySucceeded
        } else if any(ItemState::Canceled) {
            RequestState::Canceled
        } else {
            RequestState::Failed
        }
    }

    fn is_open(&self) -> bool {
        self.items.iter().any(|item| matches!(item.state, ItemState::Accepted | ItemState::InProgress))
    }

    /// Moves every open item to a state.
    fn move_items(&mut self, now: Timestamp, mut next: impl FnMut(usize) -> ItemState) {
        let items = self.items.iter_mut().enumerate();
        for (at, item) in
            items.filter(|(_, item)| matches!(item.state, ItemState::Accepted | ItemState::InProgress))
        {
            item.state = next(at);
            item.updated = now;
        }
        self.changed(now);
    }

    fn changed(&mut self, now: Timestamp) {
        self.updated = now;
        self.version += 1;
        if self.resolved.is_none() && !self.is_open() {
            self.resolved = Some(now);
        }
    }

    /// Whether Oracle waits for an answer: its comment is the last one.
    fn is_asked(&self) -> bool {
        self.is_open() && self.comments.last().is_some_and(|comment| comment.by_oracle)
    }
}
