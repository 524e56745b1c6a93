//! The events of a run. They outlive the program: fields may be added with a default, but never renamed or removed.

use crate::engine::EngineStep;
use crate::error_record::ErrorRecord;
use crate::placement::Placement;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of the event format, stored with every run.
pub const FORMAT_VERSION: u32 = 1;

/// Identifies a run: a UUIDv7, so that runs sort by the time they started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub uuid::Uuid);

/// A slot: one wanted instance of a launch (1..=count), or one selected instance of a lifecycle run.
pub type SlotNumber = u32;

/// What a run does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum RunKind {
    Launch,
    Start,
    Stop,
    Reboot,
    Terminate,
    Cleanup,
    /// A fleet is scaled to a size; the runs that do so follow.
    Scale,
    /// The network of a fleet is made, before its first launch.
    Network,
}

/// An instance that a lifecycle run selected.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the names say it")]
pub struct InstanceRef {
    pub ocid: String,
    pub name: String,
    pub state: String,
    pub availability_domain: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault_domain: Option<String>,
    pub shape: String,
}

/// What the run does after a refused or failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Sends the same request again, with the same token.
    RetrySameToken,
    /// Sends the same request again after a pause, with the same token.
    Wait,
    /// Looks the instance up by its tags, because it is unknown whether it was created.
    LookUp,
    /// Tries the next placement, with a new token.
    NextPlacement,
    /// Stops trying for this slot.
    GiveUpSlot,
    /// Stops trying for all slots.
    StopRun,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every slot succeeded.
    Complete,
    /// Some slots failed.
    Partial,
    /// No slot succeeded.
    Nothing,
    /// The login was refused.
    NotAuthenticated,
    /// The user interrupted it. It can be resumed.
    Interrupted,
    /// Fewer instances than required were running, and everything was rolled back.
    GivenBack,
    /// The ledger could not be written. It can be resumed.
    LedgerFailed,
    /// The result of a launch is unknown: its instance may exist. Resuming the run finds out.
    InDoubt,
    /// The deadline passed before every slot was done. It can be resumed.
    CutShort,
    /// The user ended it on purpose: it launches nothing more and cannot be resumed.
    Stopped,
}

impl Outcome {
    /// Whether a run with this outcome still needs to be resumed. A run with failed slots does not need it, but can be resumed.
    pub fn is_unfinished(self) -> bool {
        match self {
            Self::Interrupted
            | Self::LedgerFailed
            | Self::NotAuthenticated
            | Self::InDoubt
            | Self::CutShort => true,
            Self::Complete | Self::Partial | Self::Nothing | Self::GivenBack | Self::Stopped => false,
        }
    }
}

/// Why a ratchet stopped growing its reservations before it could launch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RatchetEnd {
    /// Its time was over.
    Time,
    /// The bound on its holding cost was reached.
    Money,
}

