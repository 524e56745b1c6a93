//! An in-memory store for simulated runs: no thread, no disk, and failures on demand.
//!
//! It makes the promises of a disk: records whose append has returned survive [`MemoryStore::crash`], and of the appends in
//! progress a prefix survives, which the caller chooses.

use crate::{
    Event, Lease, LedgerError, Locked, Record, Result, RunHead, RunId,
    lease::Holder,
    store::{Pending, Records, Store, Unreadable},
    stored::head,
};
use jiff::Timestamp;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// A store that keeps records in memory.
#[derive(Clone, Default)]
pub struct MemoryStore {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    runs: BTreeMap<RunId, Run>,
    leased: BTreeSet<(RunId, u64)>,
    /// Incremented by each crash: appends that began before it have no effect after it.
    epoch: u64,
    sync_delay: Duration,
    appends_left: Option<u64>,
}

#[derive(Default)]
struct Run {
    records: Vec<Record>,
    /// How many of the records are on the simulated disk.
    synced: usize,
    /// The numbers of unreadable records.
    ruined: BTreeSet<u64>,
}

impl Run {
    fn readable(&self) -> Vec<Record> {
        self.records.iter().filter(|record| !self.ruined.contains(&record.seq)).cloned().collect()
    }
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes each append take this long, in tokio's time.
    pub fn set_sync_delay(&self, delay: Duration) {
        self.lock().sync_delay = delay;
    }

    /// Makes every append after the next `appends` fail, as on a full disk. `None` ends that.
    pub fn fail_after(&self, appends: Option<u64>) {
        self.lock().appends_left = appends;
    }

    /// Simulates a power cut: of the records that were not synced, each run keeps the first `keep`. Leases end.
    pub fn crash(&self, keep: usize) {
        let mut inner = self.lock();
        inner.epoch += 1;
        inner.leased.clear();
        for run in inner.runs.values_mut() {
            run.records.truncate(run.synced + keep);
            run.synced = run.records.len();
            let last = run.synced as u64;
            run.ruined.retain(|seq| *seq <= last);
        }
    }

    /// Makes a record unreadable, as a damaged disk does. Numbering continues after the last record of the run.
    pub fn ruin(&self, run: RunId, seq: u64) {
        if let Some(run) = self.lock().runs.get_mut(&run) {
            run.ruined.insert(seq);
        }
    }

    /// The readable records of a run at present, synced or not.
    pub fn snapshot(&self, run: RunId) -> Vec<Record> {
        self.lock().runs.get(&run).map(Run::readable).unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn keep(&self, run: RunId, at: Timestamp, events: Vec<Event>) -> Result<Vec<Record>> {
        let (records, epoch, delay) = {
            let mut inner = self.lock();
            let epoch = inner.epoch;
            let delay = inner.sync_delay;
            match &mut inner.appends_left {
                Some(0) => return Err(LedgerError::Full { path: PathBuf::from("memory") }),
                Some(left) => *left -= 1,
                None => {}
            }
            let kept = inner.runs.get_mut(&run).ok_or(LedgerError::UnknownRun { run })?;
            let first = kept.records.len() as u64 + 1;
            let records: Vec<Record> =
                (first..).zip(events).map(|(seq, event)| Record { seq, at, event }).collect();
            kept.records.extend(records.iter().cloned());
            (records, epoch, delay)
        };
        if delay.is_zero() {
            tokio::task::yield_now().await;
        } else {
            tokio::time::sleep(delay).await;
        }
        let mut inner = self.lock();
        if inner.epoch != epoch {
            return Err(LedgerError::Io { path: PathBuf::from("memory"), reason: "crashed".to_owned() });
        }
        if let (Some(kept), Some(last)) = (inner.runs.get_mut(&run), records.last()) {
            kept.synced = kept.synced.max(last.seq as usize);
        }
        Ok(records)
    }
}

struct MemoryLock {
    inner: Arc<Mutex<Inner>>,
    key: (RunId, u64),
}

impl Drop for MemoryLock {
    fn drop(&mut self) {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).leased.remove(&self.key);
    }
}

impl Store for MemoryStore {
    fn create_run(&self, run: RunId, at: Timestamp, first: Event) -> Pending<'_, Record> {
        Box::pin(async move {
            {
                let mut inner = self.lock();
                if inner.runs.contains_key(&run) {
                    return Err(LedgerError::RunExists { run });
                }
                inner.runs.insert(run, Run::default());
            }
            let kept = self.keep(run, at, vec![first]).await;
            if kept.is_err() {
                self.lock().runs.remove(&run);
            }
            kept?.pop().ok_or(LedgerError::UnknownRun { run })
        })
    }

    fn append(&self, run: RunId, at: Timestamp, events: Vec<Event>) -> Pending<'_, Vec<Record>> {
        Box::pin(self.keep(run, at, events))
    }

    fn records(&self, run: RunId) -> Pending<'_, Records> {
        Box::pin(async move {
            let inner = self.lock();
            let kept = inner.runs.get(&run).ok_or(LedgerError::UnknownRun { run })?;
            let lost = |seq: &u64| Unreadable { seq: *seq, reason: "ruined".to_owned() };
            Ok(Records { records: kept.readable(), unreadable: kept.ruined.iter().map(lost).collect() })
        })
    }

    fn runs(&self) -> Pending<'_, Vec<RunHead>> {
        Box::pin(async move {
            let inner = self.lock();
            let epoch = inner.epoch;
            let heads = inner.runs.iter().rev().filter_map(|(run, kept)| {
                let (first, last) = (kept.records.first()?, kept.records.last()?);
                Some(head(*run, Some(first), Some(last), inner.leased.contains(&(*run, epoch))))
            });
            Ok(heads.collect())
        })
    }

    fn lease(&self, run: RunId, at: Timestamp) -> Pending<'_, Lease> {
        Box::pin(async move {
            let mut inner = self.lock();
            let key = (run, inner.epoch);
            if !inner.runs.contains_key(&run) {
                return Err(LedgerError::UnknownRun { run });
            }
            if !inner.leased.insert(key) {
                return Err(LedgerError::Held { run, holder: Some(Holder::this_process(at)) });
            }
            Ok(Lease::new(MemoryLock { inner: Arc::clone(&self.inner), key }))
        })
    }

    fn confirm(&self, _run: RunId) -> Pending<'_, ()> {
        // A lease of this process ends only when it is dropped.
        Box::pin(std::future::ready(Ok(())))
    }

    fn is_shared(&self) -> bool {
        false
    }

    fn lock(&self, _key: &str, _at: Timestamp) -> Pending<'_, Locked> {
        // A process of its own shares it with nobody.
        Box::pin(std::future::ready(Ok(Locked::Ours(Lease::new(())))))
    }

    fn request_stop(&self, _run: RunId, _wanted: bool) -> Pending<'_, ()> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn is_stop_requested(&self, _run: RunId) -> Pending<'_, bool> {
        Box::pin(std::future::ready(Ok(false)))
    }
}
