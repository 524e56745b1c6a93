//! What past runs mean for the next command: which are unfinished, which names they use, which are still active, and which
//! instances they created.
//!
//! It reads the ledger, and the list of a compartment for its names. It decides nothing: its results are shown to the user, who
//! decides. About files it only knows whether two paths are the same.

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
