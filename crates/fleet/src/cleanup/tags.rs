//! The facts in an instance's tags and state.

use crate::plan::{RUN_TAG, SLOT_TAG};
use crate::query::select::Machine;
use ledger::{RunId, SlotNumber};
use oci_api::models::InstanceLifecycleState as State;

/// The run that launched an instance.
pub(super) fn run_of(machine: &Machine) -> Option<RunId> {
    machine.tags.get(RUN_TAG)?.parse().ok()
}

/// The slot for which it was launched.
pub(super) fn slot_of(machine: &Machine) -> Option<SlotNumber> {
    machine.tags.get(SLOT_TAG)?.parse().ok()
}

/// Whether it exists and is not terminating.
pub(super) fn is_living(machine: &Machine) -> bool {
    !matches!(machine.state, State::Terminated | State::Terminating)
}
