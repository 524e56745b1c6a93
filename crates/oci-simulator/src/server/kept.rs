//! What the snapshots of a region hold.

use crate::iam::Policies;
use crate::scenario::FaultRule;
use crate::world::World;
use std::collections::BTreeMap;

/// What a snapshot restores.
pub(super) struct Kept {
    pub world: World,
    pub faults: Vec<FaultRule>,
    pub policies: Option<Policies>,
}

/// The snapshots of a region.
#[derive(Default)]
pub(super) struct Snapshots(pub BTreeMap<String, Kept>);
