//! What targets have answered to launches, for all runs of a machine: which refused and when, until when they are better left
//! alone, and when they used to yield.
//!
//! Everything here follows from events of runs; `fleet` turns those into [`Observation`]s. Memory is advice: losing it costs
//! refused calls, never an instance, so it is written without a sync and a damaged file is replaced by a new one.

mod floor;
mod remembered;
mod sqlite;
mod store;
mod subject;
mod tallies;

pub use floor::{Claim, claim_at};
pub use remembered::{Answer, Observation, Remembered};
pub use sqlite::{FILE_NAME, SqliteMemory};
pub use store::{CapacityMemory, MemoryError, VolatileMemory};
pub use subject::{Scope, Subject};
pub use tallies::{DAYS, Tallies, Tally};
