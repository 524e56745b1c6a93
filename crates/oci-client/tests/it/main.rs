//! Tests of the client's public interface, in one program.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod bodies;
mod calls;
mod classes;
mod credentials;
mod endpoints;
mod fake;
mod further;
mod nasty;
mod pages;
mod profiles;
mod retries;
mod signatures;
mod tls;
