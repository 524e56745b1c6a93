//! Promises of the world about instances.

use super::region::Region;
use oci_api::Operation;
use oci_simulator::world::{State, WorldSettings};
use serde_json::json;

#[test]
fn an_instance_goes_from_provisioning_to_running() {
    let mut region = Region::roomy();
    let answer = region.launch(&region.details("web-1")).unwrap();
    assert_eq!(answer.status, 200);
    assert!(answer.etag.is_some() && answer.work_request.is_some());
    let launched = answer.json();
    assert_eq!(launched["lifecycleState"], "PROVISIONING");
    let id = launched["id"].as_str().unwrap().to_owned();
    let work = answer.work_request.unwrap();
    assert_eq!(region.work(&work)["status"], "ACCEPTED");

    region.advance(200.0);
    assert_eq!(region.instance(&id)["lifecycleState"], "RUNNING");
    let work = region.work(&work);
    assert_eq!((work["status"].as_str(), work["percentComplete"].as_f64()), (Some("SUCCEEDED"), Some(100.0)));
    let states: Vec<String> = region
        .world
        .events(0)
        .filter(|event| event.event == "instance_state")
        .filter_map(|event| event.detail)
        .collect();
    assert_eq!(states, ["PROVISIONING -> STARTING", "STARTING -> RUNNING"]);
    region.world.check_invariants().unwrap();
}

#[test]
fn a_terminated_instance_is_listed_for_twelve_hours() {
    let mut region = Region::roomy();
    let id = region.launch_running("web-1");
    let request = region.request(Operation::TerminateInstance).path("instanceId", &*id);
    assert_eq!(region.world.handle(&request).unwrap().status, 204);
    assert_eq!(region.instance(&id)["lifecycleState"], "TERMINATING");
    assert_eq!(region.world.handle(&request).unwrap().status, 204);
    region.advance(100.0);
    assert_eq!(region.instance(&id)["lifecycleState"], "TERMINATED");
    region.advance(12.0 * 3600.0 - 150.0);
    assert_eq!(region.list(Operation::ListInstances).len(), 1);
    region.advance(200.0);
    assert_eq!(region.list(Operation::ListInstances).len(), 0);
    let gone = region.get(Operation::GetInstance, "instanceId", &id).unwrap_err();
    assert_eq!((gone.status, gone.code), (404, "NotAuthorizedOrNotFound"));
    region.world.check_invariants().unwrap();
}

#[test]
fn a_retry_token_is_bound_to_its_body() {
    let mut region = Region::roomy();
    let body = region.details("web-1");
    let request = region.request(Operation::LaunchInstance).body(body.clone()).retry_token("t-1");
    let first = region.world.handle(&request).unwrap();
    region.advance(300.0);
    let again = region.world.handle(&request).unwrap();
    assert_eq!(first.json()["id"], again.json()["id"]);
    assert_eq!(again.json()["lifecycleState"], "RUNNING");
    assert_eq!(first.work_request, again.work_request);
    let other = region.request(Operation::LaunchInstance).body(region.details("web-2")).retry_token("t-1");
    assert_eq!(region.world.handle(&other).unwrap_err().code, "InvalidatedRetryToken");
    assert_eq!(region.world.live_instances().count(), 1);

    let id = first.json()["id"].as_str().unwrap().to_owned();
    region.terminate(&id);
    assert_eq!(region.world.handle(&request).unwrap_err().code, "InvalidatedRetryToken");
    region.advance(25.0 * 3600.0);
    assert_ne!(region.world.handle(&request).unwrap().json()["id"], first.json()["id"]);
}

/// One task forgets all tokens, each at its own time.
#[test]
fn each_retry_token_lasts_for_a_day() {
    let mut region = Region::roomy();
    let launch = |region: &mut Region, nth: u32| {
        let body = region.details(&format!("web-{nth}"));
        let request = region.request(Operation::LaunchInstance).body(body).retry_token(format!("t-{nth}"));
        region.world.handle(&request).unwrap().json()["id"].clone()
    };
    let first: Vec<_> = (0..4)
        .map(|nth| {
            let id = launch(&mut region, nth);
            region.advance(3600.0);
            id
        })
        .collect();
    for hour in 4..24 {
        assert_eq!(launch(&mut region, 0), first[0], "{hour}");
        region.advance(3600.0);
    }
    // Now the first one is a day old, and the last one 21 hours.
    for (nth, id) in (0..).zip(&first) {
        assert_ne!(launch(&mut region, nth), *id, "{nth}");
        let after = nth + 1;
        if let Some(next) = first.get(after as usize) {
            assert_eq!(launch(&mut region, after), *next, "{after}");
        }
        region.advance(3600.0);
    }
    region.world.check_invariants().unwrap();
}

