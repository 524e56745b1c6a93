//! Decides: from a fleet to a plan to a run.
//!
//! Talks to the cloud through `oci-client` and to the past through `ledger`. Must not know of files, arguments,
//! terminals or of the simulated region.
#![warn(missing_docs)]

pub mod addresses;
mod cloud;
pub mod export;
pub mod pacer;
pub mod plan;
pub mod price;
pub mod run;
pub mod select;
pub mod spec;
pub mod summary;

pub use plan::{Finding, Plan, PlanError, plan, retry_token};
pub use run::{Environment, LaunchOptions, RunError, Sink, launch, no_sink, rebuild_from_cloud, resume};
pub use spec::FleetSpec;
pub use summary::{InstanceSummary, RunSummary};
