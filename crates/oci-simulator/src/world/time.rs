//! Simulated time in whole milliseconds, as the service shows it.

use super::chance::Chance;
use super::settings::Seconds;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::num::NonZeroU64;

/// The latest possible time of a world, well within the range of a timestamp: the year 5138.
const END_OF_TIME: i64 = 100_000_000_000;

/// The latest possible time of a world.
pub(super) fn end_of_time() -> Timestamp {
    Timestamp::from_second(END_OF_TIME).unwrap_or(Timestamp::MAX)
}

/// A time of the world in a third of the memory of an optional timestamp, for rows of which there may be millions: milliseconds
/// since 1970 with the sign flipped, so that they keep their order and 0 is free for an absent one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "Timestamp", into = "Timestamp")]
pub(super) struct Moment(NonZeroU64);

const SIGN: u64 = 1 << 63;

impl From<Timestamp> for Moment {
    fn from(time: Timestamp) -> Self {
        // No timestamp is the least number of milliseconds.
        Self(NonZeroU64::new(time.as_millisecond().cast_unsigned() ^ SIGN).unwrap_or(NonZeroU64::MIN))
    }
}

impl From<Moment> for Timestamp {
    fn from(moment: Moment) -> Self {
        Self::from_millisecond((moment.0.get() ^ SIGN).cast_signed()).unwrap_or_default()
    }
}

impl Moment {
    /// The same time as a timestamp.
    pub fn time(self) -> Timestamp {
        self.into()
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_keep_their_time_and_their_order() {
        let times = ["1969-12-31T23:59:59.999Z", "1970-01-01T00:00:00Z", "2026-11-22T12:00:00.25Z"];
        let times = times.map(|time| time.parse::<Timestamp>().unwrap());
        let moments = times.map(Moment::from);
        assert_eq!(moments.map(Moment::time), times);
        assert!(moments.is_sorted());
        assert_eq!(serde_json::to_string(&moments[2]).unwrap(), serde_json::to_string(&times[2]).unwrap());
        assert_eq!(Moment::from(end_of_time()).time(), end_of_time());
        assert_eq!(size_of::<Option<Moment>>(), 8);
    }
}
