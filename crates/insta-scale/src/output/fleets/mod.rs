//! What commands about fleets show.

pub mod maintain;
pub mod replace;
pub mod scale;
pub mod status;
