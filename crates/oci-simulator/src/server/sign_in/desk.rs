//! What a region needs to sign callers in and to know what they may do: the lives of tokens, the tokens, the certificates, the
//! policies and the faults.
//!
//! Must not know the region.

use super::super::faults::Faults;
use super::super::policy_book::PolicyBook;
use super::certificates::Leaf;
use super::tokens::IssuedTokens;
use crate::scenario::SignIn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The part of a region that signs callers in.
pub(in crate::server) struct Desk {
    pub settings: SignIn,
    tokens: Mutex<Arc<IssuedTokens>>,
    policies: Mutex<Arc<PolicyBook>>,
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
            policies: Mutex::default(),
            state: Mutex::new(state),
        }
    }

    pub fn tokens(&self) -> Arc<IssuedTokens> {
        Arc::clone(&self.tokens.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn policies(&self) -> Arc<PolicyBook> {
        Arc::clone(&self.policies.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes over the tokens and the policies of another region of the tenancy.
    pub fn share(&self, home: &Self) {
        *self.tokens.lock().unwrap_or_else(PoisonError::into_inner) = home.tokens();
        *self.policies.lock().unwrap_or_else(PoisonError::into_inner) = home.policies();
    }

    pub(super) fn state(&self) -> MutexGuard<'_, Changing> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
