//! Promises of the simulated world, each kept through the same requests that a server would hand it.

#![expect(clippy::unwrap_used, reason = "what a test cannot go on without may panic")]

mod capacity;
mod deeds;
mod history;
mod instances;
mod launch_errors;
mod lists;
mod operations;
mod pools;
mod preemption;
mod region;
mod registered;
mod reservations;
mod resize;
mod volumes;