#[test]
fn a_refused_launch_leaves_its_token_free() {
    let mut settings = WorldSettings::default();
    settings.hosts.per_fault_domain = 0;
    let mut region = Region::new(settings);
    let request = region.request(Operation::LaunchInstance).body(region.details("web-1")).retry_token("t-1");
    let refused = region.world.handle(&request).unwrap_err();
    assert_eq!((refused.status, refused.code), (500, "InternalError"));
    assert_eq!(refused.message, "Out of host capacity.");
    assert_eq!(region.world.handle(&request).unwrap_err().code, "InternalError");
    assert_eq!(region.world.instances().count(), 0);
    region.world.check_invariants().unwrap();
}

#[test]
fn a_late_failure_ends_terminated_and_its_work_request_says_why() {
    let mut settings = WorldSettings::default();
    settings.late_failure.probability = 1.0;
    let mut region = Region::new(settings);
    let answer = region.launch(&region.details("web-1")).unwrap();
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    region.advance(200.0);
    assert_eq!(region.instance(&id)["lifecycleState"], "TERMINATED");
    let work = answer.work_request.unwrap();
    assert_eq!(region.work(&work)["status"], "FAILED");
    let errors = region.get(Operation::ListWorkRequestErrors, "workRequestId", &work).unwrap().json();
    assert_eq!(errors[0]["message"], "Out of host capacity.");
    region.world.check_invariants().unwrap();
}

#[test]
fn actions_change_the_state_and_the_wrong_state_is_a_conflict() {
    let mut region = Region::roomy();
    let id = region.launch(&region.details("a")).unwrap().json()["id"].as_str().unwrap().to_owned();
    let busy = region.act(&id, "STOP").unwrap_err();
    assert_eq!((busy.status, busy.code), (409, "Conflict"));
    assert_eq!(busy.message, format!("instance {id} is currently being modified, try again later"));
    region.advance(300.0);
    assert_eq!(region.act(&id, "START").unwrap_err().code, "IncorrectState");
    for (action, soon, then) in [
        ("SOFTSTOP", "STOPPING", "STOPPED"),
        ("START", "STARTING", "RUNNING"),
        ("RESET", "STOPPING", "RUNNING"),
        ("REBOOTMIGRATE", "MOVING", "RUNNING"),
        ("SENDDIAGNOSTICINTERRUPT", "RUNNING", "RUNNING"),
        ("STOP", "STOPPING", "STOPPED"),
    ] {
        assert_eq!(region.act(&id, action).unwrap().json()["lifecycleState"], soon, "{action}");
        region.advance(300.0);
        assert_eq!(region.instance(&id)["lifecycleState"], then, "{action}");
        region.world.check_invariants().unwrap();
    }
    assert_eq!(region.world.instance_counts()[&State::Stopped], 1);
}

#[test]
fn an_etag_changes_with_every_change_and_an_old_one_is_refused() {
    let mut region = Region::roomy();
    let id = region.launch_running("a");
    let before = region.get(Operation::GetInstance, "instanceId", &id).unwrap().etag.unwrap();
    let rename = region
        .request(Operation::UpdateInstance)
        .path("instanceId", &*id)
        .body(json!({"displayName": "b", "freeformTags": {"run": "7"}}))
        .if_match(&*before);
    let renamed = region.world.handle(&rename).unwrap();
    assert_eq!(
        (&renamed.json()["displayName"], &renamed.json()["freeformTags"]["run"]),
        (&json!("b"), &json!("7"))
    );
    assert_ne!(renamed.etag.as_ref(), Some(&before));
    let refused = region.world.handle(&rename).unwrap_err();
    assert_eq!((refused.status, refused.code), (412, "NoEtagMatch"));
}
