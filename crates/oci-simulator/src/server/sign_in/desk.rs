//! What a region needs to sign callers in: the lives of tokens, the tokens, the certificates and the faults.
//!
//! Must not know the region.

use super::super::faults::Faults;
use super::certificates::Leaf;
use super::tokens::IssuedTokens;
use crate::scenario::SignIn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The part of a region that signs callers in.
pub(in crate::server) struct Desk {
    pub settings: SignIn,
    tokens: Mutex<Arc<IssuedTokens>>,
    state: Mutex<Changing>,
}

/// What changes while the region is served.
pub(super) struct Changing {
    pub auth_faults: Faults,
    pub metadata_faults: Faults,
    /// The certificates of the instance by the number of their rotation. Old ones stay valid.
    pub leaves: Vec<(u64, Arc<Leaf>)>,
}

impl Desk {
    pub fn new(settings: &SignIn, seed: u64) -> Self {
        let state = Changing {
            auth_faults: Faults::new(seed, &settings.auth_faults),
            metadata_faults: Faults::new(seed, &settings.metadata_faults),
            leaves: Vec::new(),
        };
        Self {
            settings: settings.clone(),
            tokens: Mutex::new(IssuedTokens::shared()),
            state: Mutex::new(state),
        }
    }

    pub fn tokens(&self) -> Arc<IssuedTokens> {
        Arc::clone(&self.tokens.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Accepts the tokens of another region of the tenancy.
    pub fn share(&self, tokens: Arc<IssuedTokens>) {
        *self.tokens.lock().unwrap_or_else(PoisonError::into_inner) = tokens;
    }

    pub(super) fn state(&self) -> MutexGuard<'_, Changing> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
