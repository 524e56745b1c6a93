//! What a run does when fewer instances can be had than were asked for.

use serde::{Deserialize, Serialize};

/// What a run does when fewer instances can be had than were asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// It looks for capacity until its tries or its time are used up, and keeps what it has.
    #[default]
    Greedy,
    /// It asks each choice once, waits for no capacity, and keeps what it has: that counts as success.
    BestEffort,
    /// It looks as long as a greedy one, and rolls everything back unless all of them are running.
    AllOrNothing,
}

impl Strategy {
    /// Whether a plan need not say it: plans of older versions are greedy.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
