//! What this process holds: a lease is a row with a fencing number that every append carries.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// A lease counts as over this long before the server lets another process take it, so that nothing begins at the last moment.
const MARGIN: Duration = Duration::from_secs(5);

/// The number of a lease. A standby that takes over the database may lack the last numbers, so each holder adds a word of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fence {
    pub(crate) number: i64,
    pub(crate) token: String,
}

/// A lease of this process, shared with whoever works under it.
#[derive(Debug)]
pub(crate) struct Hold {
    /// A run, or a key.
    pub(crate) of: String,
    pub(crate) fence: Fence,
    life: Duration,
    lost: AtomicBool,
    renewed: Mutex<(Instant, SystemTime)>,
}

impl Hold {
    /// A lease that was asked for at `asked`.
    pub(crate) fn new(of: String, fence: Fence, life: Duration, asked: (Instant, SystemTime)) -> Self {
        Self { of, fence, life, lost: AtomicBool::new(false), renewed: Mutex::new(asked) }
    }

    /// Whether another process certainly cannot have taken it. Two clocks are asked: one stands still while the machine sleeps,
    /// and the other may be set back.
    pub(crate) fn is_live(&self) -> bool {
        let (at, clock) = *self.renewed.lock().unwrap_or_else(PoisonError::into_inner);
        let left = self.life.saturating_sub(MARGIN);
        let slept = now().1.duration_since(clock).unwrap_or_default();
        !self.lost.load(Ordering::Acquire) && at.elapsed() < left && slept < left
    }

    /// The server has confirmed it, asked at this time.
    pub(crate) fn renew(&self, asked: (Instant, SystemTime)) {
        *self.renewed.lock().unwrap_or_else(PoisonError::into_inner) = asked;
    }

    /// Another process has it.
    pub(crate) fn lose(&self) {
        self.lost.store(true, Ordering::Release);
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Acquire)
    }
}

/// The present time by both clocks.
#[expect(
    clippy::disallowed_methods,
    reason = "whether the machine has slept is a question about its own clock"
)]
pub(crate) fn now() -> (Instant, SystemTime) {
    (Instant::now(), SystemTime::now())
}

/// The leases of this process. They are kept weakly, because each ends with its `Lease`.
#[derive(Default)]
pub(crate) struct Holds(Vec<Weak<Hold>>);

impl Holds {
    /// Adds a lease. An earlier one of the same run may still be in memory for a moment after it was given back.
    pub(crate) fn add(&mut self, hold: &Arc<Hold>) {
        self.0.retain(|known| known.upgrade().is_some_and(|known| known.of != hold.of));
        self.0.push(Arc::downgrade(hold));
    }

    pub(crate) fn all(&self) -> Vec<Arc<Hold>> {
        self.0.iter().filter_map(Weak::upgrade).collect()
    }

    pub(crate) fn of(&self, of: &str) -> Option<Arc<Hold>> {
        self.0.iter().filter_map(Weak::upgrade).find(|hold| hold.of == of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_is_taken_again_has_its_newest_lease() {
        let hold = |number| {
            let fence = Fence { number, token: String::new() };
            Arc::new(Hold::new("run".to_owned(), fence, Duration::from_mins(1), now()))
        };
        let (first, second) = (hold(1), hold(2));
        let mut holds = Holds::default();
        holds.add(&first);
        holds.add(&second);
        assert_eq!(holds.of("run").map(|hold| hold.fence.number), Some(2));
        assert_eq!(holds.all().len(), 1);
    }
}
