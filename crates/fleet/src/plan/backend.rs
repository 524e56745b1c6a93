//! How a run launches its instances. `launch/backend.rs` sends the requests.

use serde::{Deserialize, Serialize};

/// How a run launches its instances. It is stored in the plan, so that a run is resumed in the way it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Backend {
    /// One `LaunchInstance` per slot.
    #[default]
    Instances,
}

impl Backend {
    /// Whether it is omitted from the plan: plans without a backend launch this way.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
