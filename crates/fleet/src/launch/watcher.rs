//! Waits for launched instances to run, with one poll for all of them instead of one for each.
//!
//! A poll reads the pages of ListInstances, newest first, until it has found every watched instance, or only the list of those
//! that run where that takes fewer pages; if there are fewer watched instances than pages, it reads each one separately. A
//! failed poll says nothing about any instance.

mod look;
mod poll;

use super::{context::Context, target::target_of};
use crate::engine::{backoff::Backoff, failure::error_record};
use ledger::{ErrorRecord, Event, SlotNumber};
use oci_client::{Failure, FailureClass};
use std::time::Duration;
use tokio::{sync::mpsc::UnboundedSender, time::Instant};
use tokio_util::sync::CancellationToken;

/// The pause before the first poll and after one that saw changes. Half of it is the usual delay of events.
const INTERVAL: Duration = Duration::from_millis(5500);
/// While nothing changes, the pause grows up to this.
const LONGEST: Duration = Duration::from_secs(10);
const INTERVALS: Backoff = Backoff::growing(INTERVAL, LONGEST, 125);
/// Once launching has paused for this long, a poll may come earlier, when the last instance should run; but no earlier than
/// this either.
const SHORTEST: Duration = Duration::from_secs(1);
/// Added to the expected time of running, so that the poll does not just miss it.
const MARGIN: Duration = Duration::from_millis(100);
/// Until the first instance is running, only this many of the oldest are polled, if a list takes more requests.
const SCOUTS: usize = 2;
/// The states of all are read at this interval, to find those that fail; other polls may read only what runs.
const LOOK_AT_ALL: Duration = Duration::from_secs(30);
/// An instance that neither the list nor a GET has known for this long is lost. Terminated instances stay listed for 12 hours
/// (OpenAPI of the Core Services), so this is not a normal end; lists are not known to lag by minutes.
const LOST_AFTER: Duration = Duration::from_mins(5);
/// A refused list is requested again after this time, because policies take a while to take effect everywhere.
const LIST_AGAIN: Duration = Duration::from_mins(3);

/// Polls until `enough` is cancelled or the run is halted. Slots whose instance was terminated are sent to `freed`.
pub(crate) async fn run(
    context: &Context<'_>,
    enough: &CancellationToken,
    freed: UnboundedSender<SlotNumber>,
) {
    let mut watcher = Watcher {
        context,
        freed,
        quiet_polls: 0,
        lists: look::Lists::default(),
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

/// The wait before the next poll: the usual one, unless the youngest instance, at its present age, should run earlier by the
/// boot times seen so far. A run whose instances boot alike then ends when the last one runs, not a poll later.
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
    /// Consecutive polls that saw no change.
    quiet_polls: u32,
    lists: look::Lists,
    /// When the service last refused to list the compartment; meanwhile instances are read one by one.
    list_refused: Option<Instant>,
    warned: bool,
    /// Whether an instance was seen running, so that others may run now too.
    one_ran: bool,
    /// The shortest time from launch to RUNNING seen so far.
    quickest: Option<Duration>,
    saw_all_at: Instant,
}

impl Watcher<'_> {
    /// Waits until there is something to poll and it is time.
    async fn until_next(&self) {
        while self.context.watch.is_empty() {
            self.context.watch.added().await;
        }
        let usual = self.context.spread(INTERVALS.pause(self.quiet_polls + 1), 0.8);
        let youngest = self.context.watch.lock().values().map(|watched| watched.since).max();
        tokio::time::sleep(pause(usual, youngest.map(|since| since.elapsed()), self.quickest)).await;
    }

    /// Runs one poll and applies its result.
    async fn poll(&mut self) {
        let before = self.context.watch.lock().len();
        let seen = self.look().await;
        let changed = self.settle(seen).await;
        self.quiet_polls = if changed { 0 } else { self.quiet_polls + 1 };
        self.end_waits().await;
        tracing::debug!(before, after = self.context.watch.lock().len(), quiet = self.quiet_polls, "polled");
    }

    /// Handles a failed poll. Only a refused login ends the run.
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

    /// Ends the wait for instances that have timed out.
    async fn end_waits(&self) {
        let limit = self.context.options.wait_timeout;
        let ended: Vec<_> = {
            let mut table = self.context.watch.lock();
            table.extract_if(.., |_, watched| watched.since.elapsed() >= limit).collect()
        };
        let events = ended.into_iter().map(|(ocid, watched)| Event::WaitEnded {
            slot: watched.slot,
            ocid: ocid.as_ref().into(),
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
        if let Some(hunt) = &self.context.hunt {
            hunt.dying(&target_of(&self.context.plan.fleet, &placement), &ocid, &error);
        }
        // The state decides what happens to the slot.
        self.context.journal.record_and_see(vec![Event::InstanceDied { slot, ocid, error }]).await;
        // The launcher exists as long as this task.
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
