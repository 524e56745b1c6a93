//! Fleets with `engine: instance-pool`.

mod crash;
mod denied;
mod keeping;
mod launching;
mod lost;
mod network;
mod short;
mod world;
