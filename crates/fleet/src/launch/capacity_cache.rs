//! Remembers which placements refused recently, so that other slots try others first. It knows only time, not the cloud.

use ledger::{ErrorRecord, Placement};
use std::{collections::HashMap, time::Duration};
use tokio::time::Instant;

/// How long a refusal counts. Users who wait for capacity in a full domain ask again every 60–300 s; karpenter keeps such
/// entries for 3 minutes. This is shorter, so that a freed host is found.
pub(crate) const REMEMBERED: Duration = Duration::from_mins(1);

/// The same after an attempt that had waited and asked again for more than a minute. It is longer than the next such attempt
/// takes, so that not every slot has to find out by itself that a limit is reached.
const REMEMBERED_AFTER_WAITING: Duration = Duration::from_mins(5);

/// After this many consecutive refusals without a success, other slots need not try. A single refusal may be chance: placement
/// is asynchronous, and limits are sometimes exceeded only while a failed launch is cleaned up.
pub(crate) const CERTAIN: u32 = 10;

pub(crate) struct CapacityCache {
    refused: HashMap<Placement, Refusal>,
    /// When any placement last accepted a launch; the start of the run before that.
    accepted: Instant,
}

struct Refusal {
    until: Instant,
    in_a_row: u32,
    error: ErrorRecord,
}

/// What is known about a placement.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum PlacementState {
    /// It has not refused recently.
    Open,
    /// It refused recently.
    Suspect,
    /// It refused many times in a row; the last reason, and when that is forgotten.
    Refusing(ErrorRecord, Instant),
}

impl CapacityCache {
    pub fn new(now: Instant) -> Self {
        Self { refused: HashMap::new(), accepted: now }
    }

    /// Records that an attempt was refused. `waited` says that it was refused again after each wait, so that chance is
    /// excluded, and for how long that counts at least. It counts for at least as long as [`CERTAIN`] attempts take at the
    /// present pace, where `between` is the time between two attempts at one placement; at a slow pace nothing would otherwise
    /// become certain. Returns whether the state of the placement changed.
    pub fn refused(
        &mut self,
        placement: &Placement,
        error: &ErrorRecord,
        waited: Option<Duration>,
        between: Duration,
        now: Instant,
    ) -> bool {
        let usual = waited.map_or(REMEMBERED, |least| least.max(REMEMBERED_AFTER_WAITING));
        let until = now + usual.max(between * CERTAIN);
        let refusal = self.refused.entry(placement.clone()).or_insert_with(|| Refusal {
            until,
            in_a_row: 0,
            error: error.clone(),
        });
        if refusal.until <= now {
            refusal.in_a_row = 0;
        }
        let before = refusal.in_a_row;
        refusal.until = until;
        refusal.in_a_row = if waited.is_some() { before.max(CERTAIN - 1) + 1 } else { before + 1 };
        refusal.error.clone_from(error);
        before == 0 || (before < CERTAIN && refusal.in_a_row >= CERTAIN)
    }

    pub fn accepted(&mut self, placement: &Placement, now: Instant) {
        self.refused.remove(placement);
        self.accepted = now;
    }

    /// How long no placement has accepted a launch.
    pub fn since_last_success(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.accepted)
    }

    pub fn known(&self, placement: &Placement, now: Instant) -> PlacementState {
        match self.refused.get(placement) {
            Some(refusal) if refusal.until <= now => PlacementState::Open,
            Some(refusal) if refusal.in_a_row >= CERTAIN => {
                PlacementState::Refusing(refusal.error.clone(), refusal.until)
            }
            Some(_) => PlacementState::Suspect,
            None => PlacementState::Open,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn only_many_refusals_in_a_row_rule_a_placement_out() {
        let (mut cache, here, error) =
            (CapacityCache::new(Instant::now()), Placement::default(), ErrorRecord::default());
        for _ in 1..CERTAIN {
            cache.refused(&here, &error, None, SOON, Instant::now());
            assert_eq!(cache.known(&here, Instant::now()), PlacementState::Suspect);
        }
        cache.refused(&here, &error, None, SOON, Instant::now());
        assert!(matches!(cache.known(&here, Instant::now()), PlacementState::Refusing(..)));
        tokio::time::advance(REMEMBERED).await;
        assert_eq!(cache.known(&here, Instant::now()), PlacementState::Open);
        cache.refused(&here, &error, None, SOON, Instant::now());
        assert_eq!(cache.known(&here, Instant::now()), PlacementState::Suspect);
        cache.accepted(&here, Instant::now());
        assert_eq!(cache.known(&here, Instant::now()), PlacementState::Open);
    }
    #[tokio::test(start_paused = true)]
    async fn a_waiting_attempt_speaks_for_all_until_the_next() {
        let (mut cache, here, error) =
            (CapacityCache::new(Instant::now()), Placement::default(), ErrorRecord::default());
        assert!(cache.refused(&here, &error, Some(SOON), SOON, Instant::now()));
        tokio::time::advance(REMEMBERED_AFTER_WAITING.mul_f64(0.99)).await;
        assert!(matches!(cache.known(&here, Instant::now()), PlacementState::Refusing(..)));
        tokio::time::advance(REMEMBERED_AFTER_WAITING.mul_f64(0.02)).await;
        assert_eq!(cache.known(&here, Instant::now()), PlacementState::Open);
    }

    #[tokio::test(start_paused = true)]
    async fn at_a_slow_pace_refusals_count_until_certain() {
        let (mut cache, here, error) =
            (CapacityCache::new(Instant::now()), Placement::default(), ErrorRecord::default());
        for _ in 0..CERTAIN {
            tokio::time::advance(Duration::from_mins(5)).await;
            cache.refused(&here, &error, None, Duration::from_mins(1), Instant::now());
        }
        assert!(matches!(cache.known(&here, Instant::now()), PlacementState::Refusing(..)));
    }
}
