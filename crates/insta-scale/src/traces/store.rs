//! A store whose new records are traced.

use jiff::Timestamp;
use ledger::store::Pending;
use ledger::{Event, Lease, Locked, Record, Records, RunHead, RunId, StopNotice, Store, Stray};
use std::sync::Arc;

/// Passes everything on, and traces what was written.
pub(super) struct TracedStore {
    pub inner: Arc<dyn Store>,
    /// Receives the records that were written.
    pub written: fn(RunId, &[Record]),
}

impl Store for TracedStore {
    fn create_run(&self, run: RunId, at: Timestamp, first: Event) -> Pending<'_, Record> {
        Box::pin(async move {
            let record = self.inner.create_run(run, at, first).await?;
            (self.written)(run, std::slice::from_ref(&record));
            Ok(record)
        })
    }

    fn append(&self, run: RunId, at: Timestamp, events: Vec<Event>) -> Pending<'_, Vec<Record>> {
        Box::pin(async move {
            let records = self.inner.append(run, at, events).await?;
            (self.written)(run, &records);
            Ok(records)
        })
    }

    fn records(&self, run: RunId) -> Pending<'_, Records> {
        self.inner.records(run)
    }

    fn runs(&self) -> Pending<'_, Vec<RunHead>> {
        self.inner.runs()
    }

    fn lease(&self, run: RunId, at: Timestamp) -> Pending<'_, Lease> {
        self.inner.lease(run, at)
    }

    fn confirm(&self, run: RunId) -> Pending<'_, ()> {
        self.inner.confirm(run)
    }

    fn is_shared(&self) -> bool {
        self.inner.is_shared()
    }

    fn lock(&self, key: &str, at: Timestamp) -> Pending<'_, Locked> {
        self.inner.lock(key, at)
    }

    fn request_stop(&self, run: RunId, wanted: bool) -> Pending<'_, ()> {
        self.inner.request_stop(run, wanted)
    }

    fn is_stop_requested(&self, run: RunId) -> Pending<'_, bool> {
        self.inner.is_stop_requested(run)
    }

    fn stop_notice(&self) -> Option<Box<dyn StopNotice>> {
        self.inner.stop_notice()
    }

    fn strays(&self) -> Pending<'_, Vec<Stray>> {
        self.inner.strays()
    }
}
