//! The wall clock, passed in so that a simulated region can have a time of its own.
//!
//! It is only for times that are recorded or signed. Waiting and measuring use tokio's time.

use jiff::Timestamp;

/// A source of the present time.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// The present time.
    fn now(&self) -> Timestamp;
}

/// The clock of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that may read the machine's clock")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}
