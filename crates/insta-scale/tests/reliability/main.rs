//! What is promised of runs that break off: the real program in one process, the simulated region in another.
//!
//! For Linux: signals, small disks and modes of files are set up with its tools.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod books;
mod disk;
mod lost;
mod moments;
#[path = "../it/program.rs"]
mod program;
mod security;
mod signals;
