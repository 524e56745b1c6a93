//! The network of a fleet: made once, before its first launch, found again by every later command, and ended when asked.
//!
//! Its compute cluster, if its engine needs one, is made, found and ended in the same way.
//!
//! It is made by a run of its own, so that a launch begins with a subnet that exists. It must not know about instances, terminals or
//! confirmations.

mod cluster;
mod contents;
mod end;
mod find;
mod make;
mod rows;
mod summary;

pub(crate) use cluster::clusters_of;
pub use cluster::{ClusterStanding, FleetCluster, find_cluster, had_cluster, others_in_cluster};
pub use contents::{Contents, NetworkPart, contents};
pub(crate) use end::delete_part;
pub(crate) use find::networks_of;
pub use find::{FindError, FleetNetwork, NetworkStanding, find};
pub use make::{make, resume};
pub use summary::{MadePart, NetworkSummary};
