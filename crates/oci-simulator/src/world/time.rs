//! Simulated time in whole milliseconds, as the service shows it.

use super::chance::Chance;
use super::settings::Seconds;
use jiff::{SignedDuration, Timestamp};

/// The latest possible time of a world, well within the range of a timestamp: the year 5138.
const END_OF_TIME: i64 = 100_000_000_000;

/// The latest possible time of a world.
pub(super) fn end_of_time() -> Timestamp {
    Timestamp::from_second(END_OF_TIME).unwrap_or(Timestamp::MAX)
}

/// A duration of this many seconds, in whole milliseconds; zero if negative.
pub(super) fn seconds(seconds: f64) -> SignedDuration {
    // `as` saturates, and a NaN becomes 0.
    SignedDuration::from_millis((seconds.max(0.0) * 1000.0).min(1e14) as i64)
}

/// Truncates a time to whole milliseconds.
pub(super) fn whole(time: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(time.as_millisecond()).unwrap_or(time)
}

impl Seconds {
    /// Draws a duration from the range.
    pub(super) fn draw(self, chance: &mut Chance) -> SignedDuration {
        seconds(chance.between(self.min, self.max))
    }
}

/// Truncates a duration to whole milliseconds.
pub(super) fn trim(duration: SignedDuration) -> SignedDuration {
    SignedDuration::from_millis(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 1_000_000))
}

/// A time in the format that the service uses in names: `20261122090000`.
pub(super) fn stamp(time: Timestamp) -> String {
    time.strftime("%Y%m%d%H%M%S").to_string()
}
