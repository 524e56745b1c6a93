//! Scenarios: what kind of region is simulated.
