//! How instances and what is done to them are shown.

pub mod action;
pub mod cleanup;
pub mod columns;
pub mod list;
pub mod reporter;
pub mod status;
pub mod stream;
