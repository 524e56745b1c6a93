//! The freeform tag that limits the life of a fleet.

use super::spec::FleetSpec;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// The freeform tag that states when an instance may be terminated: a time in UTC, `2026-11-22T20:00:00Z`.
pub const EXPIRY_TAG: &str = "oci-insta-scale-expires";

/// The expiry in these tags; `None` if there is none, or it is not a time.
pub(crate) fn expiry_in(tags: &BTreeMap<String, String>) -> Option<Timestamp> {
    tags.get(EXPIRY_TAG)?.parse().ok()
}

/// The expiry of a fleet that will be launched; `None` if it does not expire.
pub fn fleet_expiry(fleet: &FleetSpec) -> Option<Timestamp> {
    expiry_in(fleet.template.freeform_tags.as_ref()?)
}
