//! Launches a plan: each slot tries its placements until it has an instance, one poller waits until the instances run, and a
//! run that stays too small is rolled back.

mod adopt;
mod attempt;
mod begin;
mod bound;
mod budgets;
mod capacity_cache;
mod claims;
mod context;
mod culprit;
mod cut;
mod dispatcher;
pub(crate) mod end;
mod finish;
mod goal;
mod hunt;
mod limit_recheck;
mod lost_pool;
pub mod memory;
mod obtained;
mod options;
mod over;
mod parts;
mod pool;
mod ratchet;
mod reserve;
mod rollback;
pub(crate) mod run;
mod slot;
mod summary;
mod target;
mod termination;
mod waits;
mod watch_table;
mod watcher;
mod why;

pub use hunt::{Begin, Hunting, SpendingSummary, carry_on};
pub use options::{LONGEST_LAG, LaunchOptions};
pub use parts::{EngineSummary, PartStanding, PartSummary};
pub use ratchet::RatchetSummary;
pub use summary::{InstanceSummary, ObtainedKind, ReservationSummary, Returned, RunSummary, WantSummary};
pub use why::{GivenUp, TargetSummary};
