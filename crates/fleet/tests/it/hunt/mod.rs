//! Hunts for capacity that is not there for days: in one process and in virtual time, as everywhere.

#![expect(clippy::print_stdout, reason = "`--no-capture` shows the figures")]

mod faults;
mod found;
mod ratchet;
mod weeks;
mod world;
