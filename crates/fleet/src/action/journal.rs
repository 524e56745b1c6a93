//! Keeps the records of the run, and the state that follows from them.

use crate::engine::env::Sink;
use ledger::{Event, Lease, LedgerError, Record, RunId, RunState, Store};
use oci_client::Clock;
use std::sync::Arc;

pub(super) struct Journal {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    sink: Sink,
    run: RunId,
    /// Held until the run is over.
    _lease: Lease,
    /// The fold over all records.
    pub(super) state: RunState,
    /// Why the ledger could not be written, once it could not.
    pub(super) broken: Option<LedgerError>,
}

impl Journal {
    /// Makes the run. Nothing has been sent when this fails.
    pub(super) async fn create(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        sink: Sink,
        run: RunId,
        first: Event,
    ) -> Result<Self, LedgerError> {
        let at = clock.now();
        let record = store.create_run(run, at, first).await?;
        let lease = store.lease(run, at).await?;
        let mut journal =
            Self { store, clock, sink, run, _lease: lease, state: RunState::new(run), broken: None };
        journal.take_in(&record);
        Ok(journal)
    }

    /// Keeps events. Returns whether they are on disk; if not, nothing further may be sent.
    ///
    /// What happened is told and summed up all the same: the instances do not care about our disk.
    pub(super) async fn keep(&mut self, events: Vec<Event>) -> bool {
        if events.is_empty() {
            return self.broken.is_none();
        }
        let at = self.clock.now();
        if self.broken.is_none() {
            match self.store.append(self.run, at, events.clone()).await {
                Ok(records) => {
                    for record in &records {
                        self.take_in(record);
                    }
                    return true;
                }
                Err(error) => {
                    tracing::error!(%error, "the ledger cannot be written");
                    self.broken = Some(error);
                }
            }
        }
        for event in events {
            let record = Record { seq: self.state.last_seq + 1, at, event };
            self.take_in(&record);
        }
        false
    }

    fn take_in(&mut self, record: &Record) {
        self.state.apply(record);
        (self.sink)(record);
    }
}
