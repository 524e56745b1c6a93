//! The state that a client shares with its clones: the transport, the signer, the clock, the random generator and the retry
//! budget.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;

use crate::clock::Clock;
use crate::credentials::Signer;
use crate::endpoint::Endpoints;
use crate::retry::RetryBudget;
use crate::transport::Transport;

pub(crate) struct Shared {
    pub endpoints: Endpoints,
    pub transport: Arc<dyn Transport>,
    pub signer: Option<Arc<dyn Signer>>,
    pub clock: Arc<dyn Clock>,
    pub user_agent: String,
    pub attempt_limit: Duration,
    pub rng: Mutex<StdRng>,
    pub budget: RetryBudget,
}

impl Shared {
    /// A new request id for one attempt: 32 upper-case hexadecimal digits, as in the official SDKs.
    pub fn request_id(&self) -> String {
        format!("{:032X}", self.rng().random::<u128>())
    }

    /// The random generator for jitter and request ids.
    pub fn rng(&self) -> std::sync::MutexGuard<'_, StdRng> {
        self.rng.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
