//! Waits for launched instances to run: one poll for all of them, not one for each.
//!
//! A poll reads the pages of ListInstances, newest first, until it has met every instance that it waits for; when there
//! are fewer of those than pages, it gets each by itself. A failed poll says nothing about any instance.

mod poll;

use crate::{launcher::Context, outcome::error_record};
use ledger::{ErrorRecord, Event, Placement, SlotNumber};
use oci_client::{Failure, FailureClass};
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{Notify, mpsc::UnboundedSender},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

/// The pause before the first poll and after one that saw changes: half of it is the usual delay of our events.
const INTERVAL: Duration = Duration::from_secs(5);
/// While nothing changes the pause grows up to this.
const LONGEST: Duration = Duration::from_secs(10);
/// Until the first instance runs, only so many of the oldest are looked at …
const SCOUTS: usize = 2;
/// … but for a look at all of them after so long, for those that die early.
const LOOK_AT_ALL: Duration = Duration::from_secs(30);
/// An instance that neither the list nor a GET knows for so long is lost. Terminated ones stay listed for 12 hours
/// (OpenAPI of the Core Services), so this is no normal end; lists are not known to lag by minutes.
const LOST_AFTER: Duration = Duration::from_mins(5);

/// The instances that are waited for.
#[derive(Default)]
pub(crate) struct Watch {
    table: Mutex<BTreeMap<String, Watched>>,
    added: Notify,
}

#[derive(Clone, Debug)]
struct Watched {
    slot: SlotNumber,
    placement: Placement,
    work_request: Option<String>,
    state: String,
    since: Instant,
    missing_since: Option<Instant>,
}

impl Watch {
    /// Waits for the instance of a slot from now on.
    pub fn add(&self, context: &Context<'_>, slot: SlotNumber, ocid: &str) {
        let watched = context.journal.state(|state| {
            let state = state.slot(slot);
            Watched {
                slot,
                placement: state.placement.clone().unwrap_or_default(),
                work_request: state.work_request.clone(),
                state: state.state.clone().unwrap_or_default(),
                since: Instant::now(),
                missing_since: None,
            }
        });
        self.lock().insert(ocid.to_owned(), watched);
        self.added.notify_one();
    }

    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Watched>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Polls until `enough` is cancelled or the run is halted. Slots whose instance died are sent to `freed`.
pub(crate) async fn run(
    context: &Context<'_>,
    enough: &CancellationToken,
    freed: UnboundedSender<SlotNumber>,
) {
    let mut watcher = Watcher {
        context,
        freed,
        interval: INTERVAL,
        pages: 1,
        list_refused: false,
        warned: false,
        one_ran: false,
        saw_all_at: Instant::now(),
    };
    loop {
        tokio::select! {
            biased;
            () = context.halt.cancelled() => return,
            () = enough.cancelled() => return,
            () = watcher.until_next() => {}
        }
        watcher.poll().await;
        if context.watch.is_empty() {
            context.wake.notify_one();
        }
    }
}

struct Watcher<'a> {
    context: &'a Context<'a>,
    freed: UnboundedSender<SlotNumber>,
    interval: Duration,
    /// How many pages the last complete poll read.
    pages: usize,
    /// The service does not let us list the compartment: instances are got one by one.
    list_refused: bool,
    warned: bool,
    /// Whether an instance was seen running: others may run now too.
    one_ran: bool,
    saw_all_at: Instant,
}

impl Watcher<'_> {
    /// Waits until there is something to poll for and it is time to.
    async fn until_next(&self) {
        while self.context.watch.is_empty() {
            self.context.watch.added.notified().await;
        }
        tokio::time::sleep(self.context.spread(self.interval, 0.8)).await;
    }

    /// One poll, and what follows from it.
    async fn poll(&mut self) {
        let before = self.context.watch.lock().len();
        let seen = self.look().await;
        let changed = self.settle(seen).await;
        self.interval = if changed { INTERVAL } else { (self.interval * 5 / 4).min(LONGEST) };
        self.end_waits().await;
        tracing::debug!(before, after = self.context.watch.lock().len(), interval = ?self.interval, "polled");
    }

    /// A poll that failed. Only a refused login ends the run.
    async fn poll_failed(&mut self, failure: &Failure) {
        let error = error_record(failure);
        if failure.class == FailureClass::Authentication {
            if self.context.stop_for_login(&error) {
                let message =
                    format!("the login was refused while waiting: {}: {}", error.code, error.message);
                self.context.journal.record(vec![Event::Warning { message }]).await;
            }
            return;
        }
        self.list_refused |= failure.class == FailureClass::NotFound;
        if !std::mem::replace(&mut self.warned, true) {
            let message = format!("a look at the instances failed, and is repeated: {failure}");
            self.context.journal.record(vec![Event::Warning { message }]).await;
        }
    }

    /// Ends the wait for instances that have taken too long.
    async fn end_waits(&self) {
        let limit = self.context.options.wait_timeout;
        let ended: Vec<(String, Watched)> = {
            let mut table = self.context.watch.lock();
            table.extract_if(.., |_, watched| watched.since.elapsed() >= limit).collect()
        };
        let events = ended.into_iter().map(|(ocid, watched)| Event::WaitEnded {
            slot: watched.slot,
            ocid,
            state: watched.state,
        });
        self.context.journal.record(events.collect()).await;
    }

    async fn died(&self, ocid: String, watched: &Watched, class: FailureClass, error: ErrorRecord) {
        self.context.place_refused(&watched.placement, &error);
        tracing::info!(ocid, slot = watched.slot, %class, "the instance died before it ran");
        let slot = watched.slot;
        self.context.journal.record(vec![Event::InstanceDied { slot, ocid, error }]).await;
        // The launcher is there as long as we are.
        let _ = self.freed.send(slot);
    }
}
