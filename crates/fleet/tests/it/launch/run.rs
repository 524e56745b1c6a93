//! A launch, from the plan to its summary.

use super::world::{World, count};
use fleet::LaunchOptions;
use ledger::{Event, Outcome};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

#[tokio::test(start_paused = true)]
async fn twenty_instances_run_under_their_names() {
    let world = World::of("roomy");
    let (summary, records) = world.launch(&world.plan(20, &[])).await;
    assert_eq!(summary.outcome, Some(Outcome::Complete));
    assert_eq!((summary.requested, summary.launched, summary.running, summary.failed), (20, 20, 20, 0));
    for (row, slot) in summary.instances.iter().zip(1..) {
        assert_eq!((row.slot, row.name.as_str(), row.attempts), (slot, format!("web-{slot}").as_str(), 1));
        assert_eq!(row.state.as_deref(), Some("RUNNING"));
        assert!(
            row.fault_domain.is_some() && row.ready_in_s.unwrap() > 1.0 && row.error.is_none(),
            "{row:?}"
        );
    }
    assert_eq!(summary.requests["LaunchInstance"].ok, 20);
    world.check_books(&summary);
    world.check_ledger(&summary, &records);
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_events() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let world = World::seeded("hostile", 7);
        runs.push(world.launch(&world.plan(30, &[])).await);
    }
    assert_eq!(runs[0].1, runs[1].1);
}

#[tokio::test(start_paused = true)]
async fn without_waiting_a_run_ends_when_all_is_launched() {
    let world = World::of("roomy");
    let options = LaunchOptions { wait: false, ..LaunchOptions::default() };
    let (summary, _) = world.launch_with(&world.plan(5, &[]), &options, CancellationToken::new()).await;
    assert_eq!((summary.outcome, summary.launched, summary.running), (Some(Outcome::Complete), 5, 0));
    assert!(summary.elapsed_s < 5.0, "{} s", summary.elapsed_s);
    assert!(!summary.requests.contains_key("ListInstances"));
}

#[tokio::test(start_paused = true)]
async fn a_full_domain_is_left_for_the_next_one() {
    let world = World::of("stockout");
    let (summary, records) = world.launch(&world.plan(40, &[])).await;
    assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), 40));
    assert!(
        summary.instances.iter().all(|row| !row.availability_domain.as_deref().unwrap().ends_with("AD-1"))
    );
    let refused = count(&records, |event| matches!(event, Event::TryFailed { .. }));
    assert!(refused <= 10, "{refused} launches were tried in the full domain");
    world.check_books(&summary);
}

#[tokio::test(start_paused = true)]
async fn a_full_region_gives_each_slot_a_reason() {
    let world = World::of("stockout");
    let (summary, records) = world.launch(&world.plan(50, &[1])).await;
    assert_eq!((summary.outcome, summary.launched, summary.failed), (Some(Outcome::Nothing), 0, 50));
    assert!(summary.instances.iter().all(|row| row.error.as_ref().unwrap().class == "capacity"));
    let asked = summary.requests["LaunchInstance"].failed;
    assert!(asked < 60, "{asked} launches to learn that a domain is full");
    world.check_ledger(&summary, &records);
}

#[tokio::test(start_paused = true)]
async fn a_slot_that_may_wait_gets_the_capacity_that_comes_back() {
    let world = World::of("crumbs");
    let plan = world.plan(12, &[]);
    let options = LaunchOptions { retry_for: Some(Duration::from_hours(2)), ..LaunchOptions::default() };
    let (summary, _) = world.launch_with(&plan, &options, CancellationToken::new()).await;
    assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), 12));
    world.check_books(&summary);
}

