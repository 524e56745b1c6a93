//! Instance pools and their configurations as the service shows them: those that this tool made, their members, and why members do
//! not come; how one is deleted, and how a member leaves.
//!
//! It must not know about runs in progress, terminals or confirmations.

mod emptied;
mod end;
mod rows;

pub use crate::engine::deletion::lives;
pub use emptied::emptied;
pub(crate) use end::{delete_part, detach};
pub use rows::{EngineRow, FleetPool, POOL_LACKS, PoolMember, configurations, networks, pools, with_owners};
pub(crate) use rows::{homes, members, pool, shortage};
