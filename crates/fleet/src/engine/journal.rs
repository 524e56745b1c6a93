//! The only writer of a run: events go to the store, then into the state in memory, then to the observer.
//!
//! Several tasks append at once, and their appends may return in another order than the store gave them. The state
//! and the watchers get records in the store's order.

use super::env::{Environment, Sink};
use ledger::{Event, Lease, LedgerError, Outcome, Record, RequestCount, RunId, RunState, Store};
use oci_client::{Clock, RequestCounts};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub(crate) struct Journal {
    run: RunId,
    /// Held until the run is over.
    _lease: Option<Lease>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    sink: Sink,
    /// Cancelled when the store has failed: the run must not continue.
    failed: CancellationToken,
    inner: Mutex<Inner>,
    /// The number of the last record in the state.
    applied: watch::Sender<u64>,
}

struct Inner {
    state: RunState,
    /// Records that returned before an earlier one did.
    early: BTreeMap<u64, Record>,
    /// After its first failure the store is not used again: what it holds stays a prefix of what happened.
    broken: Option<LedgerError>,
}

impl Journal {
    /// Writes the first record of a new run, and holds the run until this is dropped. Nothing has been sent when this
    /// fails.
    pub async fn create(
        env: &Environment,
        run: RunId,
        first: Event,
        sink: Sink,
        failed: CancellationToken,
    ) -> Result<Self, LedgerError> {
        let at = env.clock.now();
        let record = env.store.create_run(run, at, first).await?;
        let lease = env.store.lease(run, at).await?;
        let state = RunState::fold(run, [&record]);
        sink(&record);
        Ok(Self::open(env, Some(lease), state, sink, failed))
    }

    /// Goes on with a run from its state. `failed` is cancelled when the store has failed.
    pub fn open(
        env: &Environment,
        lease: Option<Lease>,
        state: RunState,
        sink: Sink,
        failed: CancellationToken,
    ) -> Self {
        let run = state.run;
        let applied = watch::Sender::new(state.last_seq);
        let inner = Mutex::new(Inner { state, early: BTreeMap::new(), broken: None });
        let (store, clock) = (Arc::clone(&env.store), Arc::clone(&env.clock));
        Self { run, _lease: lease, store, clock, sink, failed, inner, applied }
    }

    /// Writes what is about to be done. Only when this has returned may it be done.
    pub async fn intend(&self, event: Event) -> Result<(), LedgerError> {
        self.intend_all(vec![event]).await
    }

    /// The same for several things, in one append.
    pub async fn intend_all(&self, events: Vec<Event>) -> Result<(), LedgerError> {
        if let Some(error) = self.broken() {
            return Err(error);
        }
        if events.is_empty() {
            return Ok(());
        }
        let records = self.append(events).await?;
        self.take_in(records);
        Ok(())
    }

    /// Writes what has happened. When it cannot be written it is still shown and counted, and [`Self::broken`] tells.
    ///
    /// Must be polled to its end: a record that the store has and the state lacks would hold back all after it.
    pub async fn record(&self, events: Vec<Event>) {
        self.write(events).await;
    }

    /// The same, and waits until the state shows it: an append may return before an earlier one that another future waits
    /// for. For what is decided by the state next.
    ///
    /// Only where that other future goes on being polled: not in the arm of a `select!` beside it.
    pub async fn record_and_see(&self, events: Vec<Event>) {
        let Some(written) = self.write(events).await else { return };
        let mut applied = self.applied.subscribe();
        tokio::select! {
            biased;
            // Fails only when the sender is gone, which is ours.
            _ = applied.wait_for(|applied| *applied >= written) => {}
            // Nothing new is decided then.
            () = self.failed.cancelled() => {}
        }
    }

    /// The number of the last record, unless the store did not take them.
    async fn write(&self, events: Vec<Event>) -> Option<u64> {
        if events.is_empty() {
            return None;
        }
        if self.broken().is_none()
            && let Ok(records) = self.append(events.clone()).await
        {
            let last = records.last().map(|record| record.seq);
            self.take_in(records);
            return last;
        }
        self.show_unwritten(events);
        None
    }

    /// Shows something that is not worth keeping, such as a wait that each refusal of a hunt brings.
    pub fn show(&self, event: Event) {
        self.show_unwritten(vec![event]);
    }

