//! Promises of the simulated world, each kept through the same requests that a server would hand it.

#![expect(clippy::unwrap_used, reason = "what a test cannot go on without may panic")]

mod capacity;
mod history;
mod instances;
mod launch_errors;
mod lists;
mod operations;
mod pools;
mod preemption;
mod random_operations;
mod region;
mod registered;
mod reservations;
mod resize;
mod saved;
mod volumes;
