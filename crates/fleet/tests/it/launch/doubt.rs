//! Uncertain results: lost responses, lists that are refused, lag or fail, tokens that expire, false refusals.

use super::world::{World, count, recorder, within_a_day};
use fleet::{LaunchOptions, Plan};
use ledger::{Event, Outcome, RunState, Store as _};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Every launch takes effect, and its response is lost.
const LOST_ANSWERS: &str = "{operations: [launch], fault: reset_after}";
const NO_LIST: &str = "{operations: [ListInstances], fault: {answer: {status: 500}}}";
const HIDDEN_LIST: &str = "{operations: [ListInstances], fault: {answer: {status: 404}}}";
const HIDDEN_LOOK: &str = "{operations: [GetInstance], fault: {answer: {status: 404}}}";
const LIMIT: &str = "fault: {answer: {status: 400, code: LimitExceeded, message: The following service limits were exceeded}}";

fn faults(rules: &[&str]) -> World {
    World::of(&format!("faults: [{}]", rules.join(", ")))
}

async fn is_unfinished(world: &World) -> bool {
    world.store.runs().await.unwrap()[0].unfinished()
}

#[tokio::test(start_paused = true)]
async fn a_run_in_doubt_is_unfinished_until_resumed() {
    for (rules, deadline) in
        [(&[LOST_ANSWERS][..], Some(Duration::from_secs(3))), (&[LOST_ANSWERS, NO_LIST][..], None)]
    {
        let world = faults(rules);
        let options = LaunchOptions { deadline, ..LaunchOptions::default() };
        let plan = world.plan(2, &[]);
        let (summary, _) = world.launch_with(&plan, &options, CancellationToken::new()).await;
        assert_eq!((summary.outcome, summary.launched), (Some(Outcome::InDoubt), 0), "{deadline:?}");
        assert!(!world.live().is_empty() && is_unfinished(&world).await, "{deadline:?}");
        world.region.replace_faults(&[]);
        let (summary, _) = world.resume(summary.run_id).await;
        assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), 2), "{deadline:?}");
        world.check_books(&summary);
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_was_cut_short_is_unfinished() {
    let world = World::of("world: {boot_seconds: {min: 60, max: 60}}");
    let wait_timeout = LaunchOptions { wait_timeout: Duration::from_secs(10), ..LaunchOptions::default() };
    let deadline = LaunchOptions { deadline: Some(Duration::from_secs(10)), ..LaunchOptions::default() };
    for (options, class) in [(wait_timeout, "wait_timeout"), (deadline, "deadline")] {
        let (summary, _) = world.launch_with(&world.plan(1, &[]), &options, CancellationToken::new()).await;
        assert_eq!((summary.outcome, summary.launched), (Some(Outcome::CutShort), 1), "{class}");
        let error = summary.instances[0].error.as_ref().unwrap();
        assert_eq!(error.class, class, "{error:?}");
        assert!(error.message.contains("PROVISIONING") && is_unfinished(&world).await, "{error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_has_passed_launches_nothing() {
    let world = World::of("roomy");
    let options = LaunchOptions { deadline: Some(Duration::ZERO), ..LaunchOptions::default() };
    let (summary, _) = world.launch_with(&world.plan(2, &[]), &options, CancellationToken::new()).await;
    assert_eq!((summary.outcome, summary.launched, summary.failed), (Some(Outcome::CutShort), 0, 2));
    assert!(world.live().is_empty() && !summary.requests.contains_key("LaunchInstance"));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_called_given_back_while_the_list_cannot_be_read() {
    let world = faults(&[LOST_ANSWERS, NO_LIST]);
    let plan = Plan { min: Some(2), ..world.plan(2, &[]) };
    let (summary, _) = world.launch(&plan).await;
    assert_eq!((summary.outcome, world.live().len()), (Some(Outcome::InDoubt), 2));
    assert!(summary.warnings.iter().any(|text| text.contains("STILL RUN")), "{:?}", summary.warnings);
    assert!(is_unfinished(&world).await);
    world.region.replace_faults(&[]);
    let (summary, _) = world.resume(summary.run_id).await;
    assert_eq!((summary.outcome, world.live().len()), (Some(Outcome::GivenBack), 0));
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_the_list_shows_is_not_called_given_back() {
    // Missing from the list and denied by a read at first, then listed; no deletion takes effect for ten minutes.
    let refused = "{operations: [LaunchInstance], fault: {answer: {status: 400}}, nth: [2, 3, 4, 5]}";
    let denied = "{operations: [TerminateInstance], fault: {answer: {status: 404}}, for_seconds: 600}";
    let rules = [refused, HIDDEN_LOOK, denied].join(", ");
    let world = World::of(&format!("world: {{list_lag_seconds: 60}}\nfaults: [{rules}]"));
    let plan = Plan { min: Some(2), ..world.plan(2, &[]) };
    let options = LaunchOptions { wait: false, ..LaunchOptions::default() };
    let (summary, records) = world.launch_with(&plan, &options, CancellationToken::new()).await;
    assert_eq!((summary.outcome, world.live().len()), (Some(Outcome::GivenBack), 0));
    let given_back = records.iter().find(|record| matches!(record.event, Event::GivenBack { .. })).unwrap();
    assert!(given_back.at.duration_since(records[0].at).as_secs() >= 600, "{given_back:?}");
    // A cleanup later needs the proof that this deletion decided about the volumes.
    assert!(matches!(given_back.event, Event::GivenBack { work_request: Some(_), .. }), "{given_back:?}");
}

#[tokio::test(start_paused = true)]
async fn a_hidden_instance_is_neither_lost_nor_relaunched() {
    let world = faults(&[HIDDEN_LIST, HIDDEN_LOOK]);
    let (summary, records) = world.launch(&world.plan(3, &[])).await;
    assert_eq!((summary.outcome, summary.launched, summary.running), (Some(Outcome::CutShort), 3, 0));
    assert_eq!(world.live().len(), 3);
    assert_eq!(count(&records, |event| matches!(event, Event::InstanceDied { .. })), 0);
    assert!(summary.instances.iter().all(|row| row.error.as_ref().unwrap().code == "InstanceHidden"));
    // A policy takes effect some time after it is written.
    world.region.replace_faults(&[]);
    let (summary, _) = world.resume(summary.run_id).await;
    assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), 3));
    world.check_books(&summary);
}

#[tokio::test(start_paused = true)]
async fn a_vanished_instance_is_looked_up_before_it_is_lost() {
    let world =
        World::of(&format!("world: {{boot_seconds: {{min: 900, max: 900}}}}\nfaults: [{HIDDEN_LOOK}]"));
    let (summary, records) = world.launch(&world.plan(2, &[])).await;
    assert_eq!(count(&records, |event| matches!(event, Event::InstanceDied { .. })), 0);
    assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), 2), "the list shows them");
    world.check_books(&summary);
}

