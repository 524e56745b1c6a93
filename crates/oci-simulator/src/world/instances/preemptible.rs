//! Which preemptible instances exist, and which of them have been given notice.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The preemptible instances that exist, by number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::world) struct Preemptibles {
    living: BTreeSet<u32>,
    /// Those of them that have been given notice.
    noticed: BTreeSet<u32>,
}

impl Preemptibles {
    /// Adds a new instance.
    pub fn insert(&mut self, number: u32) {
        self.living.insert(number);
    }

    /// Removes an instance that was terminated, for whatever reason.
    pub fn remove(&mut self, number: u32) {
        self.living.remove(&number);
        self.noticed.remove(&number);
    }

    /// All of them, youngest first.
    pub fn youngest_first(&self) -> impl Iterator<Item = u32> + '_ {
        self.living.iter().rev().copied()
    }

    /// Those without notice, oldest first.
    pub fn without_notice(&self) -> impl Iterator<Item = u32> + '_ {
        self.living.difference(&self.noticed).copied()
    }

    /// Whether an instance has been given notice.
    pub fn has_notice(&self, number: u32) -> bool {
        self.noticed.contains(&number)
    }

    /// Marks an instance as given notice.
    pub fn give_notice(&mut self, number: u32) {
        self.noticed.insert(number);
    }

    /// Checks that all of them exist according to `live`, and that notice was given only to existing ones.
    pub fn check(&self, live: impl Fn(u32) -> bool) -> Result<(), String> {
        match self.living.iter().find(|number| !live(**number)) {
            Some(number) => Err(format!("instance {number} is gone and still counted as preemptible")),
            None if !self.noticed.is_subset(&self.living) => {
                Err("an instance that is not there was given notice".to_owned())
            }
            None => Ok(()),
        }
    }
}
