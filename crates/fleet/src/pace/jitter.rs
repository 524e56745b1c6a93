//! Reproducible randomness: two processes must not send in step, but a test must be able to repeat a run.

/// SplitMix64 (Steele, Lea, Flood 2014): eight lines, one word of state, the same numbers on every platform.
#[derive(Clone, Debug)]
pub(super) struct Jitter(u64);

impl Jitter {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number in `0.0..1.0`.
    pub(super) fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^= word >> 31;
        // A double represents 53 bits exactly.
        (word >> 11) as f64 / (1_u64 << 53) as f64
    }
}
