//! A fleet with an expiry keeps it, whichever command launches its members again.

use crate::fleets::{scale, status};
use crate::sim_serve::region;

#[test]
fn a_replacement_expires_when_its_predecessor_was_to() {
    let (place, _region) = region(&[]);
    assert_eq!(scale(&place, &["2", "--ttl", "6h"]).code, 0);
    let expires = status(&place)["expires"].clone();
    assert_eq!(place.run(&["instances", "terminate", "rehearsal-1", "--no-wait"]).code, 0);
    let kept = place.run(&["maintain", "--once", "--yes"]);
    assert_eq!(kept.code, 0, "{}", kept.stderr);
    let standing = status(&place);
    for member in standing["instances"].as_array().unwrap() {
        assert_eq!(member["expires"], expires, "{member}");
    }
}

#[test]
fn a_member_whose_time_is_over_is_not_replaced() {
    let (place, _region) = region(&[]);
    assert_eq!(scale(&place, &["2", "--ttl", "6h"]).code, 0);
    let words = ["instances", "extend", "--prefix", "rehearsal-", "--ttl", "1s", "--shorten", "--yes"];
    assert_eq!(place.run(&words).code, 0);
    let is_over = (0..100).any(|_| {
        assert_eq!(place.run(&["cleanup", "--expired", "--yes"]).code, 0);
        status(&place)["members"] == 0
    });
    assert!(is_over, "{}", status(&place));
    let kept = place.run(&["maintain", "--once", "--yes"]);
    assert_eq!(kept.code, 0, "{}", kept.stderr);
    assert!(kept.stderr.contains("rehearsal-1, rehearsal-2 not launched again"), "{}", kept.stderr);
    assert_eq!(status(&place)["members"], 0);
    // A `scale` wants them again.
    assert_eq!(scale(&place, &["2"]).code, 0);
    assert_eq!(place.run(&["maintain", "--once", "--yes"]).code, 0);
    assert!(status(&place)["expires"].is_null());
}
