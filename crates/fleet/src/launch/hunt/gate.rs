//! The gate that each launch of a hunt passes before it is sent. It is open while the launch's target provides instances;
//! otherwise it opens once per floor.

use super::{Hunt, Turn};
use crate::launch::context::{Context, Halted};
use crate::tuning::{HUNT_JITTER_OF_A_CYCLE, HUNT_REPORT_LEAD, HUNTS_APART};
use ledger::{Event, SlotNumber, capacity::Claim, capacity::Subject};
use std::sync::{PoisonError, atomic::Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// A random addition of up to this fraction of the floor to the time between two probes …
const JITTER_SHARE: f64 = 0.1;
/// … and at least this fraction of that addition, so that a request that waits slightly longer for the disk than the next one
/// does not come too close to it.
const JITTER_LEAST: f64 = 0.25;
/// A shorter wait is over before anybody has read about it.
const WORTH_SAYING: Duration = Duration::from_secs(5);

impl Hunt {
    /// Waits until this process may probe, unless something changes first, in which case the caller chooses again. Returns
    /// whether the time has come.
    pub async fn until_allowed(&self, context: &Context<'_>, slot: SlotNumber) -> Result<bool, Halted> {
        let Some(wait) = self.wait() else { return Ok(true) };
        // A single target is probed at each floor anyway.
        if !self.hunting.once && context.plan.fleet.placements.len() > 1 {
            let early = wait.saturating_sub(HUNT_REPORT_LEAD);
            if !early.is_zero() && !self.pause(context, slot, early, wait).await? {
                return Ok(false);
            }
            // The report takes its time from the wait.
            let within = self.wait().unwrap_or_default().min(HUNT_REPORT_LEAD);
            context.look_at_report(self, within).await?;
        }
        let Some(wait) = self.wait() else { return Ok(context.is_over().is_none()) };
        Ok(self.pause(context, slot, wait, wait).await? && context.is_over().is_none())
    }

    /// Returns when a launch at this target may be sent. `turn` is the right to probe, if the slot already has it. The caller
    /// keeps the returned value until the response is known.
    pub async fn pass<'a>(
        &'a self,
        context: &Context<'_>,
        slot: SlotNumber,
        target: &Subject,
        mut turn: Option<Turn<'a>>,
    ) -> Result<Option<Turn<'a>>, Halted> {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            // The caller checks again whether it is over, before it sends anything.
            if self.is_yielding(target) || context.is_over().is_some() {
                return Ok(None);
            }
            let held = if let Some(held) = turn.take() {
                held
            } else {
                tokio::select! {
                    biased;
                    () = context.halt.cancelled() => return Err(Halted),
                    () = changed => continue,
                    held = self.prober.acquire() => held.map_err(|_closed| Halted)?,
                }
            };
            if self.is_over() {
                return Err(Halted);
            }
            match self.claim(context, target) {
                None => return Ok(Some(held)),
                Some(wait) => {
                    self.pause(context, slot, wait, wait).await?;
                    turn = Some(held);
                }
            }
        }
    }

    /// How long this process has to wait because of its own last probe.
    fn wait(&self) -> Option<Duration> {
        let not_before = self.hunting.not_before.lock().unwrap_or_else(PoisonError::into_inner);
        not_before.and_then(|then| then.checked_duration_since(Instant::now())).filter(|wait| !wait.is_zero())
    }

    /// Claims a probe now, or returns how long to wait.
    fn claim(&self, context: &Context<'_>, target: &Subject) -> Option<Duration> {
        if let Some(wait) = self.wait() {
            return Some(wait);
        }
        let floor = self.floor();
        match context.memory.claim_probe(context.env.clock.now(), floor) {
            Some(Claim::NotBefore(then)) => {
                let wait = then.duration_since(context.env.clock.now());
                // A claim far in the future was made with a wrong clock.
                let wait = Duration::try_from(wait).unwrap_or_default().min(floor * 2);
                let wait = wait + context.spread(HUNTS_APART, 0.1);
                self.set_not_before(wait);
                return Some(wait);
            }
            // Without a memory, this process keeps its own floor.
            Some(Claim::Granted) | None => {}
        }
        let targets = u32::try_from(context.plan.fleet.placements.len()).unwrap_or(u32::MAX).max(1);
        let jitter = floor.mul_f64(JITTER_SHARE).min(HUNT_JITTER_OF_A_CYCLE / targets);
        self.set_not_before(floor + context.spread(jitter, JITTER_LEAST));
        self.hunting.held.lock().unwrap_or_else(PoisonError::into_inner).1 = true;
        self.lock().probe(target);
        None
    }

    fn set_not_before(&self, wait: Duration) {
        let then = Instant::now() + wait;
        *self.hunting.not_before.lock().unwrap_or_else(PoisonError::into_inner) = Some(then);
    }

    /// Waits this long, or until something changes; the next probe is due after `left`. Returns whether the time has passed.
    async fn pause(
        &self,
        context: &Context<'_>,
        slot: SlotNumber,
        wait: Duration,
        left: Duration,
    ) -> Result<bool, Halted> {
        if self.hunting.once {
            let next = context.env.clock.now().checked_add(wait);
            self.hunting.held.lock().unwrap_or_else(PoisonError::into_inner).0 = next.ok();
            self.over.store(true, Ordering::Relaxed);
            context.wake.notify_one();
            return Err(Halted);
        }
        let changed = self.changed.notified();
        if left >= WORTH_SAYING
            && let Ok(next_try) = context.env.clock.now().checked_add(left)
        {
            // Shown but not stored, because a hunt's wait between two probes is not notable.
            let gives_up = Some(self.terms.until);
            context.journal.show(Event::Waiting { slot, next_try, gives_up });
        }
        tokio::select! {
            biased;
            () = changed => Ok(false),
            paused = context.pause(wait) => paused.map(|()| true),
        }
    }
}
