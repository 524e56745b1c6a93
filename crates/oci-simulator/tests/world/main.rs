//! Promises of the simulated world, each kept through the same requests that a server would hand it.

mod instances;
mod region;
