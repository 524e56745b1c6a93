//! What a run launches its instances with. `launch/backend.rs` sends what it says.

use serde::{Deserialize, Serialize};

/// What a run launches its instances with. Kept in its plan, so that a run is resumed with what it began with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Backend {
    /// One `LaunchInstance` for each slot.
    #[default]
    Instances,
}

impl Backend {
    /// Whether a plan need not say it: plans without a backend launch this way.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
