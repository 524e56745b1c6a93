//! The ledger: the append-only record of runs, the folds over it, and the lease that gives one process a run.
//!
//! Events are the only record of a run. What the progress line, the summary, the JSON document and the report show is
//! a fold over them. This crate must not know how events come about: it knows no OCI client and no pacing.
#![warn(missing_docs)]

pub mod capacity;
pub mod class;
pub mod error;
pub mod event;
pub mod lease;
pub mod memory;
pub mod placement;
pub mod slot;
pub mod sqlite;
pub mod state;
pub mod store;
pub mod why;

pub use class::ErrorClass;
pub use error::{LedgerError, Result};
pub use event::{
    Action, ErrorRecord, Event, InstanceRef, Outcome, Record, RequestCount, RunId, RunKind, SlotNumber,
};
pub use lease::{Holder, Lease};
pub use memory::MemoryStore;
pub use placement::{Amount, CapacityType, Placement, PlacementSize};
pub use slot::{Intent, Next, Phase, SlotState};
pub use sqlite::SqliteStore;
pub use state::{Counts, RunState};
pub use store::{Records, RunHead, Store, Stray, Unreadable};
pub use why::{TargetState, Targets};
