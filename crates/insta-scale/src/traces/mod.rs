//! Traces for OpenTelemetry: one span for each run, slot, attempt and request.
//!
//! They are a fold over the records that this process writes to the ledger and over its requests. A receiver that is slow, wrong
//! or gone does not affect a run.

mod exporter;
mod fields;
mod fold;
mod requests;
mod settings;
mod store;
#[cfg(test)]
mod tests;

use crate::environment;
use exporter::Exporter;
use fold::Fold;
use jiff::Timestamp;
use ledger::{Record, RunId, Store};
use oci_client::{Observer, Retrying, Tried};
use opentelemetry_sdk::trace::SpanData;
use settings::Export;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use store::TracedStore;

/// A process runs one command, and the ledger and the clients of that command are traced.
static TRACES: OnceLock<Traces> = OnceLock::new();

/// The traces of this process.
pub struct Traces {
    fold: Mutex<Fold>,
    exporter: Exporter,
}

/// Begins to trace if the variables of OpenTelemetry name a receiver.
pub fn start(quiet: bool) {
    if let Some(settings) = Export::read(&environment::variable) {
        let fold = Mutex::new(Fold::new(environment::seed()));
        // Fails only if the process has already begun to trace.
        let _ = TRACES.set(Traces { fold, exporter: Exporter::new(settings, quiet) });
    }
}

/// Delivers what is left, for a few seconds at most.
pub fn finish() {
    if let Some(traces) = TRACES.get() {
        traces.change(Fold::finish);
        traces.exporter.finish();
    }
}

/// The store, with its new records traced.
pub fn of_store(store: Arc<dyn Store>) -> Arc<dyn Store> {
    match TRACES.get() {
        Some(_) => Arc::new(TracedStore { inner: store, written }),
        None => store,
    }
}

/// The observer, with what it observes traced.
pub fn of_requests(observer: Arc<dyn Observer>) -> Arc<dyn Observer> {
    match TRACES.get() {
        Some(traces) => Arc::new(TracedRequests { inner: observer, traces }),
        None => observer,
    }
}

/// Traces what was written.
fn written(run: RunId, records: &[Record]) {
    let Some(traces) = TRACES.get() else { return };
    traces.change(|fold, out| {
        for record in records {
            fold.record(run, record, out);
        }
    });
}

impl Traces {
    fn change(&self, change: impl FnOnce(&mut Fold, &mut Vec<SpanData>)) {
        let mut ended = Vec::new();
        change(&mut self.fold.lock().unwrap_or_else(PoisonError::into_inner), &mut ended);
        for span in ended {
            self.exporter.send(span);
        }
    }
}

struct TracedRequests {
    inner: Arc<dyn Observer>,
    traces: &'static Traces,
}

impl Observer for TracedRequests {
    fn tried(&self, tried: &Tried<'_>) {
        self.inner.tried(tried);
        self.traces.change(|fold, out| fold.request(tried, out));
    }

    fn retrying(&self, retry: &Retrying<'_>) {
        self.inner.retrying(retry);
    }

    fn simulated(&self, label: &str, now: Option<Timestamp>) {
        self.inner.simulated(label, now);
    }
}
