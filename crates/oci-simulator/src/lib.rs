//! A simulated OCI region that official clients cannot tell from the real API.
//!
//! `world` is a pure, seeded state machine in virtual time; `server` puts HTTP on top of it; `scenario` says what kind
//! of region it is. This crate shares only wire types with the client, so that one mistake cannot hide on both sides.

#![warn(missing_docs)]

pub mod scenario;
pub mod server;
pub mod world;
