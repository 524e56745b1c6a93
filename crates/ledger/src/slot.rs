//! What the records say about one slot.

use crate::{ErrorRecord, Placement};
use jiff::Timestamp;

/// How far a slot has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// Nothing is under way for it.
    #[default]
    Pending,
    /// A launch was about to be sent; what became of it is not known.
    Intended,
    /// Its instance exists and has not been seen running.
    Launched,
    /// Its instance was seen running.
    Running,
    /// Nothing more is tried for it in this run.
    Failed,
    /// What was made for it was deleted again.
    GivenBack,
    /// A lifecycle action was about to be sent.
    ActionIntended,
    /// The action was accepted.
    ActionAccepted,
    /// The instance is in the state that the action leads to.
    ActionDone,
}

/// What a process that takes up the run has to do for a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing: its instance runs, or was given back.
    Nothing,
    /// Launch it.
    Launch {
        /// With this attempt, from 1.
        attempt: u32,
    },
    /// Find out what became of a launch: it may have made an instance.
    Settle(Intent),
    /// Wait for its instance to run.
    Watch {
        /// The instance.
        ocid: String,
    },
}

/// A launch that was about to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// Which placement of the slot, from 1.
    pub attempt: u32,
    /// Its `opc-retry-token`.
    pub token: String,
    /// Where.
    pub placement: Placement,
    /// When it was first about to be sent: the service forgets a token 24 h after it first saw it.
    pub first_at: Timestamp,
}

/// One slot, folded from its records.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SlotState {
    /// How far it has come.
    pub phase: Phase,
    /// How many placements were tried. Attempt numbers may have gaps, since a placement known to be full is skipped.
    pub attempts: u32,
    /// The number of the last attempt; 0 before the first.
    pub last_attempt: u32,
    /// The last launch that was about to be sent and whose end is not known.
    pub unsettled: Option<Box<Intent>>,
    /// Where the slot is, or was last tried.
    pub placement: Option<Placement>,
    /// Its instance, while it has one.
    pub ocid: Option<String>,
    /// The display name of its instance.
    pub name: Option<String>,
    /// The state that the instance was last seen in.
    pub state: Option<String>,
    /// Where to read why it failed later.
    pub work_request: Option<String>,
    /// When the instance was made.
    pub launched_at: Option<Timestamp>,
    /// When it was first seen running.
    pub running_at: Option<Timestamp>,
    /// Instances of this slot that died.
    pub died: u32,
    /// The OCIDs of instances of this slot that died or were given back. A list that lags may still show them.
    pub gone: Vec<String>,
    /// Whether the wait for it ended before it ran.
    pub wait_ended: bool,
    /// Whether the instance was found by its tags.
    pub adopted: bool,
    /// The lifecycle action had nothing to do.
    pub skipped: bool,
    /// The last failure; absent once the slot is running.
    pub error: Option<ErrorRecord>,
}

impl SlotState {
    /// What is left to do for a slot of a launch.
    pub fn next(&self) -> Next {
        if let Some(intent) = &self.unsettled {
            return Next::Settle((**intent).clone());
        }
        match (self.phase, &self.ocid) {
            (Phase::Running | Phase::GivenBack | Phase::ActionDone, _) => Next::Nothing,
            (_, Some(ocid)) => Next::Watch { ocid: ocid.clone() },
            (_, None) => Next::Launch { attempt: self.last_attempt + 1 },
        }
    }
}
