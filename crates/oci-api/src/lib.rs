//! The OCI REST API as data: wire models, the table of operations, the table of regions, OCIDs and error bodies.
//!
//! `cargo xtask codegen` generates it from `api/*.json` (facts from the OCI Python SDK and Oracle's OpenAPI documents). The
//! client and the simulated region both use this crate, so it does no I/O and decides nothing: it must not know how a request
//! is signed, sent, retried or answered.

#![warn(missing_docs)]

pub mod error;
pub mod ocid;
pub mod operation;
pub mod region;
pub mod schema;
pub mod wire;

mod generated {
    pub mod models;
    pub mod operations;
    pub mod regions;
    pub mod schema;
}

/// Wire models, one struct per model of the API, named as Oracle names them.
pub mod models {
    pub use crate::generated::models::*;
}

pub use error::ErrorBody;
pub use generated::operations::Operation;
pub use ocid::{Ocid, OcidError};
pub use operation::{Answer, Method, OperationInfo, Parameter, Service};
pub use region::Region;

/// Reads a required value that the service may nevertheless return as null.
fn null_as_default<'de, D, T>(reader: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + serde::Deserialize<'de>,
{
    <Option<T> as serde::Deserialize>::deserialize(reader).map(Option::unwrap_or_default)
}

/// The header with which every response of a simulated region describes it: `roomy; speed=30`. No real service sends it.
pub const SIMULATED_REGION: &str = "x-simulated-region";

/// The header with which every response of a simulated region states its time (RFC 3339), which may run faster than the caller's.
pub const SIMULATED_TIME: &str = "x-simulated-time";
