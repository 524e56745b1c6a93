//! The only formula for the wait before the next try.

use std::time::Duration;

/// Pauses that grow by a fixed factor from the first to the longest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    growth_percent: u32,
}

impl Backoff {
    /// Each pause is twice the previous one.
    pub const fn doubling(first: Duration, longest: Duration) -> Self {
        Self::growing(first, longest, 200)
    }

    /// Each pause as a percentage of the previous one.
    pub const fn growing(first: Duration, longest: Duration, growth_percent: u32) -> Self {
        Self { first, longest, growth_percent }
    }

    /// The pause after failure (or poll) number `nth`, from 1.
    pub fn pause(&self, nth: u32) -> Duration {
        let mut pause = self.first;
        for _ in 1..nth {
            if pause >= self.longest || pause.is_zero() {
                break;
            }
            pause = pause.saturating_mul(self.growth_percent) / 100;
        }
        pause.min(self.longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pauses(backoff: Backoff) -> Vec<u128> {
        [0, 1, 2, 3, 4, u32::MAX].map(|nth| backoff.pause(nth).as_millis()).to_vec()
    }

    #[test]
    fn pauses_grow_from_the_first_to_the_longest() {
        let second = Duration::from_secs(1);
        assert_eq!(pauses(Backoff::doubling(second, 5 * second)), [1000, 1000, 2000, 4000, 5000, 5000]);
        assert_eq!(pauses(Backoff::growing(second, 3 * second, 150)), [1000, 1000, 1500, 2250, 3000, 3000]);
        assert_eq!(pauses(Backoff::doubling(Duration::ZERO, second)), [0; 6]);
    }
}
