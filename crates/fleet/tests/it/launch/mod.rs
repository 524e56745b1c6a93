//! Whole launches against a simulated region, in one process and in virtual time, with reproducible results.

mod alternatives;
mod asleep;
pub mod crash;
mod doubt;
mod fleet_of_regions;
mod fleets;
mod memory;
mod placements;
mod plan;
mod refused;
mod regions;
mod run;
mod spread;
mod want;
mod why;
pub mod world;
