//! The state in which nothing is admitted: one request at a time probes whether it is over, with increasing pauses.

use super::jitter::Jitter;
use std::time::Duration;

/// The state of being refused.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refused {
    /// When the first request of this period was refused.
    pub(super) since: Duration,
    /// The pause before the last probe, before jitter, so that a stored pause does not grow each time.
    pub(super) last_wait: Duration,
    /// The next pause, before jitter.
    wait: Duration,
    /// The factor between one pause and the next.
    factor: f64,
    /// Probes refused at the longest pause.
    at_longest: u32,
    /// When the next probe may be sent.
    pub(super) next: Duration,
    /// Whether the probe is in flight.
    pub(super) probing: bool,
}

/// The number of probes at the longest pause before it is doubled: a service that restarts its penalty with each request needs
/// a pause longer than the penalty, however long that is.
const PATIENT_PROBES: u32 = 3;

/// The maximum pause, whatever the service does.
const LONGEST: Duration = Duration::from_mins(10);

impl Refused {
    /// Starts with the pause that ended the last penalty, if there was one.
    pub(super) fn new(since: Duration, first_wait: Duration, known: Option<Duration>) -> Self {
        let wait = known.unwrap_or(first_wait).min(LONGEST);
        let factor = if known.is_some() { 1.5 } else { 2.0 };
        Self { since, last_wait: wait, wait, factor, at_longest: 0, next: Duration::ZERO, probing: false }
    }

    /// Pauses before the next probe, for up to a fifth longer than planned and never shorter: a pause must outlast a penalty,
    /// and two senders must not probe in step.
    pub(super) fn and_wait(mut self, now: Duration, longest: Duration, jitter: &mut Jitter) -> Self {
        self.probing = false;
        let longest = (longest * 2_u32.pow((self.at_longest / PATIENT_PROBES).min(8))).min(LONGEST);
        if self.wait >= longest {
            self.at_longest += 1;
        }
        self.last_wait = self.wait;
        self.next = self.next.max(now + self.wait.mul_f64(1.0 + 0.2 * jitter.unit()));
        self.wait = self.wait.mul_f64(self.factor).min(longest);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remembered_pause_does_not_grow() {
        let (pause, longest) = (Duration::from_secs(20), Duration::from_mins(1));
        let mut jitter = Jitter::new(7);
        let mut known = Some(pause);
        for _ in 0..50 {
            let refused = Refused::new(Duration::ZERO, Duration::from_secs(1), known).and_wait(
                Duration::ZERO,
                longest,
                &mut jitter,
            );
            assert!(refused.next >= pause && refused.next <= pause.mul_f64(1.2), "{refused:?}");
            known = Some(refused.last_wait);
        }
    }
}
