//! Console histories: what an instance wrote to its serial console while it booted.

mod api;

use super::automatic_tags::Spaces;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A captured history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct ConsoleRow {
    pub instance: u32,
    name: String,
    tags: BTreeMap<String, String>,
    defined_tags: Spaces,
    created: Timestamp,
    deleted: bool,
}
