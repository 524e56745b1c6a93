//! Decides: from a fleet to a plan to a run.
//!
//! Talks to the cloud through `oci-client` and to the past through `ledger`. Must not know of files, arguments,
//! terminals or of the simulated region.
#![warn(missing_docs)]

pub mod spec;

pub use spec::FleetSpec;
