//! What the snapshots of a region hold.

use crate::scenario::FaultRule;
use crate::world::World;
use std::collections::BTreeMap;

/// What a snapshot restores.
pub(super) struct Kept {
    pub world: World,
    pub faults: Vec<FaultRule>,
}

/// The snapshots of a region.
#[derive(Default)]
pub(super) struct Snapshots(pub BTreeMap<String, Kept>);
