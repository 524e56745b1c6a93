//! What commands about fleets show.

pub mod scale;
pub mod status;
