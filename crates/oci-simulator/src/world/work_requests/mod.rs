//! Work requests: the progress of operations that continue after their response (Oracle: "Work Requests").

mod api;
mod by_resource;

pub(super) use by_resource::WorksOf;

use super::ids::Id;
use super::time::Moment;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// The status of a work request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Status {
    InProgress,
    Succeeded,
    Failed,
    Canceled,
}

impl Status {
    fn as_str(self, started: bool) -> &'static str {
        match self {
            Self::InProgress if started => "IN_PROGRESS",
            Self::InProgress => "ACCEPTED",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::Canceled => "CANCELED",
        }
    }
}

/// What a work request does to its resource (Oracle: `actionType` of WorkRequestResource).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum ResourceAction {
    Create,
    Update,
    Delete,
}

/// A work request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct WorkRequestRow {
    /// The operation's name: `CreateComputeCapacityReservation`.
    pub operation: Cow<'static, str>,
    pub compartment: u32,
    pub resource: Id,
    #[serde(rename = "deed")]
    pub action: ResourceAction,
    pub status: Status,
    pub accepted: Moment,
    /// When it is expected to finish; `percentComplete` is derived from it.
    pub expected: Moment,
    pub finished: Option<Moment>,
    pub error: Option<Box<(String, String)>>,
    /// When an error was recorded before the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_at: Option<Moment>,
}

/// How long a work request stays ACCEPTED, in milliseconds (invented).
const ACCEPTED_MILLIS: i64 = 1000;

impl WorkRequestRow {
    fn started(&self) -> Timestamp {
        let started = self.accepted.time() + jiff::SignedDuration::from_millis(ACCEPTED_MILLIS);
        self.finished.map_or(started, |finished| started.min(finished.time()))
    }

    fn percent(&self, now: Timestamp) -> f64 {
        if self.status != Status::InProgress {
            return 100.0;
        }
        let all =
            (self.expected.time().as_millisecond() - self.accepted.time().as_millisecond()).max(1) as f64;
        let done = (now.as_millisecond() - self.accepted.time().as_millisecond()) as f64;
        (done / all * 100.0).floor().clamp(0.0, 95.0)
    }
}
