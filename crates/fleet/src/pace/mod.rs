//! How fast requests may be sent: finds the limit of a service that publishes none, stays at it, and shares it fairly.
//!
//! Pure: time is passed in as a [`Duration`](std::time::Duration) since any fixed moment, randomness as a seed. It must not
//! know about clocks, tasks, HTTP or the purpose of a request. `docs/pacing.md` explains the model and compares it with others.
//!
//! ```text
//! Ramp ──429──> Search ──429 after enough responses──> Cruise ──429──> Cruise, around the rate just measured
//!   any of them ──nothing but 429──> Refused (one probe at a time, waits doubling to a minute) ──response──> back
//! ```

mod controller;
mod cruise;
mod jitter;
mod meter;
mod refused;
mod settings;
mod ticket;
mod wait_queue;

#[cfg(test)]
mod controller_tests;

pub use controller::{Controller, LEAST_RATE, LONGEST_HOLD, Snapshot};
pub use settings::Settings;
pub use ticket::{Next, Phase, RateChange, Reason, Ticket};
pub use wait_queue::{QueuePosition, WaitQueue};