#[tokio::test(start_paused = true)]
async fn a_refused_login_stops_the_run_at_once() {
    let world = World::of("faults: [{fault: expired_credentials}]");
    let (summary, records) = world.launch(&world.plan(100, &[])).await;
    assert_eq!((summary.outcome, summary.launched), (Some(Outcome::NotAuthenticated), 0));
    assert_eq!(summary.requests["LaunchInstance"].failed, 1);
    assert_eq!(count(&records, |event| matches!(event, Event::TryFailed { .. })), 1);
    let errors: Vec<_> = summary.instances.iter().filter_map(|row| row.error.as_ref()).collect();
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].class, "authentication");
}

#[tokio::test(start_paused = true)]
async fn a_hidden_refusal_names_its_culprit_once() {
    let world = World::of("roomy");
    let mut plan = world.plan(60, &[1]);
    let vnic = plan.fleet.template.create_vnic_details.as_mut().unwrap();
    vnic.subnet_id = Some("ocid1.subnet.oc1.phx.aaaanosuchsubnet".to_owned());
    let (summary, _) = world.launch(&plan).await;
    assert_eq!(summary.outcome, Some(Outcome::Nothing));
    assert_eq!(summary.warnings.len(), 1, "{:#?}", summary.warnings);
    let told = &summary.warnings[0];
    assert!(told.starts_with("ocid1.subnet.oc1.phx.aaaanosuchsubnet: this subnet does not exist"), "{told}");
    assert!(told.contains("add: Allow group <your group> to use subnets in compartment"), "{told}");
    assert_eq!(summary.requests["GetSubnet"].failed, 1);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_says_why_is_not_looked_into() {
    let world = World::of("stockout");
    let (summary, _) = world.launch(&world.plan(3, &[1])).await;
    assert!(summary.warnings.is_empty() && !summary.requests.contains_key("GetSubnet"), "{summary:?}");
}

#[tokio::test(start_paused = true)]
async fn a_long_wait_is_recorded_with_its_end() {
    let world = World::of("stockout");
    let patience = Duration::from_mins(10);
    let options = LaunchOptions { retry_for: Some(patience), ..LaunchOptions::default() };
    let (_, records) = world.launch_with(&world.plan(2, &[1]), &options, CancellationToken::new()).await;
    let waits = records.iter().filter_map(|record| match &record.event {
        Event::Waiting { next_try, gives_up, .. } => Some((record.at, *next_try, gives_up.unwrap())),
        _ => None,
    });
    let waits: Vec<_> = waits.collect();
    assert!(!waits.is_empty());
    for (at, next_try, gives_up) in waits {
        let begun = records[0].at;
        assert!(next_try > at, "{at} {next_try}");
        assert!(gives_up.duration_since(begun) <= patience.try_into().unwrap(), "{gives_up}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_short_patience_ends_before_the_usual_one() {
    for seconds in [0, 1, 5, 40] {
        let world = World::of("stockout");
        let patience = Duration::from_secs(seconds);
        let options = LaunchOptions { retry_for: Some(patience), ..LaunchOptions::default() };
        let (summary, records) =
            world.launch_with(&world.plan(3, &[1]), &options, CancellationToken::new()).await;
        assert_eq!(summary.failed, 3, "{seconds}");
        let mut sent = records.iter().filter(|record| matches!(record.event, Event::LaunchIntended { .. }));
        let last = sent.next_back().unwrap().at.duration_since(records[0].at).as_secs_f64();
        // The first tries, and the pacing, take a moment of their own.
        assert!(last <= patience.as_secs_f64() + 2.0, "{last} of {seconds}");
        assert!(last >= patience.as_secs_f64() / 2.0, "{last} of {seconds}: it goes on trying");
    }
}

#[tokio::test(start_paused = true)]
async fn a_wrong_request_is_not_sent_for_every_slot() {
    let world = World::of("roomy");
    let mut plan = world.plan(200, &[1]);
    plan.fleet.template.shape_config = None;
    let (summary, _) = world.launch(&plan).await;
    assert_eq!((summary.outcome, summary.failed), (Some(Outcome::Nothing), 200));
    assert!(summary.requests["LaunchInstance"].failed < 30, "{:?}", summary.requests);
    assert!(summary.instances.iter().all(|row| row.error.as_ref().unwrap().class == "invalid"));
}

#[tokio::test(start_paused = true)]
async fn a_terminated_launch_is_replaced_under_a_new_token() {
    let world = World::of("world: {late_failure: {probability: 0.3}}");
    let (summary, records) = world.launch(&world.plan(30, &[])).await;
    assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), 30));
    let died = count(
        &records,
        |event| matches!(event, Event::InstanceDied { error, .. } if error.message.to_lowercase().contains("capacity")),
    );
    assert!(died > 3, "{died} died, with the reason from their work requests");
    world.check_books(&summary);
    world.check_ledger(&summary, &records);
}

