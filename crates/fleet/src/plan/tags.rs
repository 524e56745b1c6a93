//! The freeform tag that limits the life of a fleet.

use super::spec::FleetSpec;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// The freeform tag that says when an instance may be terminated: a time in UTC, `2026-11-22T20:00:00Z`.
pub const EXPIRY_TAG: &str = "oci-insta-scale-expires";

/// When the time of whatever has these tags is over; `None` when they do not say, or say no time.
pub(crate) fn expiry_in(tags: &BTreeMap<String, String>) -> Option<Timestamp> {
    tags.get(EXPIRY_TAG)?.parse().ok()
}

/// When the time of a fleet that is about to be launched will be over; `None` when it has no end.
pub fn fleet_expiry(fleet: &FleetSpec) -> Option<Timestamp> {
    expiry_in(fleet.template.freeform_tags.as_ref()?)
}
