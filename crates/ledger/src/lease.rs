//! The exclusive right of a process to work on a run: a lock of the operating system, which releases it after a crash, or a row
//! of a shared database, which ends unless it is renewed.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Who holds a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The name of the machine.
    pub host: String,
    /// The process id.
    pub pid: u32,
    /// Since when it has held the run.
    pub since: Timestamp,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} on {} since {:.0}", self.pid, self.host, self.since)
    }
}

impl Holder {
    /// This process.
    pub fn this_process(since: Timestamp) -> Self {
        Self { host: host_name(), pid: std::process::id(), since }
    }
}

fn host_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .or_else(|| std::env::var("HOSTNAME").ok())
        .or_else(|| std::env::var("COMPUTERNAME").ok())
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "an unnamed host".to_owned())
}

/// The result of asking for a lock.
#[derive(Debug)]
pub enum Locked {
    /// This process holds it until the lease is dropped.
    Ours(Lease),
    /// Another process holds it: the holder, if it has recorded itself.
    Theirs(Option<Holder>),
}

/// While this value lives, no other process can work on the run, unless the lease says that it is over.
#[must_use = "the run is free again as soon as the lease is dropped"]
pub struct Lease {
    _lock: Box<dyn std::any::Any + Send + Sync>,
    is_live: Option<Box<dyn Fn() -> bool + Send + Sync>>,
}

impl Lease {
    /// A lease that ends when `lock` is dropped.
    pub fn new(lock: impl std::any::Any + Send + Sync) -> Self {
        Self { _lock: Box::new(lock), is_live: None }
    }

    /// A lease that another process may take over when `is_live` no longer says that it is ours.
    pub fn watched(
        lock: impl std::any::Any + Send + Sync,
        is_live: impl Fn() -> bool + Send + Sync + 'static,
    ) -> Self {
        Self { _lock: Box::new(lock), is_live: Some(Box::new(is_live)) }
    }

    /// Whether no other process can have taken it. If not, [`crate::Store::confirm`] asks the store.
    pub fn is_live(&self) -> bool {
        self.is_live.as_ref().is_none_or(|is_live| is_live())
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lease")
    }
}
