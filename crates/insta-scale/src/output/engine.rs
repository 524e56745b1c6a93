//! Words the steps of an engine: what is made, and which size is set.

use super::text::{clean, count};
use ledger::EngineStep;

/// The line of a step.
pub fn step(step: &EngineStep) -> String {
    match step {
        EngineStep::Intended { part, size: 0, .. } => format!("making the {}", part.what()),
        EngineStep::Intended { part, number, size, .. } => {
            format!("making {} {number} with {}", part.what(), count(*size, "instance"))
        }
        EngineStep::Made { part, ocid, name, adopted, .. } => {
            let how = if *adopted { "found" } else { "made" };
            format!("{} {} {how}: {}", part.what(), clean(name), clean(ocid))
        }
        EngineStep::Refused { part, error, .. } => {
            format!("the {} was refused: {}: {}", part.what(), clean(&error.code), clean(&error.message))
        }
        EngineStep::Gone { ocid } => format!("{} was deleted by somebody else", clean(ocid)),
        EngineStep::ResizeIntended { ocid, from, size } => {
            format!("setting the size of {} from {from} to {size}", clean(ocid))
        }
        EngineStep::ResizeRefused { ocid, size, error } => {
            format!(
                "{} keeps the size {size}: {}: {}",
                clean(ocid),
                clean(&error.code),
                clean(&error.message)
            )
        }
        EngineStep::Resized { ocid, size } => format!("{} has the size {size}", clean(ocid)),
    }
}
