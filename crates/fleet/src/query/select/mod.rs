//! Selects instances: reads the list, keeps those that match, and freezes the selection.
//!
//! Commands act on exactly what was confirmed: a [`Selection`] contains OCIDs rather than a rule, so instances that appear
//! later are never included. This module must not know what is done to the instances.

mod cost;
mod filter;
mod find;
mod machine;
mod named;
mod order;
mod tags;
mod texts;

pub use cost::{hour_now, running_hour, total_now};
pub use filter::{Filter, STATES, Tag};
pub use find::{Found, find};
pub use machine::Machine;
pub use named::{BadLine, Named, read_ocids};
pub use order::{SortBy, natural, sort};
pub use tags::Tags;
pub use texts::Texts;

/// The instances for an action. It is immutable: nothing can be added, and the order does not change.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selection {
    machines: Vec<Machine>,
    missing: Vec<Named>,
}

impl Selection {
    /// Selects exactly these instances, ignoring duplicates.
    pub fn freeze(machines: Vec<Machine>) -> Self {
        let mut seen = std::collections::HashSet::new();
        let machines = machines.into_iter().filter(|machine| seen.insert(machine.ocid.clone())).collect();
        Self { machines, missing: Vec::new() }
    }

    /// The same selection with the named instances that were not found, which are reported as failed.
    #[must_use]
    pub fn and_missing(self, missing: Vec<Named>) -> Self {
        Self { missing, ..self }
    }

    /// The instances, in the order in which they were shown.
    pub fn machines(&self) -> &[Machine] {
        &self.machines
    }

    /// The named instances that were not found.
    pub fn missing(&self) -> &[Named] {
        &self.missing
    }

    /// The number of instances.
    pub fn len(&self) -> usize {
        self.machines.len()
    }

    /// Whether there are no instances, including missing ones.
    pub fn is_empty(&self) -> bool {
        self.machines.is_empty() && self.missing.is_empty()
    }
}
