//! One selected instance and the progress of its action.

use super::Verb;
use crate::engine::backoff::Backoff;
use crate::query::select::Machine;
use ledger::{ErrorRecord, SlotNumber};
use oci_client::services::compute::InstanceAction;
use std::time::Duration;
use tokio::time::Instant;

/// The stage of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Its action waits in the queue.
    Queued,
    /// Its action pauses after a failure.
    Paused,
    /// Its start found no capacity and waits until there may be some.
    NoCapacity,
    /// Its action is in flight.
    Sent,
    /// Another operation is in progress; it is polled until that is over.
    Busy,
    /// Its action was accepted, or it is changing state by itself; it is polled until it reaches the wanted state.
    Accepted,
    /// Nothing more to do.
    Ended,
}

/// One selected instance.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) number: SlotNumber,
    pub(super) machine: Machine,
    pub(super) stage: Stage,
    /// The number of the action: a new one has a new token.
    pub(super) attempt: u32,
    /// Whether the hard action was sent because the soft one took too long.
    pub(super) hard: bool,
    /// When the first action was sent, or waiting began.
    pub(super) since: Option<Instant>,
    /// When the last action was accepted.
    pub(super) accepted: Option<Instant>,
    /// When it was last read by its OCID, since a list may be stale.
    pub(super) asked: Option<Instant>,
    /// Whether it was seen changing state since then.
    pub(super) moved: bool,
    /// Consecutive failures.
    pub(super) failures: u32,
    /// How often an accepted action was sent again.
    pub(super) reissued: u32,
    /// Whether it has waited for capacity, so that its start shows whether there is some.
    pub(super) probes: bool,
    /// Whether an attempt without a response may have taken effect.
    pub(super) in_doubt: bool,
    /// The last failure.
    pub(super) error: Option<ErrorRecord>,
}

/// The maximum number of times that an accepted action is sent again.
pub(super) const REISSUES: u32 = 3;
/// The number of consecutive failures after which waiting ends, however long `--wait-timeout` is.
pub(super) const FAILURES: u32 = 30;

impl Slot {
    pub(super) fn new(number: SlotNumber, machine: Machine) -> Self {
        Self {
            number,
            machine,
            stage: Stage::Queued,
            attempt: 1,
            hard: false,
            since: None,
            accepted: None,
            asked: None,
            moved: false,
            failures: 0,
            reissued: 0,
            probes: false,
            in_doubt: false,
            error: None,
        }
    }

    /// Whether its action was refused every time and never accepted, so that it waits for an attempt that may not come.
    pub(super) fn is_refused(&self) -> bool {
        matches!(self.stage, Stage::Queued | Stage::Paused)
            && self.error.is_some()
            && self.accepted.is_none()
            && !self.in_doubt
    }

    /// Whether it has to be polled.
    pub(super) fn is_watched(&self) -> bool {
        matches!(self.stage, Stage::Busy | Stage::Accepted)
    }

    /// The time since its action was accepted.
    pub(super) fn accepted_for(&self) -> Duration {
        self.accepted.map_or(Duration::ZERO, |at| at.elapsed())
    }

    /// Whether it was read after this much time had passed since its action was accepted.
    pub(super) fn asked_after(&self, grace: Duration) -> bool {
        let over = self.accepted.map(|accepted| accepted + grace);
        self.asked.zip(over).is_some_and(|(asked, over)| asked >= over)
    }

    /// The pause after the last failure: 1, 2, 4, … 30 seconds.
    pub(super) fn pause(&self) -> Duration {
        Backoff::doubling(Duration::from_secs(1), Duration::from_secs(30)).pause(self.failures)
    }

    /// The power action to send; `None` for a termination.
    pub(super) fn action(&self, verb: Verb, soft: bool) -> Option<InstanceAction> {
        let soft = soft && !self.hard;
        match verb {
            Verb::Start => Some(InstanceAction::Start),
            Verb::Stop if soft => Some(InstanceAction::SoftStop),
            Verb::Stop => Some(InstanceAction::Stop),
            Verb::Reboot if soft => Some(InstanceAction::SoftReset),
            Verb::Reboot => Some(InstanceAction::Reset),
            Verb::Terminate => None,
        }
    }
}

/// The number of instances in each stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    queued: usize,
    paused: usize,
    no_capacity: usize,
    sent: usize,
    busy: usize,
    accepted: usize,
}

impl Tally {
    /// All instances start in the queue.
    pub(super) fn new(count: usize) -> Self {
        Self { queued: count, ..Self::default() }
    }

    /// Moves one instance from one stage to another.
    pub(super) fn change(&mut self, from: Stage, to: Stage) {
        if let Some(count) = self.of(from) {
            *count = count.saturating_sub(1);
        }
        if let Some(count) = self.of(to) {
            *count += 1;
        }
    }

    fn of(&mut self, stage: Stage) -> Option<&mut usize> {
        match stage {
            Stage::Queued => Some(&mut self.queued),
            Stage::Paused => Some(&mut self.paused),
            Stage::NoCapacity => Some(&mut self.no_capacity),
            Stage::Sent => Some(&mut self.sent),
            Stage::Busy => Some(&mut self.busy),
            Stage::Accepted => Some(&mut self.accepted),
            Stage::Ended => None,
        }
    }

    /// Whether actions remain to be sent, or are in flight.
    pub(super) fn is_sending(self) -> bool {
        self.queued + self.paused + self.sent > 0
    }

    /// The number of instances to poll.
    pub(super) fn watched(self) -> usize {
        self.busy + self.accepted
    }

    /// Whether all instances have ended.
    pub(super) fn is_over(self) -> bool {
        !self.is_sending() && self.watched() == 0 && self.no_capacity == 0
    }
}
