//! Decides when the next request of a kind may leave.
/// Launches a second at the start.
pub const DEFAULT_RATE: f64 = 5.0;
