//! Typed calls, one file per service: thin, so that a command reads like what it does.
//!
//! What gets one thing answers [`crate::Answered`]; what lists answers all rows of all pages. Anything else an operation can do is
//! reached through [`crate::Call`].

pub mod compute;
pub mod identity;
pub mod limits;
pub mod network;
pub mod reservations;
pub mod storage;
pub mod work_requests;
