//! The ledger of one process: an in-memory store with points of death on both sides of each access.

use crate::fuse::Fuse;
use jiff::Timestamp;
use ledger::{
    Event, Lease, Locked, MemoryStore, Record, RunHead, RunId, Store,
    store::{Pending, Records},
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

/// The launches that the ledger has announced, over all processes: those whose append has returned.
#[derive(Default)]
pub struct Announced {
    /// Token → slot.
    tokens: Mutex<BTreeMap<String, u32>>,
}

impl Announced {
    pub fn take_in(&self, records: &[Record]) {
        let mut tokens = self.tokens.lock().unwrap();
        for record in records {
            if let Event::LaunchIntended { slot, token, .. } = &record.event {
                tokens.insert(token.clone(), *slot);
            }
        }
    }

    /// Whether a launch with this token was announced for this slot.
    pub fn check(&self, token: &str, slot: &str) -> Result<(), String> {
        match self.tokens.lock().unwrap().get(token) {
            Some(announced) if announced.to_string() == slot => Ok(()),
            Some(announced) => Err(format!("token {token} of slot {announced} was sent for slot {slot}")),
            None => Err(format!("a launch of slot {slot} left before its intent {token} was kept")),
        }
    }
}

/// The ledger of one process.
pub struct Kept {
    pub store: MemoryStore,
    pub fuse: Arc<Fuse>,
    pub announced: Arc<Announced>,
}

impl Store for Kept {
    fn create_run(&self, run: RunId, at: Timestamp, first: Event) -> Pending<'_, Record> {
        Box::pin(async move {
            self.fuse.point().await;
            let kept = self.store.create_run(run, at, first).await;
            self.fuse.point().await;
            kept
        })
    }

    fn append(&self, run: RunId, at: Timestamp, events: Vec<Event>) -> Pending<'_, Vec<Record>> {
        Box::pin(async move {
            self.fuse.point().await;
            let kept = self.store.append(run, at, events).await;
            if let Ok(records) = &kept {
                self.announced.take_in(records);
            }
            self.fuse.point().await;
            kept
        })
    }

    fn records(&self, run: RunId) -> Pending<'_, Records> {
        self.store.records(run)
    }

    fn runs(&self) -> Pending<'_, Vec<RunHead>> {
        self.store.runs()
    }

    fn lease(&self, run: RunId, at: Timestamp) -> Pending<'_, Lease> {
        self.store.lease(run, at)
    }

    fn confirm(&self, run: RunId) -> Pending<'_, ()> {
        self.store.confirm(run)
    }

    fn is_shared(&self) -> bool {
        self.store.is_shared()
    }

    fn lock(&self, key: &str, at: Timestamp) -> Pending<'_, Locked> {
        self.store.lock(key, at)
    }

    fn request_stop(&self, run: RunId, wanted: bool) -> Pending<'_, ()> {
        self.store.request_stop(run, wanted)
    }

    fn is_stop_requested(&self, run: RunId) -> Pending<'_, bool> {
        self.store.is_stop_requested(run)
    }
}