#[tokio::test(start_paused = true)]
async fn a_slow_list_vouches_for_all_that_vanished() {
    // The second one gets old enough to be called lost while the list is read for the first.
    let world = World::of(&format!(
        "world: {{boot_seconds: {{min: 900, max: 900}}}}\n\
         faults: [{HIDDEN_LOOK}, {{operations: [ListInstances], fault: {{delay: {{seconds: 45}}}}}}]"
    ));
    let options = LaunchOptions { rate: Some(0.05), max_concurrency: 1, ..LaunchOptions::default() };
    let (summary, records) = world.launch_with(&world.plan(2, &[]), &options, CancellationToken::new()).await;
    assert_eq!(count(&records, |event| matches!(event, Event::InstanceDied { .. })), 0);
    assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), 2));
    world.check_books(&summary);
}

#[tokio::test(start_paused = true)]
async fn a_vanished_instance_is_replaced_after_five_minutes() {
    let world = World::of(
        "world: {list_lag_seconds: 1000000}\n\
         faults: [{operations: [GetInstance], fault: {answer: {status: 404}}, for_seconds: 330}]",
    );
    let plan = world.plan(1, &[]);
    let client = world.environment().client;
    let vanishing = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        let call = oci_client::Call::new(oci_api::Operation::TerminateInstance);
        client.call_empty(call.path(world.live()[&1][0].clone())).await.unwrap();
    };
    let ((summary, records), ()) = tokio::join!(world.launch(&plan), vanishing);
    let lost = records.iter().filter(
        |record| matches!(&record.event, Event::InstanceDied { error, .. } if error.code == "InstanceLost"),
    );
    let after: Vec<i64> = lost.map(|record| record.at.duration_since(records[0].at).as_secs()).collect();
    assert!(matches!(after.as_slice(), [300..340]), "{after:?}");
    assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), 1));
    assert_eq!(world.live().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_was_refused_is_asked_for_again() {
    let world = World::of(
        "world: {boot_seconds: {min: 600, max: 600}}\n\
         faults: [{operations: [ListInstances], fault: {answer: {status: 404}}, for_seconds: 60}]",
    );
    let (summary, _) = world.launch(&world.plan(10, &[])).await;
    assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), 10));
    assert!(summary.requests["ListInstances"].ok > 5, "{:?}", summary.requests);
}

