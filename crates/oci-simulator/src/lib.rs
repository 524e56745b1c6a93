//! A simulated OCI region that official clients cannot distinguish from the real API.
//!
//! `world` is a pure, seeded state machine in virtual time; `iam` decides who may do what in it; `server` puts HTTP on top of it; `scenario` describes the region.
//! This crate shares only wire types with the client, so that a mistake on one side is not repeated on the other.

#![warn(missing_docs)]

pub mod exposition;
pub mod iam;
pub mod scenario;
pub mod server;
mod similar;
pub mod world;
