//! What is promised of runs that break off: the real program in one process, the simulated region in another.
//!
//! For Linux: signals, small disks and modes of files are set up with its tools.

mod books;
mod disk;
mod lost;
mod moments;
mod security;
mod signals;
