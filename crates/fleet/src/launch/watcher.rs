//! Waits for launched instances to run: one poll for all of them, not one for each.
//!
//! A poll reads the pages of ListInstances, newest first, until it has met every instance that it waits for; when there
//! are fewer of those than pages, it gets each by itself. A failed poll says nothing about any instance.

mod poll;

use super::{context::Context, watch_table::Watched};
use crate::engine::{backoff::Backoff, failure::error_record};
use ledger::{ErrorRecord, Event, SlotNumber};
use oci_client::{Failure, FailureClass};
use std::time::Duration;
use tokio::{sync::mpsc::UnboundedSender, time::Instant};
use tokio_util::sync::CancellationToken;

/// The pause before the first poll and after one that saw changes: half of it is the usual delay of our events.
const INTERVAL: Duration = Duration::from_secs(5);
/// While nothing changes the pause grows up to this.
const LONGEST: Duration = Duration::from_secs(10);
const INTERVALS: Backoff = Backoff::growing(INTERVAL, LONGEST, 125);
/// Once launching has paused for so long, a poll may come earlier, to meet the last instance when it should run; no
/// earlier than after this either.
const SHORTEST: Duration = Duration::from_secs(1);
/// Added to the time when an instance should run, so that the poll does not just miss it.
const MARGIN: Duration = Duration::from_millis(100);
/// Until the first instance is running, only this many of the oldest are polled …
const SCOUTS: usize = 2;
/// … but for a look at all of them after so long, for those that die early.
const LOOK_AT_ALL: Duration = Duration::from_secs(30);
/// An instance that neither the list nor a GET knows for so long is lost. Terminated ones stay listed for 12 hours
/// (OpenAPI of the Core Services), so this is no normal end; lists are not known to lag by minutes.
const LOST_AFTER: Duration = Duration::from_mins(5);
/// A refused list is requested again after this time, because policies take a while to take effect everywhere.
const LIST_AGAIN: Duration = Duration::from_mins(3);

/// Polls until `enough` is cancelled or the run is halted. Slots whose instance died are sent to `freed`.
pub(crate) async fn run(
    context: &Context<'_>,
    enough: &CancellationToken,
    freed: UnboundedSender<SlotNumber>,
) {
    let mut watcher = Watcher {
        context,
        freed,
        quiet_polls: 0,
        pages: 1,
        list_refused: None,
        warned: false,
        one_ran: false,
        quickest: None,
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

/// How long to wait for the next poll: as usual, unless the youngest instance, so old by now, should run before that by
/// the boot times seen so far. A run whose instances boot alike then ends when the last one runs, not a poll later.
fn pause(usual: Duration, youngest: Option<Duration>, quickest: Option<Duration>) -> Duration {
    let (Some(age), Some(quickest)) = (youngest, quickest) else { return usual };
    match (quickest + MARGIN).checked_sub(age) {
        Some(due) if age >= SHORTEST => usual.min(due.max(SHORTEST)),
        _ => usual,
    }
}

struct Watcher<'a> {
    context: &'a Context<'a>,
    freed: UnboundedSender<SlotNumber>,
    /// Polls in a row that saw no change.
    quiet_polls: u32,
    /// How many pages the last complete poll read.
    pages: usize,
    /// When the service last did not let us list the compartment: meanwhile instances are got one by one.
    list_refused: Option<Instant>,
    warned: bool,
    /// Whether an instance was seen running: others may run now too.
    one_ran: bool,
    /// From launch to RUNNING, the least seen so far.
    quickest: Option<Duration>,
    saw_all_at: Instant,
}

impl Watcher<'_> {
    /// Waits until there is something to poll for and it is time to.
    async fn until_next(&self) {
        while self.context.watch.is_empty() {
            self.context.watch.added().await;
        }
        let usual = self.context.spread(INTERVALS.pause(self.quiet_polls + 1), 0.8);
        let youngest = self.context.watch.lock().values().map(|watched| watched.since).max();
        tokio::time::sleep(pause(usual, youngest.map(|since| since.elapsed()), self.quickest)).await;
    }

    /// One poll, and what follows from it.
    async fn poll(&mut self) {
        let before = self.context.watch.lock().len();
        let seen = self.look().await;
        let changed = self.settle(seen).await;
        self.quiet_polls = if changed { 0 } else { self.quiet_polls + 1 };
        self.end_waits().await;
        tracing::debug!(before, after = self.context.watch.lock().len(), quiet = self.quiet_polls, "polled");
    }

    /// A poll that failed. Only a refused login ends the run.
    async fn poll_failed(&mut self, failure: &Failure) {
        let error = error_record(failure);
        if failure.class == FailureClass::Authentication {
            if self.context.outlasts_refused_login(&error).await {
                return;
            }
            if self.context.stop_for_login(&error) {
                let message = format!(
                    "OCI refused the login while the run was waiting: {}: {}",
                    error.code, error.message
                );
                self.context.journal.record(vec![Event::Warning { message }]).await;
            }
            return;
        }
        if !std::mem::replace(&mut self.warned, true) {
            let message = format!("polling the instances failed and is retried: {failure}");
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
            state: watched.state.to_string(),
            error: None,
        });
        self.context.journal.record(events.collect()).await;
    }

    async fn died(&self, ocid: String, slot: SlotNumber, class: FailureClass, error: ErrorRecord) {
        let placement = self.context.journal.state(|state| state.slot(slot).placement.clone());
        let placement = self.context.plan.placement_of(&placement.unwrap_or_default());
        self.context.place_failed_late(&placement, class, &error).await;
        tracing::info!(ocid, slot, %class, "the instance failed before it reached RUNNING");
        // The state decides what happens to the slot.
        self.context.journal.record_and_see(vec![Event::InstanceDied { slot, ocid, error }]).await;
        // The launcher is there as long as we are.
        let _ = self.freed.send(slot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: Duration = Duration::from_secs(5);

    fn pause_ms(age_ms: u64, quickest_ms: u64) -> u128 {
        let of = Duration::from_millis;
        pause(USUAL, Some(of(age_ms)), Some(of(quickest_ms))).as_millis()
    }

    #[test]
    fn the_last_instance_is_met_when_it_should_run() {
        assert_eq!(pause_ms(3500, 5000), 1600);
        assert_eq!(pause_ms(4900, 5000), 1000, "not more often than once a second");
    }

    #[test]
    fn polls_hurry_only_once_boots_are_due() {
        assert_eq!(pause_ms(200, 2000), 5000);
        assert_eq!(pause_ms(30_000, 45_000), 5000);
        assert_eq!(pause_ms(9000, 5000), 5000);
        assert_eq!(pause(USUAL, Some(USUAL), None), USUAL);
    }
}
