//! Capacity reservations and what is asked before a launch, against a simulated region in one process and in virtual
//! time. What counts is what the region's own books say.

mod beforehand;
mod cleanup;
mod preflight;
mod reservations;
mod reserve;
mod world;
