//! Decides: from a fleet to a plan to a run.
//!
//! Talks to the cloud through `oci-client` and to the past through `ledger`. Must not know of files, arguments,
//! terminals or of the simulated region.
#![warn(missing_docs)]

pub mod addresses;
mod alarm;
mod attempt;
mod claims;
pub mod cleanup;
mod cloud;
pub mod costs;
mod culprit;
mod death;
mod ending;
pub mod export;
mod giveback;
mod journal;
mod launcher;
pub mod lifecycle;
mod lookup;
pub mod naming;
pub mod outcome;
pub mod pace;
pub mod pacer;
mod places;
pub mod plan;
pub mod policy;
pub mod preflight;
pub mod price;
pub mod reservations;
pub mod run;
pub mod select;
mod slot;
pub mod spec;
pub mod summary;
mod waits;
mod watcher;

pub use plan::{Finding, Origin, Plan, PlanError, TakenNames, highest_of_run, plan, retry_token, taken};
pub use run::{Environment, LaunchOptions, RunError, Sink, launch, no_sink, rebuild_from_cloud, resume};
pub use spec::FleetSpec;
pub use summary::{InstanceSummary, Returned, RunSummary};
