//! Starts, stops, reboots or terminates a selection of instances, as a run with a record for each step.
//!
//! It acts on the instances of a frozen [`Selection`] and on no others. Each instance proceeds independently: the table in
//! `decide` says what its state requires, actions are sent at the rate that the service accepts, one poll of the list watches
//! all of them, and a failure of one stops no other. It must not know how instances were chosen, nor about terminals or
//! confirmations.

mod answer;
mod calls;
mod capacity;
mod decide;
mod dispatch;
mod engine;
mod look;
mod outcome;
mod probing;
mod returned;
mod sight;
mod slot;
mod summary;

pub(crate) use calls::volume_attachment;
pub use decide::{Decision, Progress, decide, decide_machine, progress, protection, wanted};
pub use engine::run;
pub use summary::{ActionRow, ActionSummary, RowResult};

use crate::query::select::Tag;
use ledger::{InstanceRef, RunKind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// Powers on.
    Start,
    /// Shuts down, or powers off.
    Stop,
    /// Shuts down and powers on again.
    Reboot,
    /// Deletes the instance.
    Terminate,
}

impl Verb {
    /// Its name: `stop`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Reboot => "reboot",
            Self::Terminate => "terminate",
        }
    }

    /// The kind of its run.
    pub fn kind(self) -> RunKind {
        match self {
            Self::Start => RunKind::Start,
            Self::Stop => RunKind::Stop,
            Self::Reboot => RunKind::Reboot,
            Self::Terminate => RunKind::Terminate,
        }
    }
}

/// How an action is carried out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Options {
    /// The action.
    pub verb: Verb,
    /// Whether to wait until the instances are in the wanted state.
    pub wait: bool,
    /// How long to wait for one instance after its action was first sent.
    pub wait_timeout: Duration,
    /// How long after the start of the run a start without capacity is repeated; `None` never repeats it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_for: Option<Duration>,
    /// How long the operating system has to shut down before the instance is powered off. `None` powers off at once. The
    /// service itself powers off after 15 minutes (OCI Go SDK, `InstanceAction`).
    pub grace: Option<Duration>,
    /// Whether boot volumes are kept. Always sent, because the service's default is no.
    pub keep_boot_volumes: bool,
    /// Whether data volumes created with the instances are kept. Always sent, because the service's default is yes.
    pub keep_data_volumes: bool,
    /// Instances with any of these tags are not terminated.
    pub protect: Vec<Tag>,
    /// The maximum rate of actions per second.
    pub rate: Option<f64>,
    /// The maximum number of actions in flight.
    pub max_concurrency: u32,
    /// The minimum time between two polls.
    pub poll: Duration,
    /// The label of the simulated region of the instances; `None` for a real one. Nothing in this crate reads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub simulated: Option<String>,
}

impl Options {
    /// The default options of a verb.
    pub fn new(verb: Verb) -> Self {
        Self {
            verb,
            wait: true,
            wait_timeout: Duration::from_mins(20),
            retry_for: None,
            grace: Some(Duration::from_mins(5)),
            keep_boot_volumes: false,
            keep_data_volumes: false,
            protect: Vec::new(),
            rate: None,
            max_concurrency: 100,
            poll: Duration::from_secs(5),
            simulated: None,
        }
    }
}

/// The plan of an action run, stored in its first record: the selection and the action.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ActionPlan {
    /// The options.
    pub options: Options,
    /// The selection, in the order of the slots: slot 1 is the first.
    pub instances: Vec<InstanceRef>,
    /// Volumes that a termination leaves behind on purpose, so that `cleanup` can recognise them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept_volumes: Vec<KeptVolume>,
    /// The named instances that were not found, as the user wrote them. They have the last entries of the instances.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
}

/// A volume that is kept when its instance is terminated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptVolume {
    /// The volume.
    pub volume: String,
    /// The instance to which it was attached.
    pub instance: String,
    /// Whether it is a boot volume.
    pub boot: bool,
}
