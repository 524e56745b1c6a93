//! Remembers: the append-only record of runs, the folds over it, and the lease that one process has on a run.
//!
//! Events are the only record of a run. What the progress line, the summary, the JSON document and the report show is
//! a fold over them. This crate must not know how events come about: it knows no OCI client and no pacing.
#![warn(missing_docs)]

pub mod event;

pub use event::{
    Action, ErrorRecord, Event, InstanceRef, Outcome, Placement, Record, RequestCount, RunId, RunKind, SlotNumber,
};
