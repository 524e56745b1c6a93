//! Tests of the commands from outside.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bad_config;
mod good_config;
