//! The laboratory: measures the project and draws what it found.
//!
//! `pacing` is a model of a service that throttles, in virtual time, on which pacing controllers are judged and compared;
//! `svg` draws. Nothing depends on this crate; it may use any other.
#![warn(missing_docs)]

pub mod pacing;
pub mod svg;
pub mod whole;
