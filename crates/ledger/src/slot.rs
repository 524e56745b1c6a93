//! The state of one slot, folded from its records.

use crate::{ErrorRecord, Placement};
use jiff::{SignedDuration, Timestamp};
use std::{borrow::Cow, sync::Arc};

/// The progress of a slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// Nothing is in progress for the slot.
    #[default]
    Pending,
    /// A launch, or the creation of a part of a network, was about to be sent, and its result is not known.
    Intended,
    /// Its instance exists but has not been seen running.
    Launched,
    /// Its instance has been seen running.
    Running,
    /// The run does not try the slot again.
    Failed,
    /// The resources created for it were deleted (rolled back).
    GivenBack,
    /// A lifecycle action was about to be sent.
    ActionIntended,
    /// The action was accepted.
    ActionAccepted,
    /// The instance is in the target state of the action.
    ActionDone,
}

/// What a process that resumes the run has to do for a slot.
#[expect(clippy::large_enum_variant, reason = "one at a time is made and taken apart at once")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing: its instance runs, or was rolled back.
    Nothing,
    /// Launch it.
    Launch {
        /// The number of the attempt, from 1.
        attempt: u32,
    },
    /// Find out the result of a launch, which may have created an instance.
    Settle(Intent),
    /// Wait for its instance to run.
    Watch {
        /// The instance.
        ocid: String,
    },
}

/// The state of an instance, as the service names it. The names that are known take no memory of their own.
pub type StateName = Cow<'static, str>;

pub(crate) fn state_name(state: &str) -> StateName {
    const KNOWN: [&str; 9] = [
        "RUNNING",
        "PROVISIONING",
        "STARTING",
        "STOPPING",
        "STOPPED",
        "TERMINATING",
        "TERMINATED",
        "MOVING",
        "CREATING_IMAGE",
    ];
    let known = KNOWN.into_iter().find(|known| *known == state);
    known.map_or_else(|| Cow::Owned(state.to_owned()), Cow::Borrowed)
}

/// A launch that was about to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// The number of the attempt, from 1.
    pub attempt: u32,
    /// Its `opc-retry-token`.
    pub token: String,
    /// The placement that it uses; a part of a network has none.
    pub placement: Placement,
    /// When it was first about to be sent: the service forgets a token after 24 hours.
    pub first_at: Timestamp,
}

/// One slot, folded from its records.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SlotState {
    /// Its progress.
    pub phase: Phase,
    /// How many placements were tried. Attempt numbers may have gaps, because a placement known to be full is skipped.
    pub attempts: u32,
    /// The number of the last attempt; 0 before the first.
    pub last_attempt: u32,
    /// The last launch whose result is not known.
    pub unsettled: Option<Box<Intent>>,
    /// The placement of its instance, or the last one that was tried.
    pub placement: Option<Arc<Placement>>,
    /// Its instance, while it has one.
    pub ocid: Option<String>,
    /// The display name of its instance.
    pub name: Option<String>,
    /// The state in which the instance was last observed.
    pub state: Option<StateName>,
    /// OCID of the work request of its action.
    pub work_request: Option<String>,
    /// When a launch was first about to be sent.
    pub first_tried_at: Option<Timestamp>,
    /// When the slot was given up, if it was.
    pub given_up_at: Option<Timestamp>,
    /// When the instance, or the part of a network, was created.
    pub launched_at: Option<Timestamp>,
    /// When it was first seen running.
    pub running_at: Option<Timestamp>,
    /// How many instances of this slot were terminated before they ran.
    pub died: u32,
    /// OCIDs of instances of this slot that were terminated or rolled back. A stale list may still show them.
    pub gone: Vec<String>,
    /// Whether the wait for RUNNING ended before the instance ran.
    pub wait_ended: bool,
    /// Whether the instance was found by its tags.
    pub adopted: bool,
    /// How its instance differs from what was requested; absent if it does not.
    pub differs: Option<String>,
    /// Whether the action had nothing to do.
    pub skipped: bool,
    /// The last failure; absent once the slot is running.
    pub error: Option<Box<ErrorRecord>>,
}

impl SlotState {
    /// How long its instance took from its launch to RUNNING. Unknown for one that ran already when it was first seen, such as a
    /// member of a pool: its launch and its running are then recorded as of the same moment.
    pub fn boot_time(&self) -> Option<SignedDuration> {
        let (launched, running) = self.launched_at.zip(self.running_at)?;
        (launched < running).then(|| running.duration_since(launched))
    }

    /// What remains to be done for a slot of a launch.
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
