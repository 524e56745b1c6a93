//! The ledger: the append-only record of runs, the folds over it, and the lease that gives a run to one process.
//!
//! Events are the only record of a run. The progress line, the summary, the JSON document and the report are folds over them.
//! This crate must not know what causes events: it does not use the OCI client or pacing.
#![warn(missing_docs)]

pub mod capacity;
pub mod class;
pub mod engine;
pub mod error;
mod error_record;
pub mod event;
pub mod holding;
pub mod lease;
pub mod memory;
pub mod placement;
mod run_id;
pub mod slot;
pub mod spending;
pub mod sqlite;
pub mod state;
pub mod store;
pub mod stored;
pub mod why;

pub use class::ErrorClass;
pub use engine::{EnginePart, EnginePartState, EngineState, EngineStep};
pub use error::{LedgerError, Result};
pub use error_record::ErrorRecord;
pub use event::{
    Action, Event, InstanceRef, Outcome, RatchetEnd, Record, RequestCount, RunId, RunKind, SlotNumber,
};
pub use holding::Holding;
pub use lease::{Holder, Lease, Locked};
pub use memory::MemoryStore;
pub use placement::{Amount, CapacityType, Placement, PlacementSize, Places};
pub use slot::{Intent, Next, Phase, SlotState, StateName};
pub use spending::Spending;
pub use sqlite::SqliteStore;
pub use state::{Counts, RunState};
pub use store::{Archive, RawRecord, Records, RunHead, StopNotice, Store, Stray, Unreadable};
pub use why::{TargetState, Targets};
