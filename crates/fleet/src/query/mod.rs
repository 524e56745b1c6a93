//! Read-only queries: which instances exist, what their addresses are, and what would prevent a launch.

pub mod addresses;
pub mod limit_requests;
pub mod preflight;
pub mod select;
