//! What a run does if fewer instances can be obtained than were requested.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a run does if fewer instances can be obtained than were requested.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// It looks for capacity until its tries or its time are used up, and keeps what it obtained.
    #[default]
    Greedy,
    /// It asks for each choice once, does not wait for capacity, and keeps what it obtained, which counts as success.
    BestEffort,
    /// It looks as long as a greedy run, and rolls everything back unless all instances are running.
    AllOrNothing,
}

impl Strategy {
    /// Whether it is omitted from the plan: plans of older versions are greedy.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
