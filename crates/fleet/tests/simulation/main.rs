//! Whole runs from a seed: the real client and a simulated region in one process and in virtual time, with faults drawn from
//! the seed, killed at the points where the ledger or the network is accessed, resumed until they are done, and judged by the
//! region's own records.
//!
//! `make simulate SEEDS=100000` plays many seeds from a random base, which it prints; `FIRST=42` sets the base, and `make
//! simulate SEED=42` plays one seed again and prints what happened.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "tests, and what a seed came to is told")]

mod books;
mod fuse;
mod history;
mod keeping;
mod kept;
mod many;
mod promises;
mod region;
mod regional;
mod replacing;
mod scaling;
mod scaling_promises;
mod setup;
mod sums;
#[cfg(target_os = "linux")]
mod teams;
mod upkeep;
mod upkeep_promises;
mod wanted;
mod wanting;
mod wire;
