//! The region as its callers see it: over a socket, and in the same process.

mod support;
mod tenancy;
mod tls;

mod faults;
mod homes;
mod in_process;
mod lost_answers;
mod pages;
mod permissions;
mod real_clients;
mod regions;
mod replays;
mod scenarios;
mod signatures;
mod snapshots;
mod wire;
