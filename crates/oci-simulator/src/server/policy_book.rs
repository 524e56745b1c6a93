//! What the policies of the tenancy allow, and the principals that they are about. All regions of a tenancy share one book; the
//! policies themselves are in the world of its home region.
//!
//! Must not know the region.

use crate::iam::{Access, Actor};
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
    access: Option<Arc<Access>>,
    principals: HashMap<String, Actor>,
}

impl PolicyBook {
    fn state(&self) -> MutexGuard<'_, Book> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn access(&self) -> Option<Arc<Access>> {
        self.state().access.clone()
    }

    pub fn replace(&self, access: Option<Arc<Access>>) {
        self.state().access = access;
    }

    /// Remembers a principal whose token says more than its OCID.
    pub fn know(&self, actor: Actor) {
        self.state().principals.insert(actor.id.clone(), actor);
    }

    pub fn known(&self, ocid: &str) -> Option<Actor> {
        self.state().principals.get(ocid).cloned()
    }
}
