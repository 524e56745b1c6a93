//! What the runs of the past mean for the next command: which of them are unfinished, which names they hold, which of them
//! are still at work, and which instances they made.
//!
//! Reads the ledger, and the list of a compartment for its names. Decides nothing: the person does, and must be shown what
//! is found here. Of files it knows only whether two paths are one.

mod at_work;
mod instances;
mod namesakes;
mod origin;
mod past;
mod unfinished;

pub use at_work::{AtWork, launches_at_work, runs_of};
pub use instances::{InstancesOfRun, instances_of_run, launched_lately};
pub use namesakes::{NameCheck, Namesakes, find_namesakes, next_number};
pub use origin::{launch_lock_key, same_endpoint};
pub use past::{PastError, read_past, read_records};
pub use unfinished::{
    OtherRun, Resumable, UnfinishedRun, find_resumable, find_unfinished, find_unfinished_hunt, holder_of,
};
