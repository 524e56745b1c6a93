//! Remembers which placements have refused lately, so that other slots try elsewhere first. Knows no cloud, only time.

use ledger::{ErrorRecord, Placement};
use std::{collections::HashMap, time::Duration};
use tokio::time::Instant;

/// How long a refusal counts. Users who wait for capacity in a full domain ask again every 60–300 s; karpenter keeps such
/// entries for 3 minutes. The shorter, so that a freed host is found.
pub(crate) const REMEMBERED: Duration = Duration::from_mins(1);

/// So many refusals in a row, with no success between, and others need not try. One alone may be chance: placement is
/// asynchronous, and limits are sometimes exceeded only while a failed launch is cleaned up.
pub(crate) const CERTAIN: u32 = 10;

#[derive(Default)]
pub(crate) struct Places {
    refused: HashMap<Placement, Refusal>,
}

struct Refusal {
    until: Instant,
    in_a_row: u32,
    error: ErrorRecord,
}

/// What is known of a placement.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Known {
    /// Nothing against it.
    Open,
    /// It refused lately.
    Doubtful,
    /// It refused many times in a row; the last reason, and when that is forgotten.
    Refusing(ErrorRecord, Instant),
}

impl Places {
    /// Whether this changed what is known of the placement.
    pub fn refused(&mut self, placement: &Placement, error: &ErrorRecord, now: Instant) -> bool {
        let until = now + REMEMBERED;
        let refusal = self.refused.entry(placement.clone()).or_insert_with(|| Refusal {
            until,
            in_a_row: 0,
            error: error.clone(),
        });
        if refusal.until <= now {
            refusal.in_a_row = 0;
        }
        refusal.until = until;
        refusal.in_a_row += 1;
        refusal.error.clone_from(error);
        [1, CERTAIN].contains(&refusal.in_a_row)
    }

    pub fn accepted(&mut self, placement: &Placement) {
        self.refused.remove(placement);
    }

    pub fn known(&self, placement: &Placement, now: Instant) -> Known {
        match self.refused.get(placement) {
            Some(refusal) if refusal.until <= now => Known::Open,
            Some(refusal) if refusal.in_a_row >= CERTAIN => {
                Known::Refusing(refusal.error.clone(), refusal.until)
            }
            Some(_) => Known::Doubtful,
            None => Known::Open,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_placement_is_certain_only_after_many_refusals_in_a_row_and_is_forgiven() {
        let (mut places, here, error) = (Places::default(), Placement::default(), ErrorRecord::default());
        for _ in 1..CERTAIN {
            places.refused(&here, &error, Instant::now());
            assert_eq!(places.known(&here, Instant::now()), Known::Doubtful);
        }
        places.refused(&here, &error, Instant::now());
        assert!(matches!(places.known(&here, Instant::now()), Known::Refusing(..)));
        tokio::time::advance(REMEMBERED).await;
        assert_eq!(places.known(&here, Instant::now()), Known::Open);
        places.refused(&here, &error, Instant::now());
        assert_eq!(places.known(&here, Instant::now()), Known::Doubtful);
        places.accepted(&here);
        assert_eq!(places.known(&here, Instant::now()), Known::Open);
    }
}
