//! How fast requests may leave: finds the limit of a service that publishes none, stays at it, and is not greedy.
//!
//! Pure: time is passed in as a [`Duration`](std::time::Duration) since any fixed moment, chance as a seed. Must not know
//! of clocks, tasks, HTTP or of what a request is for. `docs/pacing.md` explains the model and compares it with others.
//!
//! ```text
//! Ramp ──429──> Search ──429 after enough answers──> Cruise ──429──> Cruise, around the rate just measured
//!   any of them ──nothing but 429──> Refused (one probe at a time, waits doubling to a minute) ──answer──> back
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
