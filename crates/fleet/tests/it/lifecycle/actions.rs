//! Each action has its documented effect on the selected instances, and reports what it could not do.

use super::world::World;
use fleet::action::{Options, RowResult, Verb};
use fleet::select::{Filter, Selection};
use ledger::{Event, Outcome, RunState};
use oci_simulator::scenario::FaultRule;
use serde_json::json;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

#[tokio::test(start_paused = true)]
async fn stop_start_reboot_and_terminate_reach_the_wanted_state() {
    let world = World::new("roomy");
    world.fleet("web-", 20);
    for (verb, state) in [
        (Verb::Stop, "STOPPED"),
        (Verb::Start, "RUNNING"),
        (Verb::Reboot, "RUNNING"),
        (Verb::Terminate, "TERMINATED"),
    ] {
        let summary = world.run(&world.prefixed("web-").await, &Options::new(verb)).await;
        assert_eq!(
            (summary.outcome, summary.done, summary.failed),
            (Some(Outcome::Complete), 20, 0),
            "{verb:?}"
        );
        assert_eq!(world.counts(), [(state.to_owned(), 20)].into(), "{verb:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn instances_that_are_there_already_are_skipped_and_said_so() {
    let world = World::new("roomy");
    let made = world.fleet("web-", 5);
    world.act(&made[0], "STOP");
    world.settle();
    let summary = world.run(&world.prefixed("web-").await, &Options::new(Verb::Stop)).await;
    assert_eq!((summary.done, summary.skipped), (5, 1));
    assert_eq!(summary.instances[0].result, RowResult::Skipped);
    assert_eq!(world.sent("InstanceAction"), 4);
}

#[tokio::test(start_paused = true)]
async fn an_impossible_action_fails_alone_and_at_once() {
    let world = World::new("roomy");
    let made = world.fleet("web-", 3);
    world.act(&made[0], "STOP");
    world.settle();
    let selection = world.prefixed("web-").await;
    let summary = world.run(&selection, &Options::new(Verb::Reboot)).await;
    assert_eq!((summary.outcome, summary.done, summary.failed), (Some(Outcome::Partial), 2, 1));
    let error = summary.instances[0].error.clone().unwrap();
    insta::assert_snapshot!(format!("{}: {}", error.class, error.message), @"wrong_state: cannot reboot while STOPPED: it is stopped: start it instead");
}

#[tokio::test(start_paused = true)]
async fn an_instance_terminated_meanwhile_fails_at_once() {
    let world = World::new("roomy");
    let made = world.fleet("web-", 2);
    let selection = world.prefixed("web-").await;
    let terminated = made[0].clone();
    let region = world.region.clone();
    let caller = oci_simulator::world::Caller {
        tenancy: world.defaults.tenancy.clone(),
        user: world.defaults.user.clone(),
    };
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(2)).await;
        let request = oci_simulator::world::ApiRequest::new(oci_api::Operation::TerminateInstance, caller)
            .path("instanceId", terminated);
        region.world().handle(&request).unwrap();
    });
    let summary = world.run(&selection, &Options::new(Verb::Stop)).await;
    assert_eq!((summary.done, summary.failed), (1, 1));
    assert!(summary.elapsed_s < 120.0, "{}", summary.elapsed_s);
    assert!(summary.instances[0].error.as_ref().unwrap().message.contains("it is being terminated"));
}

#[tokio::test(start_paused = true)]
async fn a_start_without_capacity_names_the_reason() {
    let world = World::new("roomy");
    world.fleet("web-", 2);
    world.run(&world.prefixed("web-").await, &Options::new(Verb::Stop)).await;
    let rule: FaultRule = serde_json::from_value(json!({
        "operations": ["InstanceAction"], "every": 1,
        "fault": {"answer": {"status": 500, "code": "InternalError", "message": "Out of host capacity."}}
    }))
    .unwrap();
    world.region.add_faults(&[rule]);
    let summary = world.run(&world.prefixed("web-").await, &Options::new(Verb::Start)).await;
    assert_eq!((summary.outcome, summary.failed), (Some(Outcome::Nothing), 2));
    assert_eq!(summary.instances[0].error.as_ref().unwrap().class, "capacity");
}

#[tokio::test(start_paused = true)]
async fn a_busy_instance_is_retried_until_it_is_free() {
    let world = World::new("roomy");
    // Still PROVISIONING when it should be stopped.
    world.launch("web-1", |_| {});
    let summary = world.run(&world.prefixed("web-").await, &Options::new(Verb::Stop)).await;
    assert_eq!((summary.outcome, summary.done), (Some(Outcome::Complete), 1));
    assert_eq!(world.states()["web-1"], "STOPPED");
}

