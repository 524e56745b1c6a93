//! Whole launches against a simulated region: in one process, in virtual time, the same every time.

mod alternatives;
mod crash;
mod doubt;
mod fleets;
mod memory;
mod placements;
mod plan;
mod refused;
mod run;
mod spread;
mod why;
pub mod world;
