//! Tests of fleets against a simulated region, client and region in one process and in virtual time.
//!
//! `simulation` is a separate binary, because it is built with optimisation.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

/// Runs in virtual time allocate constantly and never wait, which suits this allocator. The shipped program uses the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod capacity;
mod hunt;
mod launch;
mod lifecycle;
mod network;
mod pools;
mod sign_in;
