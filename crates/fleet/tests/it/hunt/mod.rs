//! Hunts for capacity that is unavailable for days, in one process and in virtual time.

#![expect(clippy::print_stdout, reason = "`--no-capture` shows the figures")]

mod faults;
mod found;
mod limits;
mod money;
mod ratchet;
mod reports;
mod weeks;
pub mod world;
