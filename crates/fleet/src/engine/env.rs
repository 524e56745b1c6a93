//! The environment of a run: client, ledger, clock and observer; and why a run could not start.

use ledger::{LedgerError, Record, RunId, Store, capacity::CapacityMemory};
use oci_client::{Client, Clock, RequestCounts};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use std::sync::Arc;

/// What a run needs of the world.
#[derive(Clone)]
pub struct Environment {
    /// The cloud.
    pub client: Client,
    /// Counts the client's requests, if it was made with such an observer; the run's summary shows them.
    pub requests: Option<Arc<RequestCounts>>,
    /// The past.
    pub store: Arc<dyn Store>,
    /// What targets have answered to earlier launches; absent where nothing is remembered.
    pub memory: Option<Arc<dyn CapacityMemory>>,
    /// The wall clock, for what is written down.
    pub clock: Arc<dyn Clock>,
    /// The seed of run ids and jitter.
    pub seed: u64,
}

impl Environment {
    /// The id of a run that starts now. The same time and seed give the same id.
    pub fn new_run_id(&self) -> RunId {
        let at = self.clock.now();
        RunId::new(at, StdRng::seed_from_u64(self.seed ^ at.as_nanosecond() as u64).random())
    }
}

/// Receives every record, in order, once it is stored. Must return quickly.
pub type Sink = Arc<dyn Fn(&Record) + Send + Sync>;

/// A sink for those who do not watch.
pub fn no_sink() -> Sink {
    Arc::new(|_| {})
}

/// Why a run did not begin, or could not be taken up. Once it has, whatever happens is in its summary.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The ledger cannot be used, or another process has the run.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The run is of another kind, or its plan cannot be read.
    #[error("run {run} cannot be resumed: {reason}")]
    NotResumable {
        /// The run.
        run: RunId,
        /// Why.
        reason: String,
    },
    /// The cloud could not be asked.
    #[error(transparent)]
    Failure(#[from] Box<oci_client::Failure>),
}
