//! The instances for which a launch waits.

use crate::engine::{
    journal::Journal,
    poll::{FaultDomain, named},
};
use ledger::SlotNumber;
use oci_api::models::InstanceLifecycleState as State;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{sync::Notify, time::Instant};

/// The watched instances, by OCID.
#[derive(Default)]
pub(crate) struct WatchTable {
    table: Mutex<BTreeMap<Arc<str>, Watched>>,
    added: Notify,
}

#[derive(Clone, Debug)]
pub(crate) struct Watched {
    pub slot: SlotNumber,
    pub state: State,
    pub fault_domain: Option<FaultDomain>,
    pub since: Instant,
    pub missing_since: Option<Instant>,
}

impl WatchTable {
    /// Starts watching the instance of a slot.
    pub fn add(&self, journal: &Journal, slot: SlotNumber, ocid: &str) {
        let watched = journal.state(|state| {
            let state = state.slot(slot);
            Watched {
                slot,
                state: State::from(state.state.as_deref().unwrap_or_default()),
                fault_domain: state.placement.as_ref().and_then(|at| at.fault_domain.clone()).map(named),
                since: Instant::now(),
                missing_since: None,
            }
        });
        self.lock().insert(ocid.into(), watched);
        self.added.notify_one();
    }

    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// Waits until an instance is added.
    pub async fn added(&self) {
        self.added.notified().await;
    }

    pub fn lock(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Watched>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
