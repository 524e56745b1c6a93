//! The output about instances and actions on them.

pub mod action;
pub mod cleanup;
pub mod columns;
pub mod list;
pub mod reporter;
pub mod status;
pub mod stream;
