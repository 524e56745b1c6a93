//! The region as its callers meet it: over a socket, and inside one process.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "server/support.rs"]
mod support;

#[path = "server/faults.rs"]
mod faults;
#[path = "server/homes.rs"]
mod homes;
#[path = "server/in_process.rs"]
mod in_process;
#[path = "server/pages.rs"]
mod pages;
#[path = "server/real_clients.rs"]
mod real_clients;
#[path = "server/scenarios.rs"]
mod scenarios;
#[path = "server/signatures.rs"]
mod signatures;
#[path = "server/wire.rs"]
mod wire;
