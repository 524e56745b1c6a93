//! A launch from its beginning or from where another process left it. Both are the same code: a run starts from a state.

use crate::{Plan, RunSummary};
use ledger::{LedgerError, Record, RunId, Store};
use oci_client::{Client, Clock, RequestCounts};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use std::{sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// What a run needs of the world.
#[derive(Clone)]
pub struct Environment {
    /// The cloud.
    pub client: Client,
    /// Counts the client's requests, if it was made with such an observer; the run's summary shows them.
    pub requests: Option<Arc<RequestCounts>>,
    /// The past.
    pub store: Arc<dyn Store>,
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

/// How a launch is carried out.
#[derive(Clone, Debug)]
pub struct LaunchOptions {
    /// Whether to wait until the instances run.
    pub wait: bool,
    /// How long to wait for one instance after its launch. Oracle's own launcher waits 5 minutes for a virtual
    /// machine and 60 for bare metal, the official SDKs 20 for either.
    pub wait_timeout: Duration,
    /// The highest rate of launches, a second.
    pub rate: Option<f64>,
    /// The most launches under way at once.
    pub max_concurrency: usize,
    /// The most placements tried for one slot, the same one again counted.
    pub max_attempts: u32,
    /// How long slots that found no capacity anywhere go on trying; not at all unless given.
    pub retry_for: Option<Duration>,
}

impl Default for LaunchOptions {
    fn default() -> Self {
        Self {
            wait: true,
            wait_timeout: Duration::from_mins(20),
            rate: None,
            max_concurrency: 100,
            max_attempts: 12,
            retry_for: None,
        }
    }
}

/// Is told of every record, in order, when it has been kept. Must return quickly.
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
    #[error("run {run} cannot be taken up: {reason}")]
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

/// Starts a run of `plan` and carries it to its end. `run` is a new id, from [`Environment::new_run_id`].
///
/// When `stop` is cancelled nothing new is launched, calls under way are awaited, and the run ends as interrupted.
///
/// # Errors
/// When the run could not be written to the ledger: nothing has been launched.
pub async fn launch(
    env: &Environment,
    run: RunId,
    plan: &Plan,
    options: &LaunchOptions,
    sink: Sink,
    stop: CancellationToken,
) -> Result<RunSummary, RunError> {
    let _ = (env, plan, options, sink, stop);
    Err(RunError::NotResumable { run, reason: "not built yet".to_owned() })
}

/// Takes up a run that another process has left: at any point, or after its end with slots that failed.
///
/// # Errors
/// When another process has it, or its records do not suffice.
pub async fn resume(
    env: &Environment,
    run: RunId,
    options: &LaunchOptions,
    sink: Sink,
    stop: CancellationToken,
) -> Result<RunSummary, RunError> {
    let _ = (env, options, sink, stop);
    Err(RunError::NotResumable { run, reason: "not built yet".to_owned() })
}

/// Writes a run into the ledger that only the tags of its instances remember, so that it can be resumed.
///
/// # Errors
/// When the compartment cannot be listed, or the ledger has the run already.
pub async fn rebuild_from_cloud(env: &Environment, run: RunId, plan: &Plan) -> Result<(), RunError> {
    let _ = (env, plan);
    Err(RunError::NotResumable { run, reason: "not built yet".to_owned() })
}
