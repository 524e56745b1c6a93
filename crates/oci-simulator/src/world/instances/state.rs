//! The states of an instance and the transitions between them.

use serde::{Deserialize, Serialize};

/// The states of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are the API's")]
pub enum State {
    Moving,
    Provisioning,
    Running,
    Starting,
    Stopping,
    Stopped,
    CreatingImage,
    Terminating,
    Terminated,
}

impl State {
    /// All states.
    pub const ALL: [Self; 9] = [
        Self::Moving,
        Self::Provisioning,
        Self::Running,
        Self::Starting,
        Self::Stopping,
        Self::Stopped,
        Self::CreatingImage,
        Self::Terminating,
        Self::Terminated,
    ];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Moving => "MOVING",
            Self::Provisioning => "PROVISIONING",
            Self::Running => "RUNNING",
            Self::Starting => "STARTING",
            Self::Stopping => "STOPPING",
            Self::Stopped => "STOPPED",
            Self::CreatingImage => "CREATING_IMAGE",
            Self::Terminating => "TERMINATING",
            Self::Terminated => "TERMINATED",
        }
    }

    /// The state with this name, ignoring case.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str().eq_ignore_ascii_case(name))
    }

    /// Whether the state is transitional: the instance leaves it by itself.
    pub fn is_passing(self) -> bool {
        !matches!(self, Self::Running | Self::Stopped | Self::Terminated)
    }

    /// Whether an instance in this state can reach that one by itself or by any operation (Oracle: "Instance lifecycle states";
    /// PROVISIONING to TERMINATED is a launch that fails late).
    pub fn leads_to(self, next: Self) -> bool {
        match self {
            Self::Provisioning => matches!(next, Self::Starting | Self::Terminating | Self::Terminated),
            Self::Starting => matches!(next, Self::Running | Self::Stopped | Self::Terminating),
            Self::Running => matches!(next, Self::Stopping | Self::Moving | Self::Terminating),
            Self::Stopping => matches!(next, Self::Stopped | Self::Starting | Self::Terminating),
            Self::Stopped => matches!(next, Self::Starting | Self::Terminating),
            Self::Moving | Self::CreatingImage => matches!(next, Self::Running | Self::Terminating),
            Self::Terminating => next == Self::Terminated,
            Self::Terminated => false,
        }
    }
}
