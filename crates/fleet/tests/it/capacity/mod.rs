//! Capacity reservations and preflight checks against a simulated region, in one process and in virtual time. The region's own
//! records decide.

mod beforehand;
mod cleanup;
mod preflight;
mod reservations;
mod reserve;
mod world;
