//! The decisions: from a fleet to a plan to a run.
//!
//! It communicates with the cloud through `oci-client` and with the ledger through `ledger`. It must not know about files,
//! arguments, terminals or the simulated region.
//!
//! Rooms, each of which may use those before it (`cargo xtask rooms` counts): `tuning`, `pace`, `plan`, `price`, `engine`,
//! `reservation`, `query`, `pool`, `action`, `network`, `cleanup`, `launch`, `costs`, `history`, `fleets`, `report`.
#![warn(missing_docs)]

pub mod action;
pub mod cleanup;
pub mod costs;
pub mod engine;
pub mod fleets;
pub mod history;
pub mod launch;
pub mod network;
pub mod pace;
pub mod plan;
pub mod pool;
pub mod price;
pub mod query;
pub mod report;
pub mod reservation;
mod tuning;

pub use engine::env::{Environment, RunError, Sink, no_sink};
pub use launch::end::{EndOfRun, end_for_good};
pub use launch::run::{launch, rebuild_from_cloud, resume};
pub use launch::{
    GivenUp, InstanceSummary, LaunchOptions, ObtainedKind, Returned, RunSummary, TargetSummary,
};
pub use plan::{
    Engine, Finding, FleetSpec, Origin, Plan, PlanError, Strategy, TakenNames, highest_of_run, plan,
    retry_token, taken,
};
pub use plan::{named, naming, policy};
pub use query::{addresses, limit_requests, preflight, select};
