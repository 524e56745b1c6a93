//! Random numbers that depend only on a seed: the same seed produces the same draws on every platform, and the state can be
//! saved.

use serde::{Deserialize, Serialize};

/// SplitMix64 (Steele, Lea, Flood: "Fast Splittable Pseudorandom Number Generators", 2014).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chance {
    state: u64,
}

impl Chance {
    /// A stream of draws for one purpose, independent of the streams for other purposes.
    pub fn new(seed: u64, purpose: &str) -> Self {
        Self { state: mix(seed ^ hash_bytes(purpose.as_bytes())) }
    }

    /// The stream of one numbered object, independent of how many other objects were created before it.
    pub fn of(seed: u64, purpose: &str, number: u32) -> Self {
        Self { state: mix(seed ^ hash_bytes(purpose.as_bytes()) ^ mix(u64::from(number) + 1)) }
    }

    /// The next 64 bits.
    #[expect(clippy::should_implement_trait, reason = "a stream without end needs no iterator")]
    pub fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.state)
    }

    /// A number in `0..1`.
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Whether an event of this probability happens. An impossible event draws nothing, so that a disabled behaviour leaves the
    /// stream unchanged.
    pub fn happens(&mut self, probability: f64) -> bool {
        probability > 0.0 && self.unit() < probability
    }

    /// A number in `0..bound`; 0 when the bound is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.next() % bound }
    }

    /// A number in `min..=max`, or `min` when the range is empty.
    pub fn between(&mut self, min: f64, max: f64) -> f64 {
        if max > min { min + self.unit() * (max - min) } else { min }
    }
}

/// Spreads 64 bits (the finaliser of SplitMix64).
pub fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A 64-bit hash that never changes between builds or platforms (FNV-1a, then mixed). Not for secrets.
pub fn hash_bytes(bytes: &[u8]) -> u64 {
    let mut hash = 0xCBF2_9CE4_8422_2325_u64;
    for byte in bytes {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
    }
    mix(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_draws_and_another_seed_others() {
        let draws = |seed| {
            let mut chance = Chance::new(seed, "test");
            [chance.next(), chance.next(), chance.next()]
        };
        assert_eq!(draws(7), draws(7));
        assert_ne!(draws(7), draws(8));
        assert_ne!(Chance::new(7, "a").next(), Chance::new(7, "b").next());
    }

    #[test]
    fn an_impossible_event_draws_nothing() {
        let mut chance = Chance::new(1, "test");
        let before = chance.clone();
        assert!(!chance.happens(0.0));
        assert_eq!(chance, before);
        assert!(chance.happens(1.0));
    }
}