#[tokio::test(start_paused = true)]
async fn a_lagging_list_leads_to_no_second_launch() {
    let world = World::of(
        "world: {list_lag_seconds: 90}\n\
         faults: [{operations: [launch], nth: [1], fault: reset_after}, \
         {operations: [launch], nth: [2], fault: {answer: {status: 409, code: InvalidatedRetryToken}}}]",
    );
    let (summary, _) = world.launch(&world.plan(1, &[])).await;
    assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), 1));
    world.check_books(&summary);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_aged_during_sleep_is_not_resent() {
    let world = faults(&["{operations: [launch], nth: [1], fault: reset_after}"]);
    let env = world.environment();
    let (sink, _) = recorder();
    let (plan, options) = (world.plan(1, &[]), LaunchOptions::default());
    let launch = fleet::launch(&env, env.new_run_id(), &plan, &options, sink, CancellationToken::new());
    let asleep = async {
        // It waits before its second try.
        tokio::time::sleep(Duration::from_millis(200)).await;
        tokio::time::advance(Duration::from_hours(60)).await;
    };
    let (summary, ()) = tokio::join!(async { launch.await.unwrap() }, asleep);
    assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), 1));
    assert!(RunState::fold(summary.run_id, &world.store.snapshot(summary.run_id)).slot(1).adopted);
    world.check_books(&summary);
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_the_limits_api_contradicts_is_waited_out() {
    let world = faults(&[&format!("{{operations: [launch], for_seconds: 3000, {LIMIT}}}")]);
    let (summary, records) =
        within_a_day(async { Ok(world.launch(&world.plan(4, &[1])).await) }).await.unwrap();
    assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), 4), "{:?}", summary.warnings);
    let told = |event: &Event| matches!(event, Event::Warning { message } if message.contains("counts as transient"));
    assert_eq!(count(&records, told), 1);
    let asked = summary.requests["GetResourceAvailability"].ok;
    assert!((2..80).contains(&asked), "{asked} questions, for all slots together");
    world.check_books(&summary);
}

#[tokio::test(start_paused = true)]
async fn a_contradicted_limit_death_is_retried() {
    let mut dead_when_known = 0;
    for seed in 1..=8 {
        let dying = "world: {late_failure: {probability: 0.5, limit_share: 1.0}}";
        let world = World::seeded(&format!("{dying}\nfaults: [{LOST_ANSWERS}]"), seed);
        let (env, plan, options) = (world.environment(), world.plan(2, &[1]), LaunchOptions::default());
        let run = env.new_run_id();
        let first = fleet::launch(&env, run, &plan, &options, fleet::no_sink(), CancellationToken::new());
        // It dies while the results of its launches are unknown.
        assert!(tokio::time::timeout(Duration::from_millis(200), first).await.is_err());
        world.region.replace_faults(&[]);
        tokio::time::sleep(Duration::from_mins(10)).await;
        let (summary, records) = world.resume(run).await;
        assert_eq!(summary.running, 2, "seed {seed}: {:?}", summary.instances);
        let dead = |event: &Event| matches!(event, Event::Launched { state, .. } if state == "TERMINATED");
        dead_when_known += count(&records, dead);
    }
    assert!(dead_when_known > 0);
}

#[tokio::test(start_paused = true)]
async fn a_limit_contradicted_for_ever_ends_the_run() {
    let limit = format!("{{operations: [launch], {LIMIT}}}");
    let (summary, _) = faults(&[&limit]).launch(&World::of("roomy").plan(2, &[1])).await;
    assert_eq!((summary.outcome, summary.failed), (Some(Outcome::Nothing), 2));
    assert!((5000.0..8000.0).contains(&summary.elapsed_s), "{} s", summary.elapsed_s);
    let silent = "{operations: [GetResourceAvailability], fault: {answer: {status: 404}}}";
    let (summary, _) = faults(&[&limit, silent]).launch(&World::of("roomy").plan(2, &[1])).await;
    assert_eq!((summary.outcome, summary.failed), (Some(Outcome::Nothing), 2));
    assert!(summary.elapsed_s < 900.0, "{} s", summary.elapsed_s);
}

#[tokio::test(start_paused = true)]
async fn a_refused_login_adds_no_doubt() {
    let refused = "{operations: [launch], fault: {answer: {status: 401}}}";
    let world = faults(&[refused]);
    let (summary, _) = world.launch(&world.plan(2, &[])).await;
    let state = RunState::fold(summary.run_id, &world.store.snapshot(summary.run_id));
    assert_eq!((summary.outcome, state.counts.unsettled), (Some(Outcome::NotAuthenticated), 0));

    let world = faults(&["{operations: [launch], nth: [1], fault: reset_after}", refused]);
    let (summary, _) = world.launch(&world.plan(2, &[])).await;
    let state = RunState::fold(summary.run_id, &world.store.snapshot(summary.run_id));
    assert_eq!((summary.outcome, state.counts.unsettled), (Some(Outcome::NotAuthenticated), 1));
    world.region.replace_faults(&[]);
    let (summary, _) = world.resume(summary.run_id).await;
    assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), 2));
    world.check_books(&summary);
}
