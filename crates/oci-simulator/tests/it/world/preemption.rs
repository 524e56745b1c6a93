//! Promises of the world about preemptible instances.

use super::region::Region;
use oci_api::Operation;
use oci_simulator::world::settings::{HostSettings, Reclaim};
use oci_simulator::world::{World, WorldSettings};
use serde_json::{Value, json};

/// One host in each fault domain: three times 64 OCPUs in each availability domain.
fn small() -> WorldSettings {
    WorldSettings {
        hosts: HostSettings { per_fault_domain: 1, ..HostSettings::default() },
        ..WorldSettings::default()
    }
}

fn preemptible(region: &Region, name: &str, ocpus: f64, keep_boot: bool) -> Value {
    let mut details = region.details(name);
    details["shapeConfig"] = json!({"ocpus": ocpus, "memoryInGBs": ocpus});
    details["preemptibleInstanceConfig"] =
        json!({"preemptionAction": {"type": "TERMINATE", "preserveBootVolume": keep_boot}});
    details
}

fn id(answer: &oci_simulator::world::ApiAnswer) -> String {
    answer.json()["id"].as_str().unwrap().to_owned()
}

/// Fills the first availability domain with preemptible instances and returns them, oldest first.
fn full(region: &mut Region, keep_boot: bool) -> Vec<String> {
    let mut made = Vec::new();
    while let Ok(answer) = region.launch(&preemptible(region, "cheap", 32.0, keep_boot)) {
        made.push(id(&answer));
    }
    assert!(made.len() >= 3, "{}", made.len());
    region.advance(300.0);
    made
}

fn state(region: &mut Region, id: &str) -> String {
    region.instance(id)["lifecycleState"].as_str().unwrap().to_owned()
}

fn notices(world: &World) -> usize {
    world.events(0).filter(|event| event.event == "preemption_notice").count()
}

#[test]
fn on_demand_takes_a_preemptible_room_after_notice() {
    let mut region = Region::new(small());
    let cheap = full(&mut region, false);
    let mut wanted = region.details("web-1");
    wanted["shapeConfig"] = json!({"ocpus": 32.0, "memoryInGBs": 32.0});
    for _ in 0..5 {
        // Repeating the request does not cost more of them.
        let refused = region.launch(&wanted).unwrap_err();
        assert_eq!((refused.status, refused.message.as_str()), (500, "Out of host capacity."));
    }
    assert_eq!(notices(&region.world), 1);
    let (youngest, others) = cheap.split_last().unwrap();
    region.advance(119.0);
    assert_eq!(state(&mut region, youngest), "RUNNING");
    region.advance(2.0);
    assert_eq!(state(&mut region, youngest), "TERMINATING");
    region.advance(100.0);
    assert_eq!(state(&mut region, youngest), "TERMINATED");
    region.launch(&wanted).unwrap();
    assert!(others.iter().all(|id| region.instance(id)["lifecycleState"] == "RUNNING"));
    region.world.check_invariants().unwrap();
}

#[test]
fn preemptible_instances_do_not_push_each_other_out() {
    let mut region = Region::new(small());
    full(&mut region, false);
    assert!(region.launch(&preemptible(&region, "cheap", 32.0, false)).is_err());
    assert_eq!(notices(&region.world), 0);
}

#[test]
fn the_boot_volume_stays_where_the_preemption_action_says_so() {
    for keep in [false, true] {
        let reclaim =
            Reclaim { availability_domain: None, after_seconds: 400.0, every_seconds: None, share: 1.0 };
        let mut region = Region::new(WorldSettings { reclaims: vec![reclaim], ..small() });
        let cheap = full(&mut region, keep);
        region.advance(600.0);
        assert!(cheap.iter().all(|id| region.instance(id)["lifecycleState"] == "TERMINATED"));
        let left = region.world.boot_volumes().count();
        assert_eq!(left, if keep { cheap.len() } else { 0 });
        region.world.check_invariants().unwrap();
    }
}

#[test]
fn a_reclaim_schedule_takes_only_its_share() {
    let reclaim = Reclaim {
        availability_domain: Some(1),
        after_seconds: 1000.0,
        every_seconds: Some(1000.0),
        share: 0.5,
    };
    let mut region = Region::new(WorldSettings { reclaims: vec![reclaim], ..WorldSettings::default() });
    let web = region.launch_running("web-1");
    for _ in 0..8 {
        region.launch(&preemptible(&region, "cheap", 1.0, false)).unwrap();
    }
    let living = |region: &Region| region.world.live_instances().count() - 1;
    for (at, left) in [(500.0, 8), (1000.0, 4), (1000.0, 2), (1000.0, 1), (1000.0, 0)] {
        region.advance(at);
        assert_eq!(living(&region), left);
        region.world.check_invariants().unwrap();
    }
    assert_eq!(state(&mut region, &web), "RUNNING");
}

#[test]
fn one_that_is_terminated_during_its_notice_goes_once() {
    let reclaim =
        Reclaim { availability_domain: None, after_seconds: 400.0, every_seconds: None, share: 1.0 };
    let mut region = Region::new(WorldSettings { reclaims: vec![reclaim], ..small() });
    let cheap = full(&mut region, false);
    region.advance(150.0);
    let request = region.request(Operation::TerminateInstance).path("instanceId", &*cheap[0]);
    region.world.handle(&request).unwrap();
    region.advance(300.0);
    assert_eq!(state(&mut region, &cheap[0]), "TERMINATED");
    let ends =
        region.world.events(0).filter(|event| event.detail.as_deref() == Some("RUNNING -> TERMINATING"));
    assert_eq!(ends.count(), cheap.len());
    region.world.check_invariants().unwrap();
}

#[test]
fn a_preemptible_instance_can_be_renamed_and_nothing_else() {
    let mut region = Region::roomy();
    let id = id(&region.launch(&preemptible(&region, "cheap", 1.0, false)).unwrap());
    region.advance(300.0);
    let mut update = |body| {
        let update = region.request(Operation::UpdateInstance).path("instanceId", &*id);
        region.world.handle(&update.body(body)).map(|_| ()).map_err(|error| error.status)
    };
    assert_eq!(update(json!({"freeformTags": {"a": "b"}})), Err(400));
    assert_eq!(update(json!({"displayName": "renamed"})), Ok(()));
}
