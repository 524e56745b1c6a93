//! Observers, which are called once for every try of every request.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use oci_api::Operation;

use crate::failure::FailureClass;

/// How one try ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The try succeeded.
    Ok,
    /// The service refused it for too many requests.
    Throttled,
    /// It failed in another way, with this class.
    Failed(FailureClass),
}

/// One try of one call.
#[derive(Clone, Copy, Debug)]
pub struct Tried {
    /// The operation.
    pub operation: Operation,
    /// How it ended.
    pub outcome: Outcome,
    /// The status of the answer, if there was one.
    pub status: Option<u16>,
    /// Its number within the call, from 1.
    pub attempt: u32,
    /// How long it took, in tokio's time.
    pub elapsed: Duration,
}

/// A try that failed and is followed by another.
#[derive(Clone, Copy, Debug)]
pub struct Retrying<'a> {
    /// The operation.
    pub operation: Operation,
    /// Why the try failed.
    pub class: FailureClass,
    /// The status of the answer, if there was one.
    pub status: Option<u16>,
    /// The code of the failure, as the server sent it.
    pub code: &'a str,
    /// Its text, as the server sent it.
    pub message: &'a str,
    /// The number of the try that follows, from 2.
    pub next: u32,
    /// The most tries that are made.
    pub of: u32,
    /// The wait before the next try.
    pub wait: Duration,
}

/// Is called for every try when it ends. Its methods must return quickly.
pub trait Observer: Send + Sync {
    /// A try has ended.
    fn tried(&self, tried: &Tried);

    /// Another try follows one that failed.
    fn retrying(&self, _: &Retrying<'_>) {}

    /// Whoever answers is a simulated region: what it says of itself, such as `roomy; speed=30`. Told of every answer.
    fn simulated(&self, _: &str) {}
}

/// Counts of one operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests that succeeded.
    pub ok: u64,
    /// Requests refused for too many requests.
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
    /// The counts so far, by name of the operation.
    pub fn snapshot(&self) -> BTreeMap<&'static str, Counts> {
        self.counts.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}

impl Observer for RequestCounts {
    fn tried(&self, tried: &Tried) {
        let mut counts = self.counts.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let of = counts.entry(tried.operation.name()).or_default();
        match tried.outcome {
            Outcome::Ok => of.ok += 1,
            Outcome::Throttled => of.throttled += 1,
            Outcome::Failed(_) => of.failed += 1,
        }
    }
}