#[tokio::test(start_paused = true)]
async fn cut_connections_and_gateway_errors_lose_and_double_nothing() {
    for seed in 1..=8 {
        let world = World::seeded("flaky", seed);
        let (summary, records) = world.launch(&world.plan(60, &[])).await;
        assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), 60), "seed {seed}");
        world.check_books(&summary);
        world.check_ledger(&summary, &records);
    }
}

#[tokio::test(start_paused = true)]
async fn everything_at_once_loses_and_doubles_nothing() {
    for seed in 1..=8 {
        let world = World::seeded("hostile", seed);
        let (summary, records) = world.launch(&world.plan(40, &[])).await;
        for row in summary.instances.iter().filter(|row| row.state.as_deref() != Some("RUNNING")) {
            assert!(row.error.is_some(), "seed {seed}: slot {} has no reason: {row:?}", row.slot);
        }
        world.check_books(&summary);
        world.check_ledger(&summary, &records);
    }
}

#[tokio::test(start_paused = true)]
async fn a_patient_run_gets_its_machines_in_hostile() {
    for seed in 1..=8 {
        let world = World::seeded("hostile", seed);
        let options = LaunchOptions { retry_for: Some(Duration::from_hours(2)), ..LaunchOptions::default() };
        let (summary, records) =
            world.launch_with(&world.plan(20, &[]), &options, CancellationToken::new()).await;
        assert!(summary.running >= 18, "seed {seed}: {} of 20 run", summary.running);
        world.check_books(&summary);
        world.check_ledger(&summary, &records);
    }
}

#[tokio::test(start_paused = true)]
async fn a_throttled_run_gets_through_and_slows_down() {
    let world = World::of("throttled");
    let (summary, records) = world.launch(&world.plan(30, &[])).await;
    assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), 30));
    assert!(count(&records, |event| matches!(event, Event::PaceChanged { .. })) > 0);
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_does_not_run_in_time_is_reported_and_kept() {
    let world = World::of("roomy");
    let options = LaunchOptions { wait_timeout: Duration::from_secs(10), ..LaunchOptions::default() };
    let (summary, _) = world.launch_with(&world.plan(3, &[]), &options, CancellationToken::new()).await;
    assert_eq!((summary.outcome, summary.launched, summary.failed), (Some(Outcome::CutShort), 3, 3));
    assert!(summary.instances.iter().all(|row| row.error.as_ref().unwrap().code == "WaitTimeout"));
    assert_eq!(world.live().len(), 3);
    let (summary, _) = world.resume(summary.run_id).await;
    assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), 3), "a resume waits again");
}

#[tokio::test(start_paused = true)]
async fn watching_a_thousand_needs_a_tenth_as_many_reads() {
    let world = World::of("world: {boot_seconds: {min: 30, max: 60}}");
    let (summary, _) = world.launch(&world.plan(1000, &[])).await;
    assert_eq!(summary.running, 1000);
    let reads: u64 =
        summary.requests.iter().filter(|(name, _)| *name != "LaunchInstance").map(|(_, of)| of.ok).sum();
    assert!(reads <= 100, "{reads} reads: {:?}", summary.requests);
}

