//! The waits of a slot before its next try, and a record of those that are long enough to be noticed.

use super::context::{Context, Halted};
use ledger::{Event, SlotNumber};
use std::time::Duration;

/// A shorter wait is over before anybody has read about it.
const WORTH_SAYING: Duration = Duration::from_secs(5);

impl Context<'_> {
    /// Waits before a slot is tried again, and records the wait if it is long. `patience` is how much longer the slot is tried
    /// at most.
    pub async fn wait(
        &self,
        slot: SlotNumber,
        wait: Duration,
        patience: Option<Duration>,
    ) -> Result<(), Halted> {
        if wait >= WORTH_SAYING {
            let now = self.env.clock.now();
            let after = |wait: Duration| now.checked_add(wait).ok();
            let ends = [patience.and_then(after), self.ends_at];
            let gives_up = ends.into_iter().flatten().min();
            if let Some(next_try) = after(wait) {
                self.journal.record(vec![Event::Waiting { slot, next_try, gives_up }]).await;
            }
        }
        self.pause(wait).await
    }
}
