//! Fleets with `engine: instance-pool`.

mod crash;
mod keeping;
mod launching;
mod network;
mod short;
mod world;