#[tokio::test(start_paused = true)]
async fn a_stop_is_soft_first_and_hard_after_the_grace() {
    let mut scenario = oci_simulator::scenario::Scenario::named("roomy").unwrap();
    scenario.world.stop_seconds.min = 300.0;
    scenario.world.stop_seconds.max = 300.0;
    let world = World::of(scenario);
    world.fleet("web-", 1);
    let options = Options { grace: Some(Duration::from_secs(30)), ..Options::new(Verb::Stop) };
    let summary = world.run(&world.prefixed("web-").await, &options).await;
    assert_eq!(summary.done, 1);
    let sent: Vec<String> = world
        .records
        .lock()
        .unwrap()
        .iter()
        .filter_map(|record| match &record.event {
            Event::ActionIntended { action, .. } => Some(action.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(sent, ["SOFTSTOP", "STOP"]);
    let forced = Options { grace: None, ..Options::new(Verb::Stop) };
    assert_eq!(forced.grace, None);
}

#[tokio::test(start_paused = true)]
async fn force_powers_off_at_once() {
    let world = World::new("roomy");
    world.fleet("web-", 2);
    let options = Options { grace: None, ..Options::new(Verb::Stop) };
    world.run(&world.prefixed("web-").await, &options).await;
    let records = world.records.lock().unwrap();
    let actions = records.iter().filter_map(|record| match &record.event {
        Event::ActionIntended { action, .. } => Some(action.as_str()),
        _ => None,
    });
    assert_eq!(actions.collect::<Vec<_>>(), ["STOP", "STOP"]);
}

#[tokio::test(start_paused = true)]
async fn no_wait_ends_when_all_actions_were_accepted() {
    let world = World::new("roomy");
    world.fleet("web-", 10);
    let options = Options { wait: false, ..Options::new(Verb::Stop) };
    let summary = world.run(&world.prefixed("web-").await, &options).await;
    assert_eq!((summary.outcome, summary.accepted, summary.done), (Some(Outcome::Complete), 10, 0));
    assert!(summary.elapsed_s < 5.0);
}

#[tokio::test(start_paused = true)]
async fn a_protected_instance_is_not_terminated_and_is_named() {
    let world = World::new("roomy");
    world.launch("web-1", |body| body["freeformTags"] = json!({"keep": "yes"}));
    world.launch("web-2", |_| {});
    world.settle();
    let options = Options { protect: vec!["keep".parse().unwrap()], ..Options::new(Verb::Terminate) };
    let summary = world.run(&world.prefixed("web-").await, &options).await;
    assert_eq!((summary.done, summary.failed), (1, 1));
    assert_eq!(world.states()["web-1"], "RUNNING");
    let error = summary.instances[0].error.clone().unwrap();
    insta::assert_snapshot!(error.message, @"the tag `keep` protects it from termination: remove the tag first");
}

#[tokio::test(start_paused = true)]
async fn volumes_are_kept_or_deleted_as_said_and_remembered_when_kept() {
    for keep in [false, true] {
        let world = World::new("roomy");
        world.fleet("web-", 3);
        let options = Options { keep_boot_volumes: keep, ..Options::new(Verb::Terminate) };
        let summary = world.run(&world.prefixed("web-").await, &options).await;
        assert_eq!(summary.done, 3);
        assert_eq!(world.region.world().boot_volumes().count(), if keep { 3 } else { 0 });
        let state = RunState::fold(summary.run_id.unwrap(), &*world.records.lock().unwrap());
        let plan: fleet::action::ActionPlan = serde_json::from_value(state.plan).unwrap();
        assert_eq!(plan.kept_volumes.len(), if keep { 3 } else { 0 });
    }
}

#[tokio::test(start_paused = true)]
async fn a_volume_attached_by_others_is_not_ours_to_keep() {
    let world = World::new("roomy");
    let made = world.launch("web-1", |body| {
        body["launchVolumeAttachments"] = json!([{
            "type": "paravirtualized",
            "launchCreateVolumeDetails": {"volumeCreationType": "ATTRIBUTES", "sizeInGBs": 100},
        }]);
    });
    world.settle();
    let theirs = world.region.world().attach_another_volume(&made, 50).unwrap();
    let options = Options { keep_data_volumes: true, ..Options::new(Verb::Terminate) };
    let summary = world.run(&world.prefixed("web-").await, &options).await;
    let state = RunState::fold(summary.run_id.unwrap(), &*world.records.lock().unwrap());
    let plan: fleet::action::ActionPlan = serde_json::from_value(state.plan).unwrap();
    assert_eq!(plan.kept_volumes.len(), 1, "{plan:?}");
    assert!(plan.kept_volumes.iter().all(|kept| kept.volume != theirs));
}

#[tokio::test(start_paused = true)]
async fn volumes_are_kept_even_where_they_may_not_be_listed() {
    let world = World::new("roomy");
    world.fleet("web-", 2);
    let selection = world.prefixed("web-").await;
    let rule: FaultRule = serde_json::from_value(json!({
        "operations": ["ListVolumeAttachments"], "every": 1,
        "fault": {"answer": {"status": 404, "code": "NotAuthorizedOrNotFound", "message": "no"}}
    }))
    .unwrap();
    world.region.add_faults(&[rule]);
    let options = Options { keep_data_volumes: true, ..Options::new(Verb::Terminate) };
    let summary = world.run(&selection, &options).await;
    assert_eq!((summary.done, summary.warnings.len()), (2, 1), "{summary:?}");
    assert!(summary.warnings[0].contains("cleanup --kept-volumes"), "{:?}", summary.warnings);
}

#[tokio::test(start_paused = true)]
async fn a_row_says_the_state_that_stood_in_the_way() {
    let world = World::new("roomy");
    let made = world.fleet("web-", 2);
    world.run(&world.prefixed("web-").await, &Options::new(Verb::Stop)).await;
    let selection = world.prefixed("web-").await;
    // Between the list and the action.
    world.terminate(&made[0]);
    let summary = world.run(&selection, &Options::new(Verb::Start)).await;
    let row = &summary.instances[0];
    assert_eq!((row.result, row.state.as_str()), (RowResult::Failed, "TERMINATING"));
    // Nothing followed the refusal, so nothing was announced.
    assert!(!world.said(|event| matches!(event, Event::TryFailed { slot: 1, .. })));
}

#[tokio::test(start_paused = true)]
async fn an_accepted_termination_is_on_its_way_even_if_nobody_looked() {
    let world = World::new("roomy");
    world.fleet("web-", 2);
    let options = Options { wait: false, ..Options::new(Verb::Terminate) };
    let summary = world.run(&world.prefixed("web-").await, &options).await;
    assert!(summary.instances.iter().all(|row| row.state == "TERMINATING"), "{summary:?}");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_forced_on_an_instance_already_there() {
    // A reboot is a stop and a start.
    for (verb, stop) in [(Verb::Stop, 9.5), (Verb::Reboot, 4.5)] {
        let mut scenario = oci_simulator::scenario::Scenario::named("roomy").unwrap();
        for (range, seconds) in
            [(&mut scenario.world.stop_seconds, stop), (&mut scenario.world.start_seconds, 5.0)]
        {
            (range.min, range.max) = (seconds, seconds);
        }
        let world = World::of(scenario);
        world.fleet("web-", 3);
        // The grace period ends between the time when they stop and the next poll.
        let poll = Duration::from_secs(8);
        let options = Options { grace: Some(Duration::from_secs(10)), poll, ..Options::new(verb) };
        let summary = world.run(&world.prefixed("web-").await, &options).await;
        assert_eq!((summary.done, world.sent("InstanceAction")), (3, 3), "{verb:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_named_instance_that_is_not_there_has_failed_and_has_a_row() {
    let world = World::new("roomy");
    world.fleet("web-", 2);
    let named = ["web-1", "web-9", "ocid1.instance.oc1.phx.nobody"].map(|text| text.parse().unwrap());
    let filter = Filter { named: Some(named.to_vec()), ..Filter::default() };
    let found = world.find(&filter).await;
    let selection = Selection::freeze(found.machines).and_missing(found.missing);
    let summary = world.run(&selection, &Options::new(Verb::Stop)).await;
    assert_eq!((summary.requested, summary.done, summary.failed), (3, 1, 2));
    assert_eq!(summary.outcome, Some(Outcome::Partial));
    assert_eq!(summary.missing, ["web-9", "ocid1.instance.oc1.phx.nobody"]);
    let error = summary.instances[1].error.clone().unwrap();
    assert_eq!((summary.instances[1].name.as_str(), error.class.as_str()), ("web-9", "missing"));
    // No instance exists at all.
    let nobody = Selection::default().and_missing(vec!["web-9".parse().unwrap()]);
    let summary = world.run(&nobody, &Options::new(Verb::Stop)).await;
    assert_eq!((summary.outcome, summary.failed), (Some(Outcome::Nothing), 1));
}

#[tokio::test(start_paused = true)]
async fn a_gone_name_is_meant_unless_a_living_one_has_it() {
    let world = World::new("roomy");
    let made = world.fleet("web-", 2);
    world.terminate(&made[0]);
    world.terminate(&made[1]);
    world.settle();
    let living = world.launch("web-2", |_| {});
    world.settle();
    let named = ["web-1", "web-2"].map(|text| text.parse().unwrap());
    let filter = Filter { named: Some(named.to_vec()), named_though_gone: true, ..Filter::default() };
    let found = world.find(&filter).await;
    let ocids: Vec<_> = found.machines.iter().map(|machine| machine.ocid.clone()).collect();
    assert_eq!((ocids, found.missing.len()), (vec![made[0].clone(), living], 0));
    // A termination has nothing left to do for it; a start cannot bring it back.
    let selection = Selection::freeze(found.machines);
    let started = world.run(&selection, &Options::new(Verb::Start)).await;
    assert_eq!((started.skipped, started.failed), (1, 1));
    // A later time, because a run's id is derived from it.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let terminated = world.run(&selection, &Options::new(Verb::Terminate)).await;
    assert_eq!((terminated.done, terminated.skipped, terminated.failed), (2, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_run_says_what_is_left() {
    let world = World::new("roomy");
    world.fleet("web-", 50);
    let stop = CancellationToken::new();
    let trigger = stop.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(5)).await;
        trigger.cancel();
    });
    let options = Options { rate: Some(2.0), ..Options::new(Verb::Terminate) };
    let summary = world.run_until(&world.prefixed("web-").await, &options, stop).await;
    assert_eq!(summary.outcome, Some(Outcome::Interrupted));
    assert!(summary.left > 20, "{}", summary.left);
    assert_eq!(summary.accepted + summary.done + summary.left, 50);
    world.settle();
    // Everything reported as sent was sent, and nothing else.
    let gone = world.counts().get("TERMINATED").copied().unwrap_or(0);
    assert_eq!(gone, (summary.accepted + summary.done) as usize);
}

#[tokio::test(start_paused = true)]
async fn a_refused_login_stops_the_run_at_once() {
    let world = World::new("roomy");
    world.fleet("web-", 30);
    let selection = world.prefixed("web-").await;
    let rule: FaultRule = serde_json::from_value(json!({
        "operations": ["InstanceAction"], "every": 1,
        "fault": {"answer": {"status": 401, "code": "NotAuthenticated", "message": "no"}}
    }))
    .unwrap();
    world.region.add_faults(&[rule]);
    let options = Options { max_concurrency: 4, ..Options::new(Verb::Stop) };
    let summary = world.run(&selection, &options).await;
    assert_eq!(summary.outcome, Some(Outcome::NotAuthenticated));
    assert!(world.sent("InstanceAction") <= 8, "{}", world.sent("InstanceAction"));
}

#[tokio::test(start_paused = true)]
async fn an_action_is_not_sent_when_the_ledger_cannot_keep_it() {
    let world = World::new("roomy");
    world.fleet("web-", 5);
    let selection = world.prefixed("web-").await;
    world.store.fail_after(Some(1));
    let summary = world.run(&selection, &Options::new(Verb::Terminate)).await;
    assert_eq!(summary.outcome, Some(Outcome::LedgerFailed));
    assert_eq!(world.sent("TerminateInstance"), 0);
    assert_eq!(world.counts()["RUNNING"], 5);
}

#[tokio::test(start_paused = true)]
async fn a_selection_that_grew_since_it_was_shown_is_not_widened() {
    let world = World::new("roomy");
    world.fleet("web-", 3);
    let selection = world.prefixed("web-").await;
    world.launch("web-4", |_| {});
    world.settle();
    world.run(&selection, &Options::new(Verb::Terminate)).await;
    assert_eq!(world.states()["web-4"], "RUNNING");
    assert_eq!(world.counts()["TERMINATED"], 3);
}

#[tokio::test(start_paused = true)]
async fn an_empty_selection_does_nothing_and_is_complete() {
    let world = World::new("roomy");
    let summary = world.run(&Selection::default(), &Options::new(Verb::Stop)).await;
    assert_eq!((summary.outcome, summary.requested), (Some(Outcome::Complete), 0));
    assert_eq!(world.sent_in_all(), 0);
}

#[tokio::test(start_paused = true)]
async fn instances_are_found_by_ocid_in_any_compartment() {
    let world = World::new("roomy");
    let made = world.fleet("web-", 2);
    let stranger = "ocid1.instance.oc1.phx.nobody";
    let named = [made[0].as_str(), stranger, "web-2"].map(|text| text.parse().unwrap());
    let found = world.find(&Filter { named: Some(named.to_vec()), ..Filter::default() }).await;
    let names: Vec<_> = found.machines.iter().map(|machine| machine.name.as_str()).collect();
    assert_eq!(names, ["web-1", "web-2"]);
    assert_eq!(found.missing.iter().map(fleet::select::Named::text).collect::<Vec<_>>(), [stranger]);
}
