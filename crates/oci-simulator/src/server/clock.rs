//! The two clocks of a region: simulated time, in which instances boot, and the caller's time, in which requests are dated,
//! throttled and delayed.
//!
//! Both follow `tokio::time`, so a paused tokio clock pauses the whole region. Only a real server reads its wall clock from the
//! system.

use jiff::{SignedDuration, Timestamp};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// The source of a region's time.
pub trait SimClock: Send + Sync {
    /// The time in the simulated world.
    fn now(&self) -> Timestamp;
    /// The caller's time, against which the date of a request is checked.
    fn wall(&self) -> Timestamp;
    /// How long the region has been running, in the caller's time.
    fn elapsed(&self) -> Duration;
    /// Moves simulated time forward.
    fn advance(&self, by: Duration);
    /// Sets simulated time, also back.
    fn set(&self, now: Timestamp);
}

/// Simulated time that runs `speed` times as fast as tokio's.
#[derive(Debug)]
pub struct ScaledClock {
    origin: Instant,
    start: Timestamp,
    speed: f64,
    /// By how much time was moved, forward or back.
    advanced: Mutex<SignedDuration>,
    wall: Wall,
}

#[derive(Clone, Copy, Debug)]
enum Wall {
    /// The system's clock.
    System,
    /// Starts at this time and then follows tokio's time.
    From(Timestamp),
}

impl ScaledClock {
    /// For a server: simulated time starts at `start`, and dates are checked against the system's clock.
    pub fn real(start: Timestamp, speed: f64) -> Self {
        Self { origin: Instant::now(), start, speed, advanced: Mutex::default(), wall: Wall::System }
    }

    /// For in-process simulation: both clocks start at `start` and follow tokio's time, paused or not.
    pub fn in_process(start: Timestamp) -> Self {
        let wall = Wall::From(start);
        Self { origin: Instant::now(), start, speed: 1.0, advanced: Mutex::default(), wall }
    }
}

impl ScaledClock {
    fn advanced(&self) -> MutexGuard<'_, SignedDuration> {
        self.advanced.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How far simulated time has run by itself.
    fn scaled(&self) -> SignedDuration {
        let scaled = Duration::try_from_secs_f64(self.elapsed().as_secs_f64() * self.speed);
        scaled.ok().and_then(|scaled| scaled.try_into().ok()).unwrap_or(SignedDuration::MAX)
    }
}

impl SimClock for ScaledClock {
    fn now(&self) -> Timestamp {
        let advanced = *self.advanced();
        let moved = self.scaled().saturating_add(advanced);
        self.start.checked_add(moved).unwrap_or(Timestamp::MAX)
    }

    fn wall(&self) -> Timestamp {
        match self.wall {
            Wall::System => system_time(),
            Wall::From(start) => later(start, self.elapsed()),
        }
    }

    fn elapsed(&self) -> Duration {
        self.origin.elapsed()
    }

    fn advance(&self, by: Duration) {
        let mut advanced = self.advanced();
        *advanced = advanced.saturating_add(SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX));
    }

    fn set(&self, now: Timestamp) {
        *self.advanced() = now.duration_since(self.start).saturating_sub(self.scaled());
    }
}

fn later(time: Timestamp, by: Duration) -> Timestamp {
    SignedDuration::try_from(by).ok().and_then(|by| time.checked_add(by).ok()).unwrap_or(Timestamp::MAX)
}

/// Reads the system's clock; nothing else in this crate does.
#[expect(clippy::disallowed_methods, reason = "a real server compares dates with the real time")]
pub(crate) fn system_time() -> Timestamp {
    Timestamp::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: &str = "2026-11-22T12:00:00Z";

    #[tokio::test(start_paused = true)]
    async fn simulated_time_runs_faster_and_can_be_advanced() {
        let start: Timestamp = START.parse().unwrap();
        let clock = ScaledClock::real(start, 30.0);
        tokio::time::advance(Duration::from_secs(2)).await;
        clock.advance(Duration::from_hours(1));
        assert_eq!(clock.now().duration_since(start).as_secs(), 3660);
        assert_eq!(clock.elapsed(), Duration::from_secs(2));
        let clock = ScaledClock::real(start, 1.0);
        tokio::time::advance(Duration::from_hours(2)).await;
        assert_eq!(clock.now().duration_since(start), SignedDuration::from_hours(2));
    }

    #[tokio::test(start_paused = true)]
    async fn in_process_both_clocks_follow_the_paused_one() {
        let start: Timestamp = START.parse().unwrap();
        let clock = ScaledClock::in_process(start);
        tokio::time::advance(Duration::from_secs(90)).await;
        assert_eq!(clock.now().to_string(), "2026-11-22T12:01:30Z");
        assert_eq!(clock.wall().to_string(), "2026-11-22T12:01:30Z");
    }

    #[tokio::test(start_paused = true)]
    async fn time_that_was_set_back_goes_on_from_there() {
        let start: Timestamp = START.parse().unwrap();
        let clock = ScaledClock::real(start, 30.0);
        clock.advance(Duration::from_hours(5));
        tokio::time::advance(Duration::from_secs(7)).await;
        clock.set(start + SignedDuration::from_mins(1));
        assert_eq!(clock.now().duration_since(start).as_secs(), 60);
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(clock.now().duration_since(start).as_secs(), 120);
    }

    #[test]
    fn absurd_advances_stop_at_the_end_of_time() {
        let clock = ScaledClock::real(START.parse().unwrap(), 1.0e6);
        clock.advance(Duration::MAX);
        assert_eq!(clock.now(), Timestamp::MAX);
    }
}
