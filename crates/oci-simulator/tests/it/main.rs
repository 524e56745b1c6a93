//! Tests of the simulated region: the world alone, and the server on top of it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod fidelity;
mod server;
mod world;
