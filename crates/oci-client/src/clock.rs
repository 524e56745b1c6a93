//! The wall clock, passed in so that a simulated region can have a time of its own.
//!
//! Only for what is written down or signed. Waiting and measuring use tokio's time.

use jiff::Timestamp;

/// Something that knows what time it is.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// The time now.
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
