//! The region as its callers meet it: over a socket, and inside one process.

mod support;

mod faults;
mod homes;
mod in_process;
mod pages;
mod real_clients;
mod scenarios;
mod signatures;
mod wire;
