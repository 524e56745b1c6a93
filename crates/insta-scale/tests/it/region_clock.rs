//! Ages of a simulated region are by its clock, and a price without volumes says so.

use crate::sim_serve::region;
use serde_json::json;

#[test]
fn ages_of_a_simulated_region_are_by_its_clock() {
    let (place, region) = region(&[]);
    assert_eq!(place.run(&["launch", "--count", "1", "--yes"]).code, 0);
    region.post("/_sim/advance", &json!({"seconds": 5 * 86_400}));
    for command in [&["status"][..], &["instances", "list"]] {
        let text = place.run(command).stdout;
        let row =
            text.lines().find(|line| line.starts_with("rehearsal-1")).unwrap_or_else(|| panic!("{text}"));
        assert!(row.contains(" 5 d"), "{command:?}: {text}");
    }
    let spent = &place.run(&["status", "--output", "json"]).json()["spent_at_most"];
    assert!(spent.as_f64().unwrap() > 1.0, "{spent}");
}

#[test]
fn a_price_without_volumes_says_so() {
    let (place, _region) = region(&[]);
    let launched = place.run(&["launch", "--count", "1", "--ttl", "12s", "--yes"]);
    assert_eq!(launched.code, 0, "{}", launched.stderr);
    let fleets = place.run(&["fleets"]);
    assert!(fleets.stderr.contains("prices are without volumes"), "{}", fleets.stderr);
    std::thread::sleep(std::time::Duration::from_secs(12));
    let left = place.run(&["cleanup", "--expired", "--dry-run"]);
    assert!(left.stdout.contains(", without the volumes of 1 instance"), "{}", left.stdout);
    let deleted = place.run(&["cleanup", "--expired", "--yes"]);
    assert_eq!(deleted.code, 0, "{}", deleted.stderr);
    assert!(deleted.stderr.contains(", without the volumes of 1 instance"), "{}", deleted.stderr);
}
