//! A region that an earlier version saved opens unchanged.

use jiff::SignedDuration;
use oci_simulator::world::{SavedWorld, World};

/// Saved by version 0.1.0: instances in several states, volumes, a reservation, a pool, retry tokens, planned events.
const FORMAT_1: &str = include_str!("fixtures/region-format-1.json");

fn restored() -> World {
    World::restore(serde_json::from_str::<SavedWorld>(FORMAT_1).unwrap()).unwrap()
}

#[test]
fn a_saved_region_is_read_and_written_unchanged() {
    assert_eq!(serde_json::to_string(&restored().snapshot()).unwrap(), FORMAT_1.trim_end());
}

#[test]
fn a_saved_region_continues_where_it_stopped() {
    let mut region = restored();
    region.check_invariants().unwrap();
    let (before, now) = (region.event_count(), region.now());
    region.advance_to(now + SignedDuration::from_hours(1));
    region.check_invariants().unwrap();
    let states: Vec<String> = region
        .live_instances()
        .map(|instance| format!("{} {}", instance.name, instance.state.as_str()))
        .collect();
    insta::assert_snapshot!(states.join("\n"), @r"
    a-0 STOPPED
    renamed RUNNING
    a-3 RUNNING
    member RUNNING
    inst-d2ed5-instancepool20261128215719 RUNNING
    inst-baa57-instancepool20261128215719 RUNNING
    ");
    assert!(region.event_count() > before);
}
