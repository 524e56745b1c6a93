//! The only writer of a run: events go to the store, then into the state in memory, then to the observer.
//!
//! Several tasks append at once, and their appends may return in another order than the store assigned. The state and the
//! observers receive records in the store's order.

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
    lease: Option<Lease>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    sink: Sink,
    /// Cancelled when the store has failed, after which the run must not continue.
    failed: CancellationToken,
    inner: Mutex<Inner>,
    /// The number of the last record in the state.
    applied: watch::Sender<u64>,
}

struct Inner {
    state: RunState,
    /// Records that returned before an earlier one did.
    early: BTreeMap<u64, Record>,
    /// After its first failure the store is not used again, so that its content stays a prefix of what happened.
    broken: Option<LedgerError>,
}

impl Journal {
    /// Writes the first record of a new run and holds the run until the journal is dropped. If this fails, nothing has been
    /// sent.
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
        // Between the two, another machine may have found a run that nobody holds, and may even have ended it.
        let mut state = RunState::fold(run, [&record]);
        if env.store.is_shared() {
            let found = env.store.records(run).await?;
            if found.records.len() > 1 {
                return Err(LedgerError::Lost { run, holder: None });
            }
            // A standby that took over meanwhile left a gap.
            state.last_seq = found.unreadable.iter().map(|record| record.seq).fold(state.last_seq, u64::max);
        }
        sink(&record);
        Ok(Self::open(env, Some(lease), state, sink, failed))
    }

    /// Continues a run from its state. `failed` is cancelled when the store has failed.
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
        Self { run, lease, store, clock, sink, failed, inner, applied }
    }

    /// Records what is about to be done. It may be done only after this has returned.
    pub async fn intend(&self, event: Event) -> Result<(), LedgerError> {
        self.intend_all(vec![event]).await
    }

    /// The same for several intents in one append.
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

    /// Makes sure, before a request is sent, that no other process has taken over the run. A request that another process sends
    /// meanwhile has the same retry token.
    pub async fn confirm(&self) -> Result<(), LedgerError> {
        if self.lease.as_ref().is_none_or(Lease::is_live) {
            return Ok(());
        }
        let confirmed = self.store.confirm(self.run).await;
        if let Err(error) = &confirmed {
            self.break_off(error);
        }
        confirmed
    }

    /// Records what has happened. An event that cannot be stored is still shown and counted, and [`Self::broken`] reports it.
    ///
    /// The future must be polled to its end: a record that the store has but the state lacks would hold back all later ones.
    pub async fn record(&self, events: Vec<Event>) {
        self.write(events).await;
    }

    /// The same, but also waits until the state includes the events: an append may return before an earlier one that another
    /// future awaits. Use it before decisions based on the state.
    ///
    /// Use it only where that other future continues to be polled, and not in the arm of a `select!` beside it.
    pub async fn record_and_see(&self, events: Vec<Event>) {
        let Some(written) = self.write(events).await else { return };
        let mut applied = self.applied.subscribe();
        tokio::select! {
            biased;
            // Fails only if the sender is gone, and it belongs to this journal.
            _ = applied.wait_for(|applied| *applied >= written) => {}
            // Nothing new is decided in this case.
            () = self.failed.cancelled() => {}
        }
    }

    /// Returns the number of the last record, unless the store did not accept them.
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

    /// Shows an event that is not worth storing, such as the wait after each refusal of a hunt.
    pub fn show(&self, event: Event) {
        self.show_unwritten(vec![event]);
    }

    /// Shows and counts events that the store lacks.
    fn show_unwritten(&self, events: Vec<Event>) {
        let at = self.clock.now();
        let mut inner = self.lock();
        for event in events {
            let record = Record { seq: inner.state.last_seq, at, event };
            inner.state.apply(&record);
            (self.sink)(&record);
        }
    }

    /// Records the end of the run, after its request counts if there are any.
    ///
    /// A run whose ledger failed ends with that outcome, whatever else happened: only then is it known to be unfinished, and
    /// `resume` checks what was shown but never stored. That also holds for the last record.
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

    /// The wall clock that dates records.
    pub fn now(&self) -> jiff::Timestamp {
        self.clock.now()
    }

    /// Reads the state.
    pub fn state<T>(&self, look: impl FnOnce(&RunState) -> T) -> T {
        look(&self.lock().state)
    }

    /// The state, once nothing more will be written.
    pub fn into_state(self) -> RunState {
        self.inner.into_inner().unwrap_or_else(PoisonError::into_inner).state
    }

    /// The failure after which nothing was stored any more.
    pub fn broken(&self) -> Option<LedgerError> {
        self.lock().broken.clone()
    }

    async fn append(&self, events: Vec<Event>) -> Result<Vec<Record>, LedgerError> {
        let appended = self.store.append(self.run, self.clock.now(), events).await;
        if let Err(error) = &appended {
            self.break_off(error);
        }
        appended
    }

    fn break_off(&self, error: &LedgerError) {
        tracing::error!(%error, "the ledger cannot be written: nothing new is started");
        self.lock().broken.get_or_insert_with(|| error.clone());
        self.failed.cancel();
    }

    fn take_in(&self, records: Vec<Record>) {
        let mut inner = self.lock();
        for record in records {
            if record.seq == inner.state.last_seq + 1 {
                inner.state.apply(&record);
                (self.sink)(&record);
            } else {
                inner.early.insert(record.seq, record);
            }
        }
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
            lease: None,
            store: Arc::new(store),
            clock: Arc::new(SystemClock),
            sink: crate::engine::env::no_sink(),
            failed: CancellationToken::new(),
            inner: Mutex::new(Inner { state, early: BTreeMap::new(), broken: None }),
            applied,
        };
        // The first append is started, and its result is not awaited.
        let mut early = std::pin::pin!(journal.record(warning("early")));
        assert!(timeout(Duration::from_millis(1), &mut early).await.is_err());
        let mut late = std::pin::pin!(journal.record_and_see(warning("late")));
        assert!(timeout(Duration::from_secs(1), &mut late).await.is_err(), "it waits for the first");
        tokio::join!(early, late);
        assert_eq!(journal.state(|state| state.warnings.clone()), ["early", "late"]);
    }
}
