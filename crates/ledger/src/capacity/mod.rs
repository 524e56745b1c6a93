//! The capacity memory: how targets responded to launches, across all runs of a machine. It records which targets refused and
//! when, until when to avoid them, and at which times they used to provide instances.
//!
//! All of it is derived from the events of runs, which `fleet` turns into [`Observation`]s. The memory is advice: losing it
//! costs refused calls, never an instance. It is therefore written without a sync, and a damaged file is replaced by a new one.

mod floor;
mod remembered;
mod rows;
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
