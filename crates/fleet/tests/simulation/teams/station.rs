//! What one process sees of the world: the ledger of the team over its own link, and its wire to the region.

use super::{link::Link, machine::Machine};
use crate::{kept::Announced, wire::Wire};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use ledger::{
    Event, Lease, LedgerError, Locked, Record, RunHead, RunId, Store,
    store::{Pending, Records},
};
use ledger_postgres::PostgresStore;
use oci_client::transport::{Transport, TransportError};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

/// What all processes of a team have seen of their ledger.
#[derive(Default)]
pub struct Witness {
    pub announced: Arc<Announced>,
    /// The records whose appends returned.
    confirmed: Mutex<BTreeMap<u64, Record>>,
    /// The process that took the lease last: its machine and its number. Nobody did yet if there is none.
    pub holder: Mutex<Option<(&'static str, u32)>>,
    pub broken: Arc<Mutex<Option<String>>>,
    /// How many processes found out that they had been taken over.
    pub beaten: AtomicU32,
}

impl Witness {
    fn take_in(&self, records: &[Record]) {
        self.announced.take_in(records);
        let mut confirmed = self.confirmed.lock().unwrap();
        for record in records {
            let earlier = confirmed.insert(record.seq, record.clone());
            if earlier.is_some_and(|earlier| earlier != *record) {
                let reason = format!("record {} was confirmed twice, with two contents", record.seq);
                self.broken.lock().unwrap().get_or_insert(reason);
            }
        }
    }

    /// Everything that was confirmed is in the database as it was.
    pub fn all_kept(&self, found: &Records) -> Result<(), String> {
        if let Some(lost) = found.unreadable.first() {
            return Err(format!("record {} is not in the database: {}", lost.seq, lost.reason));
        }
        let kept: BTreeMap<u64, &Record> = found.records.iter().map(|record| (record.seq, record)).collect();
        let confirmed = self.confirmed.lock().unwrap();
        match confirmed.iter().find(|(seq, record)| kept.get(seq) != Some(record)) {
            Some((seq, record)) => {
                Err(format!("record {seq} was confirmed and is {:?}, not {record:?}", kept.get(seq)))
            }
            None => Ok(()),
        }
    }
}

/// The ledger of one process.
pub struct Station {
    pub number: u32,
    pub store: Arc<PostgresStore>,
    pub link: Arc<Link>,
    pub machine: Arc<Machine>,
    pub witness: Arc<Witness>,
    pub is_beaten: AtomicBool,
    /// How long it takes after it has taken the run.
    pub hesitates: Duration,
}

impl Station {
    /// A call, with points on both sides of it.
    async fn call<T>(&self, call: impl Future<Output = T>) -> T {
        self.machine.point().await;
        let answer = self.link.through(call).await;
        self.machine.point().await;
        answer
    }

    /// Counts a process that has been taken over.
    fn note<T>(&self, answer: &Result<T, LedgerError>) {
        if matches!(answer, Err(LedgerError::Lost { .. })) && !self.is_beaten.swap(true, Ordering::Relaxed) {
            self.witness.beaten.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Store for Station {
    fn create_run(&self, run: RunId, at: Timestamp, first: Event) -> Pending<'_, Record> {
        Box::pin(async move {
            let kept = self.call(self.store.create_run(run, at, first)).await?;
            self.witness.take_in(std::slice::from_ref(&kept));
            Ok(kept)
        })
    }

    fn append(&self, run: RunId, at: Timestamp, events: Vec<Event>) -> Pending<'_, Vec<Record>> {
        Box::pin(async move {
            self.machine.append_point().await;
            let kept = self.link.through(self.store.append(run, at, events)).await;
            self.note(&kept);
            if let Ok(records) = &kept {
                self.witness.take_in(records);
            }
            self.machine.point().await;
            kept
        })
    }

    fn records(&self, run: RunId) -> Pending<'_, Records> {
        Box::pin(async move {
            let found = self.call(self.store.records(run)).await?;
            // What was kept without an answer is announced by those who read it.
            self.witness.take_in(&found.records);
            Ok(found)
        })
    }

    fn runs(&self) -> Pending<'_, Vec<RunHead>> {
        Box::pin(self.call(self.store.runs()))
    }

    fn lease(&self, run: RunId, at: Timestamp) -> Pending<'_, Lease> {
        Box::pin(async move {
            self.machine.point().await;
            let lease = self.link.through(self.store.lease(run, at)).await;
            if lease.is_ok() {
                *self.witness.holder.lock().unwrap() = Some((self.machine.name, self.number));
                // Whoever held it before may wake up now, before anything else is written.
                tokio::time::sleep(self.hesitates).await;
            }
            self.machine.point().await;
            lease
        })
    }

    fn confirm(&self, run: RunId) -> Pending<'_, ()> {
        Box::pin(async move {
            let confirmed = self.call(self.store.confirm(run)).await;
            self.note(&confirmed);
            confirmed
        })
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn lock(&self, key: &str, at: Timestamp) -> Pending<'_, Locked> {
        let key = key.to_owned();
        Box::pin(async move { self.call(self.store.lock(&key, at)).await })
    }

    fn request_stop(&self, run: RunId, wanted: bool) -> Pending<'_, ()> {
        Box::pin(self.call(self.store.request_stop(run, wanted)))
    }

    fn is_stop_requested(&self, run: RunId) -> Pending<'_, bool> {
        Box::pin(self.call(self.store.is_stop_requested(run)))
    }
}

/// The wire of one process, with points on both sides of each request.
pub struct TeamWire {
    pub machine: Arc<Machine>,
    pub wire: Wire,
}

impl Transport for TeamWire {
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'_, Result<http::Response<Bytes>, TransportError>> {
        Box::pin(async move {
            self.machine.point().await;
            let answer = self.wire.send(request).await;
            self.machine.point().await;
            answer
        })
    }
}
