//! When nothing is let through: one request at a time asks whether that is over, ever more seldom.

use super::jitter::Jitter;
use std::time::Duration;

/// The state of being refused.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refused {
    /// When the first request of this time was refused.
    pub(super) since: Duration,
    /// Probes refused so far.
    probes: u32,
    /// The first wait, in seconds.
    first_wait: f64,
    /// The next probe may leave.
    pub(super) next: Duration,
    /// The probe under way.
    pub(super) probing: bool,
}

/// Probes at the longest wait before it is doubled: a service that starts its penalty anew with each request needs a
/// pause longer than the penalty, however long that is.
const PATIENT_PROBES: u32 = 5;

/// No wait is longer, whatever the service does.
const LONGEST: Duration = Duration::from_mins(10);

impl Refused {
    pub(super) fn new(since: Duration, now: Duration, first_wait: f64, jitter: &mut Jitter) -> Self {
        let mut state = Self { since, probes: 0, first_wait, next: now, probing: false };
        state.next = now + state.wait(Duration::MAX, jitter);
        state
    }

    /// The probe was refused too.
    pub(super) fn again(&mut self, now: Duration, longest: Duration, jitter: &mut Jitter) {
        self.probes += 1;
        self.probing = false;
        self.next = self.next.max(now + self.wait(longest, jitter));
    }

    /// Longer by up to a fifth, never shorter: a pause must outlast a penalty, and two senders must not ask in step.
    fn wait(&self, longest: Duration, jitter: &mut Jitter) -> Duration {
        let longest = longest.min(LONGEST).as_secs_f64();
        let doubled = self.first_wait * 2_f64.powi(self.probes.min(30) as i32);
        let at_longest = (doubled / longest).log2().max(0.0) as u32;
        let longest = longest * 2_f64.powi((at_longest / PATIENT_PROBES).min(10) as i32);
        Duration::from_secs_f64(doubled.min(longest).min(LONGEST.as_secs_f64()) * (1.0 + 0.2 * jitter.unit()))
    }
}