#[tokio::test(start_paused = true)]
async fn while_few_run_only_those_are_listed() {
    let world = World::of("world: {boot_seconds: {min: 30, max: 120}}");
    let (summary, _) = world.launch(&world.plan(200, &[])).await;
    assert_eq!(summary.running, 200);
    let sent = |name: &str| summary.requests.get(name).map_or(0, |of| of.ok);
    // Twenty polls of both pages of all instances would take 40 requests, and looks at the oldest before them another 8.
    assert!(sent("ListInstances") + sent("GetInstance") <= 42, "{:?}", summary.requests);
}

#[tokio::test(start_paused = true)]
async fn without_list_permission_each_instance_is_polled() {
    let refused = "faults: [{operations: [ListInstances], fault: {answer: {status: 404}}}]";
    let world = World::of(refused);
    let (summary, _) = world.launch(&world.plan(10, &[])).await;
    assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), 10));
    assert_eq!(summary.warnings.len(), 1, "told once: {:?}", summary.warnings);
}

#[tokio::test(start_paused = true)]
async fn polls_that_fail_for_minutes_fail_no_instance() {
    let world = World::of("faults: [{operations: [read], fault: {answer: {status: 500}}, for_seconds: 300}]");
    let (summary, _) = world.launch(&world.plan(10, &[])).await;
    assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), 10));
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_run_awaits_its_calls_and_can_be_resumed() {
    let world = World::of("latency: {min_ms: 2000, max_ms: 4000}");
    let plan = world.plan(40, &[]);
    let stop = CancellationToken::new();
    let options = LaunchOptions::default();
    let stopping = async {
        tokio::time::sleep(Duration::from_secs(7)).await;
        stop.cancel();
    };
    let ((summary, records), ()) = tokio::join!(world.launch_with(&plan, &options, stop.clone()), stopping);
    assert_eq!(summary.outcome, Some(Outcome::Interrupted));
    assert!(summary.launched > 0 && summary.launched < 40, "{}", summary.launched);
    assert!(summary.elapsed_s < 12.0, "calls under way are awaited, nothing else: {} s", summary.elapsed_s);
    assert_eq!(count(&records, |event| matches!(event, Event::Interrupted)), 1);
    world.check_books(&summary);
    let (summary, _) = world.resume(summary.run_id).await;
    assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), 40));
    world.check_books(&summary);
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_fails_stops_the_launches_and_hides_no_instance() {
    let world = World::of("roomy");
    world.store.fail_after(Some(25));
    let (summary, records) = world.launch(&world.plan(40, &[])).await;
    assert_eq!(summary.outcome, Some(Outcome::LedgerFailed));
    assert!(summary.ledger_error.as_deref().unwrap().contains("no space left"), "{:?}", summary.ledger_error);
    assert!(summary.launched > 0 && summary.launched < 40);
    world.check_books(&summary);
    let intended = count(&records, |event| matches!(event, Event::LaunchIntended { .. }));
    assert_eq!(summary.requests["LaunchInstance"].ok, intended as u64, "no launch without a kept intent");
    world.store.fail_after(None);
    let (summary, _) = world.resume(summary.run_id).await;
    assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), 40));
    world.check_books(&summary);
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_somebody_terminates_is_replaced() {
    let world = World::of("roomy");
    let plan = world.plan(2, &[]);
    let env = world.environment();
    let stopping = async {
        // Long enough for both to be launched, short enough for neither to run.
        tokio::time::sleep(Duration::from_secs(3)).await;
        let ocid = world.live()[&1][0].clone();
        let call = oci_client::Call::new(oci_api::Operation::TerminateInstance).path(ocid);
        env.client.call_empty(call).await.unwrap();
    };
    let ((summary, records), ()) = tokio::join!(world.launch(&plan), stopping);
    assert_eq!(count(&records, |event| matches!(event, Event::InstanceDied { slot: 1, .. })), 1);
    assert_eq!(
        (summary.outcome, summary.running),
        (Some(Outcome::Complete), 2),
        "a terminated one is replaced"
    );
    world.check_books(&summary);
}