    /// Shows and counts what the store does not have.
    fn show_unwritten(&self, events: Vec<Event>) {
        let at = self.clock.now();
        let mut inner = self.lock();
        for event in events {
            let record = Record { seq: inner.state.last_seq, at, event };
            inner.state.apply(&record);
            (self.sink)(&record);
        }
    }

    /// Writes how the run ended, after the requests that it has made, where those were counted.
    ///
    /// A run whose ledger failed ends as such, whatever else it came to: only then is it known to be unfinished, and
    /// `resume` looks again at what was told and never written. That holds for the last record too.
    pub async fn finish(&self, counts: Option<&RequestCounts>, outcome: Outcome) {
        let counted = counts.map(|counts| {
            let count = |of: oci_client::Counts| RequestCount {
                ok: of.ok,
                throttled: of.throttled,
                failed: of.failed,
            };
            let requests = counts.snapshot().into_iter().map(|(name, of)| (name.to_owned(), count(of)));
            Event::RequestsCounted { requests: requests.collect() }
        });
        let mut events: Vec<Event> = counted.into_iter().collect();
        events.push(Event::RunFinished { outcome });
        if self.broken().is_none()
            && let Ok(records) = self.append(events.clone()).await
        {
            self.take_in(records);
            return;
        }
        events.pop();
        events.push(Event::RunFinished { outcome: Outcome::LedgerFailed });
        self.show_unwritten(events);
    }

    /// The wall clock, by which records are dated.
    pub fn now(&self) -> jiff::Timestamp {
        self.clock.now()
    }

    /// Looks at the state.
    pub fn state<T>(&self, look: impl FnOnce(&RunState) -> T) -> T {
        look(&self.lock().state)
    }

    /// The state, when nothing more is to be written.
    pub fn into_state(self) -> RunState {
        self.inner.into_inner().unwrap_or_else(PoisonError::into_inner).state
    }

    /// The failure after which nothing was written any more.
    pub fn broken(&self) -> Option<LedgerError> {
        self.lock().broken.clone()
    }

    async fn append(&self, events: Vec<Event>) -> Result<Vec<Record>, LedgerError> {
        let appended = self.store.append(self.run, self.clock.now(), events).await;
        if let Err(error) = &appended {
            tracing::error!(%error, "the ledger cannot be written: nothing new is started");
            self.lock().broken.get_or_insert_with(|| error.clone());
            self.failed.cancel();
        }
        appended
    }

    fn take_in(&self, records: Vec<Record>) {
        let mut inner = self.lock();
        inner.early.extend(records.into_iter().map(|record| (record.seq, record)));
        loop {
            let next = inner.state.last_seq + 1;
            let Some(record) = inner.early.remove(&next) else { break };
            inner.state.apply(&record);
            (self.sink)(&record);
        }
        self.applied.send_replace(inner.state.last_seq);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::{MemoryStore, RunKind};
    use oci_client::SystemClock;
    use std::time::Duration;
    use tokio::time::timeout;

    fn warning(text: &str) -> Vec<Event> {
        vec![Event::Warning { message: text.to_owned() }]
    }

    #[tokio::test(start_paused = true)]
    async fn late_records_do_not_hide_seen_ones() {
        let store = MemoryStore::new();
        let (run, at) = (RunId::new(jiff::Timestamp::UNIX_EPOCH, [0; 10]), jiff::Timestamp::UNIX_EPOCH);
        let started =
            Event::RunStarted { kind: RunKind::Launch, requested: 1, plan: serde_json::Value::Null };
        let first = store.create_run(run, at, started).await.unwrap();
        store.set_sync_delay(Duration::from_millis(5));
        let state = RunState::fold(run, [&first]);
        let applied = watch::Sender::new(state.last_seq);
        let journal = Journal {
            run,
            _lease: None,
            store: Arc::new(store),
            clock: Arc::new(SystemClock),
            sink: crate::engine::env::no_sink(),
            failed: CancellationToken::new(),
            inner: Mutex::new(Inner { state, early: BTreeMap::new(), broken: None }),
            applied,
        };
        // The first is sent off and not asked again whether it has come back.
        let mut early = std::pin::pin!(journal.record(warning("early")));
        assert!(timeout(Duration::from_millis(1), &mut early).await.is_err());
        let mut late = std::pin::pin!(journal.record_and_see(warning("late")));
        assert!(timeout(Duration::from_secs(1), &mut late).await.is_err(), "it waits for the first");
        tokio::join!(early, late);
        assert_eq!(journal.state(|state| state.warnings.clone()), ["early", "late"]);
    }
}