/// One fact about a run.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// The run began. `plan` contains everything needed to resume it elsewhere, and no secrets.
    RunStarted {
        /// What it does.
        kind: RunKind,
        /// How many slots it has.
        requested: u32,
        /// The plan (`fleet::Plan` or `fleet::action::ActionPlan` as JSON).
        plan: serde_json::Value,
    },
    /// A process resumed the run.
    RunResumed,
    /// A launch is about to be sent. Synced before the call.
    LaunchIntended {
        /// The slot.
        slot: SlotNumber,
        /// The number of the attempt, from 1.
        attempt: u32,
        /// `opc-retry-token`: a pure function of run, slot and attempt.
        token: String,
        /// The placement that the attempt uses.
        placement: Placement,
    },
    /// A request of an attempt failed.
    TryFailed {
        /// The slot.
        slot: SlotNumber,
        /// The number of the attempt.
        attempt: u32,
        /// The failure.
        error: ErrorRecord,
        /// What the run does next.
        action: Action,
        /// Whether neither this request nor an earlier one with the same token can have created anything, although the attempt
        /// continues.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        settled: bool,
    },
    /// A slot waits for more than a moment before its next try. The reason is the failure of its last try.
    Waiting {
        /// The slot.
        slot: SlotNumber,
        /// When it is tried next.
        next_try: Timestamp,
        /// When the slot is given up if it is refused until then; absent if the number of tries decides.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gives_up: Option<Timestamp>,
    },
    /// The service created the instance (or returned the one that the token had created before).
    Launched {
        /// The slot.
        slot: SlotNumber,
        /// The number of the attempt.
        attempt: u32,
        /// Its OCID.
        ocid: String,
        /// Its display name.
        name: String,
        /// Its state in the response.
        state: String,
        /// The placement of the instance.
        placement: Placement,
        /// OCID of the work request, which says why the launch failed if it fails later.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        work_request: Option<String>,
        /// Whether it was found by its tags rather than in the response to a launch.
        #[serde(default)]
        adopted: bool,
        /// How it differs from what was requested; absent if it does not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        differs: Option<String>,
    },
    /// An instance was observed in another state than before.
    StateSeen {
        /// The slot.
        slot: SlotNumber,
        /// Its OCID.
        ocid: String,
        /// The state.
        state: String,
        /// The fault domain, once known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fault_domain: Option<String>,
    },
    /// The instance reached RUNNING.
    Running {
        /// The slot.
        slot: SlotNumber,
        /// Its OCID.
        ocid: String,
    },
    /// The instance was terminated after its launch was accepted and will never run. The slot is free for another attempt.
    InstanceDied {
        /// The slot.
        slot: SlotNumber,
        /// Its OCID.
        ocid: String,
        /// The termination cause, if the work request states it.
        error: ErrorRecord,
    },
    /// Nothing more is tried for the slot.
    SlotFailed {
        /// The slot.
        slot: SlotNumber,
        /// The last failure.
        error: ErrorRecord,
    },
    /// The wait for RUNNING ended before the instance ran. The instance exists and may still run.
    WaitEnded {
        /// The slot.
        slot: SlotNumber,
        /// Its OCID.
        ocid: String,
        /// The state in which it was last observed.
        state: String,
        /// Why the wait ended, unless it timed out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<ErrorRecord>,
    },
    /// A lifecycle action is about to be sent to a selected instance. Synced before the call.
    ActionIntended {
        /// The slot.
        slot: SlotNumber,
        /// The instance.
        ocid: String,
        /// `STOP`, `SOFTSTOP`, `START`, `TERMINATE`, …
        action: String,
    },
    /// The service accepted the action.
    ActionAccepted {
        /// The slot.
        slot: SlotNumber,
        /// The instance.
        ocid: String,
        /// Its state in the response.
        state: String,
        /// OCID of the action's work request; absent if something else had already changed the instance.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        work_request: Option<String>,
    },
    /// The instance is in the wanted state, possibly since before the run.
    ActionDone {
        /// The slot.
        slot: SlotNumber,
        /// The instance.
        ocid: String,
        /// The state.
        state: String,
        /// Whether it was already in that state.
        #[serde(default)]
        skipped: bool,
    },
    /// A part of a network is about to be made. Synced before the call.
    PartIntended {
        /// The slot: the parts of a network are numbered in the order in which they are made.
        slot: SlotNumber,
        /// The number of the attempt, from 1.
        attempt: u32,
        /// `vcn`, `internet_gateway`, `nat_gateway`, `route_table`, `security_list` or `subnet`.
        part: String,
        /// `opc-retry-token`: a pure function of run, slot and attempt.
        token: String,
    },
    /// The part of a network exists.
    PartMade {
        /// The slot.
        slot: SlotNumber,
        /// What it is, as in its intent.
        part: String,
        /// Its OCID.
        ocid: String,
        /// Its display name.
        name: String,
        /// Whether it was found by its tags rather than in the response to its creation.
        #[serde(default)]
        adopted: bool,
    },
    /// Fewer instances than required are running, so everything that the run created is about to be deleted. Synced before the
    /// first deletion. After this event the run launches nothing.
    GiveBackIntended {
        /// How many instances are running.
        reached: u32,
        /// How many instances the run requires.
        min: u32,
    },
    /// A resource that the run created was deleted because the run was rolled back.
    GivenBack {
        /// The slot, when it belongs to one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        slot: Option<SlotNumber>,
        /// OCID of the deleted resource.
        ocid: String,
        /// OCID of the work request of an instance's termination. There is none if somebody else had already terminated it, who
        /// therefore decided about its volumes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        work_request: Option<String>,
    },
    /// A capacity reservation is about to be created or changed for the run. Synced before the call.
    ReservationIntended {
        /// Its availability domain.
        availability_domain: String,
        /// How many instances it should hold.
        count: u32,
        /// `opc-retry-token` of its creation.
        token: String,
    },
    /// The intended creation was certainly refused: no reservation exists.
    ReservationRefused {
        /// `opc-retry-token` of the creation.
        token: String,
    },
    /// A reservation of this run was read, with the number of instances that it holds.
    ReservationHeld {
        /// Its OCID.
        ocid: String,
        /// Its availability domain.
        availability_domain: String,
        /// How many instances were requested.
        asked: u32,
        /// How many instances it holds.
        held: u32,
        /// How many of them the run has or can launch: others may use some. Absent where this does not matter.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        usable: Option<u32>,
    },
    /// A ratchet stops growing its reservations, because its time or its money is over. Recorded before anything is
    /// released; from then on the run reserves and launches nothing.
    RatchetEnded {
        /// Why.
        reason: RatchetEnd,
    },
    /// The instances of a hunt have cost as much as `--max-cost` allows: it launches nothing more. Those that exist are kept, unless
    /// they are fewer than `--min`.
    BoundReached {
        /// What they have cost so far, by the prices of the plan.
        spent: f64,
        /// What they cost per hour.
        per_hour: f64,
    },
    /// A step in the life of what an engine launches with: a cluster, an instance configuration, a pool.
    Engine {
        /// The step.
        step: EngineStep,
    },
    /// The pacer changed the rate.
    PaceChanged {
        /// `launch`, `write` or `read`.
        class: String,
        /// Requests per second.
        rate: f64,
        /// The reason: `throttled`, `probe`, `penalty`, …
        reason: String,
    },
    /// Requests by operation so far.
    RequestsCounted {
        /// Operation → counts.
        requests: BTreeMap<String, RequestCount>,
    },
    /// A warning to the user; the run continues.
    Warning {
        /// The text.
        message: String,
    },
    /// The user asked to stop; nothing new is started.
    Interrupted,
    /// The run ended.
    RunFinished {
        /// The outcome.
        outcome: Outcome,
    },
}

