//! The promises about interrupted runs: the real program in one process, the simulated region in another.
//!
//! For Linux only, whose tools set up signals, small disks and file modes.

pub mod books;
pub mod disk;
mod lost;
mod moments;
mod security;
mod signals;
mod ways;
