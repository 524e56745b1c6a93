//! The policies of the tenancy in force, and the principals that they are about. All regions of a tenancy share one book.
//!
//! Must not know the region.

use crate::iam::{Access, Actor, Policies};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The policies of a tenancy and the principals that are neither users nor the instance of the metadata service.
#[derive(Debug, Default)]
pub(super) struct PolicyBook {
    state: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    /// `None`: everybody may do everything.
    policies: Option<(Policies, Arc<Access>)>,
    principals: HashMap<String, Actor>,
}

impl PolicyBook {
    fn state(&self) -> MutexGuard<'_, Book> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the policies of a scenario. Those that are not understood, which a scenario from a file cannot have, allow nothing.
    pub fn open(&self, policies: Option<&Policies>) {
        let understood = |policies: &Policies| Arc::new(policies.compile().unwrap_or_default());
        self.state().policies = policies.map(|policies| (policies.clone(), understood(policies)));
    }

    pub fn access(&self) -> Option<Arc<Access>> {
        self.state().policies.as_ref().map(|(_, access)| Arc::clone(access))
    }

    /// The policies in force; `None` if everybody may do everything.
    pub fn shown(&self) -> Option<Policies> {
        self.state().policies.as_ref().map(|(policies, _)| policies.clone())
    }

    pub fn replace(&self, policies: Option<(Policies, Arc<Access>)>) {
        self.state().policies = policies;
    }

    /// Remembers a principal whose token says more than its OCID.
    pub fn know(&self, actor: Actor) {
        self.state().principals.insert(actor.id.clone(), actor);
    }

    pub fn known(&self, ocid: &str) -> Option<Actor> {
        self.state().principals.get(ocid).cloned()
    }
}
