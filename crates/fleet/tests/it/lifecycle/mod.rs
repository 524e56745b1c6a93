//! Batch actions on the simulated region, client and region in one process and in virtual time.

mod actions;
mod addresses;
mod capacity;
mod cleanup;
mod faults;
mod numbers;
mod original;
mod proof;
mod world;
