//! The environment of a run: client, ledger, clock and observer; and why a run could not start.

use ledger::{LedgerError, Record, RunId, Store, capacity::CapacityMemory};
use oci_client::{Client, Clock, RequestCounts};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use std::sync::Arc;

/// The environment that a run needs.
#[derive(Clone)]
pub struct Environment {
    /// The client of the service.
    pub client: Client,
    /// The request counter of the client, if it has one; the run's summary shows the counts.
    pub requests: Option<Arc<RequestCounts>>,
    /// The ledger.
    pub store: Arc<dyn Store>,
    /// The capacity memory; absent if nothing is remembered.
    pub memory: Option<Arc<dyn CapacityMemory>>,
    /// The wall clock, for recorded times.
    pub clock: Arc<dyn Clock>,
    /// The seed of run ids and jitter.
    pub seed: u64,
}

impl Environment {
    /// The id of a run that starts now. The same time and seed produce the same id.
    pub fn new_run_id(&self) -> RunId {
        let at = self.clock.now();
        RunId::new(at, StdRng::seed_from_u64(self.seed ^ at.as_nanosecond() as u64).random())
    }
}

/// Receives every record in order, once it is stored. It must return quickly.
pub type Sink = Arc<dyn Fn(&Record) + Send + Sync>;

/// A sink that ignores all records.
pub fn no_sink() -> Sink {
    Arc::new(|_| {})
}

/// Why a run did not begin or could not be resumed. Once it has begun, everything that happens is in its summary.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The ledger cannot be used, or another process has the run.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The run has another kind, or its plan cannot be read.
    #[error("run {run} cannot be resumed: {reason}")]
    NotResumable {
        /// The run.
        run: RunId,
        /// The reason.
        reason: String,
    },
    /// A call to the service failed.
    #[error(transparent)]
    Failure(#[from] Box<oci_client::Failure>),
}