impl Event {
    /// The slot that the event concerns, if any.
    pub fn slot(&self) -> Option<SlotNumber> {
        match self {
            Self::LaunchIntended { slot, .. }
            | Self::TryFailed { slot, .. }
            | Self::Waiting { slot, .. }
            | Self::Launched { slot, .. }
            | Self::StateSeen { slot, .. }
            | Self::Running { slot, .. }
            | Self::InstanceDied { slot, .. }
            | Self::SlotFailed { slot, .. }
            | Self::WaitEnded { slot, .. }
            | Self::ActionIntended { slot, .. }
            | Self::ActionAccepted { slot, .. }
            | Self::ActionDone { slot, .. }
            | Self::PartIntended { slot, .. }
            | Self::PartMade { slot, .. } => Some(*slot),
            Self::GivenBack { slot, .. } => *slot,
            Self::RunStarted { .. }
            | Self::RunResumed
            | Self::ReservationIntended { .. }
            | Self::ReservationRefused { .. }
            | Self::ReservationHeld { .. }
            | Self::RatchetEnded { .. }
            | Self::BoundReached { .. }
            | Self::GiveBackIntended { .. }
            | Self::Engine { .. }
            | Self::PaceChanged { .. }
            | Self::RequestsCounted { .. }
            | Self::Warning { .. }
            | Self::Interrupted
            | Self::RunFinished { .. } => None,
        }
    }
}

/// Requests of one operation by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct RequestCount {
    /// Requests that succeeded.
    pub ok: u64,
    /// Requests that were refused because there were too many.
    pub throttled: u64,
    /// Requests that failed otherwise.
    pub failed: u64,
}

/// An event with its number and time in the run.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize, Deserialize)]
pub struct Record {
    /// Its number in the run: 1, 2, 3, … without gaps.
    pub seq: u64,
    /// When it happened, by the wall clock of the run.
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}
