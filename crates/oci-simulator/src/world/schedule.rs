//! Scheduled events in order of time; at equal times, in the order in which they were scheduled.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An event that is due at some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Task {
    /// A step in the life of an instance. Ignored if the instance has entered another epoch since.
    Instance { number: u32, epoch: u32, step: Step },
    /// A capacity reservation finishes its change.
    Reservation { number: u32, epoch: u32 },
    /// A deleted reservation disappears from lists.
    ForgetReservation { number: u32 },
    /// An instance pool checks its members.
    Pool { number: u32, epoch: u32 },
    /// Retry tokens expire.
    ForgetToken,
    /// Capacity returns for this time, according to the n-th `crumbs` entry of the settings.
    #[serde(rename = "Crumb")]
    ReturnCapacity { setting: u32, times: u32 },
    /// Other tenants take or free capacity.
    OtherTenants,
    /// The n-th outage of the settings begins or ends.
    Outage { setting: u32, begins: bool },
    /// The n-th reclaim of the settings is due.
    Reclaim { setting: u32 },
    /// The deletion of a compartment ends.
    Compartment { number: u32, work: u32 },
    /// The review of a limit increase request goes on.
    LimitRequest { number: u32, step: Review },
}

/// A step in the life of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Step {
    /// PROVISIONING ends successfully.
    Placed,
    /// PROVISIONING ends with a failure.
    Failed,
    /// STARTING ends.
    Running,
    /// STARTING ends for lack of capacity.
    NotStarted,
    /// STOPPING ends, and the instance stays stopped.
    Stopped,
    /// STOPPING ends, and the instance starts again.
    Restarted,
    /// MOVING ends.
    Moved,
    /// The notice to a preemptible instance expires.
    Preempted,
    /// TERMINATING ends.
    Terminated,
    /// The instance disappears from lists.
    Forgotten,
}

/// A step in the life of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Review {
    /// ACCEPTED ends.
    Begins,
    /// The decision is due.
    Ends,
}

/// The queue.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Schedule {
    #[serde(with = "super::pairs")]
    due: BTreeMap<(Timestamp, u64), Task>,
    made: u64,
}

impl Schedule {
    pub fn at(&mut self, when: Timestamp, task: Task) {
        self.due.insert((when, self.made), task);
        self.made += 1;
    }

    /// Takes the next task, if it is due.
    pub fn pop_due(&mut self, now: Timestamp) -> Option<(Timestamp, Task)> {
        let entry = self.due.first_entry()?;
        if entry.key().0 > now {
            return None;
        }
        let ((when, _), task) = entry.remove_entry();
        Some((when, task))
    }

    pub fn next_at(&self) -> Option<Timestamp> {
        self.due.first_key_value().map(|((when, _), _)| *when)
    }
}
