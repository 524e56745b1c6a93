//! Fleets: the members of a fleet, its wanted size, and how to reach it.
//!
//! A fleet is identified by its endpoint, region, compartment and name. Its members carry the name in a tag, and runs change
//! it. This room reads what exists, decides what has to change, and uses `launch` and `action` to change it. It must not know
//! about consent: its caller has already shown the change to a person.

mod belongings;
mod census;
mod converge;
mod drift;
mod identity;
mod lives;
mod maintain;
mod numbers;
mod pooled;
mod replace;
mod shrink;
mod spreading;
mod standing;
mod successors;
mod unlisted;
mod wanted;

pub use belongings::{Belongings, FleetReservation, VolumeTotal, belongings};
pub use census::{Census, CensusError, FleetMember, take_census};
pub use converge::{Converged, Means, SizeChange, carry_out, change, settle_unfinished};
pub use drift::{Drift, MixedFleet, drift, kind_of, mixed};
pub use identity::FleetKey;
pub use maintain::{KeepEnd, KeepOptions, Keeper, Told};
pub use numbers::grown;
pub use pooled::{PoolStanding, pool_standings};
pub use replace::{ReplaceError, ReplaceOptions, ReplaceStep, Replacement, drifted, replace, size_meanwhile};
pub use shrink::{Leaving, LeavingOrder, PROTECT_TAG, Picked, Why, is_protected, pick};
pub use spreading::{SpreadStanding, Unevenness, spread_beside, spread_now, uneven_after};
pub use standing::{Candidate, ClusterRow, MemberRow, Standing};
pub use unlisted::{UnlistedMember, unlisted_members};
pub use wanted::{ScalePlan, Wanted, wanted};
