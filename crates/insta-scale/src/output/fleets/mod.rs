//! The output of commands about fleets.

pub mod maintain;
pub mod replace;
pub mod scale;
pub mod status;
