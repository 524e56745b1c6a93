//! Typed calls, one file per service.
//!
//! Calls for one resource return [`crate::Answered`]; lists return all rows of all pages. All of them fail as
//! [`crate::Client::call`] does. Use [`crate::Call`] for parameters that they leave out.

pub mod compute;
pub mod identity;
pub mod limits;
pub mod limits_increase;
pub mod network;
pub mod network_parts;
pub mod pools;
pub mod reservations;
pub mod storage;
pub mod work_requests;
