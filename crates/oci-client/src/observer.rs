//! Observers, which are called once for every attempt of every request.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use jiff::Timestamp;
use oci_api::Operation;

use crate::failure::FailureClass;

/// The result of one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The attempt succeeded.
    Ok,
    /// The service refused it because of too many requests.
    Throttled,
    /// It failed with this class.
    Failed(FailureClass),
}

/// One attempt of one call.
#[derive(Clone, Copy, Debug)]
pub struct Tried<'a> {
    /// The operation.
    pub operation: Operation,
    /// The host to which it was sent, with its port if that is not the scheme's own.
    pub host: &'a str,
    /// The path of its URL, without the query.
    pub path: &'a str,
    /// The `opc-retry-token` of the call, if it has one.
    pub retry_token: Option<&'a str>,
    /// The `opc-request-id` of the response, if there was one.
    pub request_id: Option<&'a str>,
    /// Its result.
    pub outcome: Outcome,
    /// The status of the response, if there was one.
    pub status: Option<u16>,
    /// The number of the attempt within the call, from 1.
    pub attempt: u32,
    /// When it began, by the client's clock.
    pub began: Timestamp,
    /// When it ended, by the client's clock.
    pub ended: Timestamp,
}

/// An attempt that failed and is followed by another.
#[derive(Clone, Copy, Debug)]
pub struct Retrying<'a> {
    /// The operation.
    pub operation: Operation,
    /// Why the attempt failed.
    pub class: FailureClass,
    /// The status of the response, if there was one.
    pub status: Option<u16>,
    /// The code of the failure, as the server sent it.
    pub code: &'a str,
    /// The text of the failure, as the server sent it.
    pub message: &'a str,
    /// The number of the next attempt, from 2.
    pub next: u32,
    /// The maximum number of attempts.
    pub of: u32,
    /// The wait before the next attempt.
    pub wait: Duration,
}

/// Receives every attempt when it ends. Its methods must return quickly.
pub trait Observer: Send + Sync {
    /// An attempt has ended.
    fn tried(&self, tried: &Tried<'_>);

    /// A failed attempt will be followed by another.
    fn retrying(&self, _: &Retrying<'_>) {}

    /// A simulated region responded, described itself, for example as `roomy; speed=30`, and stated its time. Called for every such
    /// response.
    fn simulated(&self, _: &str, _: Option<Timestamp>) {}
}

/// Counts of one operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests that succeeded.
    pub ok: u64,
    /// Requests refused because of too many requests.
    pub throttled: u64,
    /// Requests that failed in any other way.
    pub failed: u64,
}

/// Counts requests by operation.
#[derive(Debug, Default)]
pub struct RequestCounts {
    counts: Mutex<BTreeMap<&'static str, Counts>>,
}

impl RequestCounts {
    /// The counts so far, by operation name.
    pub fn snapshot(&self) -> BTreeMap<&'static str, Counts> {
        self.counts.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}

impl Observer for RequestCounts {
    fn tried(&self, tried: &Tried<'_>) {
        let mut counts = self.counts.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let of = counts.entry(tried.operation.name()).or_default();
        match tried.outcome {
            Outcome::Ok => of.ok += 1,
            Outcome::Throttled => of.throttled += 1,
            Outcome::Failed(_) => of.failed += 1,
        }
    }
}
