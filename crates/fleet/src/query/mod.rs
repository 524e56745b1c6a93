//! Questions that change nothing: which instances there are, where they can be reached, and what a launch would run into.

pub mod addresses;
pub mod preflight;
pub mod select;
