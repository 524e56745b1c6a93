//! Other ways of pacing on the same model. Each follows its public description as briefly as its idea allows, and none is tuned
//! to lose.

mod aimd;
mod aws;
mod bbr;
mod fixed;

pub use aimd::Aimd;
pub use aws::AwsAdaptive;
pub use bbr::Bbr;
pub use fixed::{Fixed, Threads};

use super::{Next, Ours, Pacing};
use std::time::Duration;

/// The ways of pacing that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// The pacing of this project.
    Ours,
    /// Additive increase, multiplicative decrease.
    Aimd,
    /// The adaptive retry mode of the AWS SDKs.
    AwsAdaptive,
    /// The way in which BBR finds the bandwidth of a path.
    Bbr,
    /// One request per second, whatever the responses: the original design.
    EverySecond,
    /// 16 threads that retry with exponential backoff: the OCI SDKs' default strategy.
    Threads,
}

impl Way {
    /// All ways, starting with that of this project.
    pub const ALL: [Self; 6] =
        [Self::Ours, Self::Aimd, Self::AwsAdaptive, Self::Bbr, Self::EverySecond, Self::Threads];

    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Aimd => "AIMD",
            Self::AwsAdaptive => "AWS adaptive",
            Self::Bbr => "BBR-like",
            Self::EverySecond => "1 a second",
            Self::Threads => "16 threads, backoff",
        }
    }

    /// A new instance of this way.
    pub fn pacing(self, seed: u64) -> Box<dyn Pacing> {
        match self {
            Self::Ours => Box::new(Ours::new(fleet::pace::Settings::launch(), seed)),
            Self::Aimd => Box::new(Aimd::new()),
            Self::AwsAdaptive => Box::new(AwsAdaptive::new(seed)),
            Self::Bbr => Box::new(Bbr::new()),
            Self::EverySecond => Box::new(Fixed::new(1.0)),
            Self::Threads => Box::new(Threads::new(16, seed)),
        }
    }
}

/// Spaces requests evenly at a rate and numbers them.
#[derive(Clone, Debug, Default)]
pub(super) struct Spacing {
    due: Duration,
    sent: u64,
}

impl Spacing {
    pub(super) fn next(&mut self, now: Duration, rate: f64) -> Next {
        if now < self.due {
            return Next::At(self.due);
        }
        self.due = self.due.max(now) + Duration::from_secs_f64(1.0 / rate.max(1e-3));
        self.sent += 1;
        Next::Now(self.sent)
    }
}

/// Repeatable random numbers: a linear congruential generator is good enough to spread retries.
#[derive(Clone, Debug)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x2545_F491_4F6C_DD1D).wrapping_add(1))
    }

    /// A number in `0.0..1.0`.
    pub(super) fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}
