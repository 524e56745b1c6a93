//! What commands about fleets show.

pub mod maintain;
pub mod scale;
pub mod status;
