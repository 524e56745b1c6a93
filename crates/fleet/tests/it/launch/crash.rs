//! Crashes: the process dies at any await, the ledger keeps what was synced, and another process continues.

use super::world::{World, count, recorder, within_a_day};
use fleet::{EndOfRun, LaunchOptions, Plan, RunError};
use ledger::{Event, LedgerError, Outcome, Phase, RunKind, RunState, Store as _};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio_util::sync::CancellationToken;

/// Polls the inner future this many times and then never again: the process is gone.
pub struct Mortal<F> {
    inner: Option<Pin<Box<F>>>,
    polls: u32,
}

impl<F> Mortal<F> {
    pub fn new(inner: F, polls: u32) -> Self {
        Self { inner: Some(Box::pin(inner)), polls }
    }
}

impl<F: Future> Future for Mortal<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.polls == 0 {
            self.inner = None;
            return Poll::Ready(None);
        }
        self.polls -= 1;
        match &mut self.inner {
            Some(inner) => inner.as_mut().poll(cx).map(Some),
            None => Poll::Ready(None),
        }
    }
}

/// Runs a launch of `count` slots that dies repeatedly, until a process lives long enough to finish it.
async fn crash_and_resume(scenario: &str, seed: u64, count: u32) -> (World, fleet::RunSummary) {
    let world = World::seeded(scenario, seed);
    let plan = world.plan(count, &[]);
    let summary = crash_and_resume_plan(&world, &plan).await;
    (world, summary)
}

/// The same for a plan.
pub async fn crash_and_resume_plan(world: &World, plan: &Plan) -> fleet::RunSummary {
    let mut chance = StdRng::seed_from_u64(world.seed);
    world.store.set_sync_delay(Duration::from_millis(3));
    let run = world.environment().new_run_id();
    let options = LaunchOptions::default();
    for life in 0.. {
        let env = world.environment();
        let (sink, _) = recorder();
        let stop = CancellationToken::new();
        let polls = if life < 12 { chance.random_range(1..400) } else { u32::MAX };
        let known = !world.store.snapshot(run).is_empty();
        let ended = if known {
            Mortal {
                inner: Some(Box::pin(within_a_day(fleet::resume(&env, run, &options, sink, stop)))),
                polls,
            }
            .await
        } else {
            let launch = fleet::launch(&env, run, plan, &options, sink, stop);
            Mortal { inner: Some(Box::pin(within_a_day(launch))), polls }.await
        };
        match ended {
            Some(Ok(summary)) if summary.outcome != Some(Outcome::Complete) && life < 12 => {}
            Some(ended) => return ended.unwrap(),
            None => world.store.crash(chance.random_range(0..4)),
        }
        // Requests of the dead process may still arrive; the next process starts later, or at once.
        tokio::time::sleep(Duration::from_millis(chance.random_range(0..3000))).await;
    }
    unreachable!("the last life is long enough")
}

#[tokio::test(start_paused = true)]
async fn a_run_killed_at_any_await_ends_with_exactly_its_instances() {
    for seed in 1..=25 {
        let (world, summary) = crash_and_resume("roomy", seed, 12).await;
        assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), 12), "seed {seed}");
        assert_eq!(world.live().len(), 12, "seed {seed}");
        world.check_books(&summary);
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_killed_repeatedly_ends_with_exactly_n() {
    for seed in 1..=25 {
        let (world, summary) = crash_and_resume("flaky", seed, 12).await;
        assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), 12), "seed {seed}");
        world.check_books(&summary);
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_killed_repeatedly_in_hostile_doubles_nothing() {
    for seed in 1..=15 {
        let (world, summary) = crash_and_resume("hostile", seed, 12).await;
        world.check_books(&summary);
        assert!(
            summary.instances.iter().all(|row| row.error.is_some() || row.running_at.is_some()),
            "seed {seed}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_launch_older_than_its_token_is_adopted_by_its_tags() {
    let world = World::of("faults: [{operations: [launch], nth: [1], fault: reset_after}]");
    let plan = world.plan(1, &[]);
    let env = world.environment();
    let run = env.new_run_id();
    let (sink, _) = recorder();
    let options = LaunchOptions::default();
    let launch = fleet::launch(&env, run, &plan, &options, sink, CancellationToken::new());
    // Dies while it waits before its second try.
    assert!(tokio::time::timeout(Duration::from_millis(200), launch).await.is_err());
    world.store.crash(0);
    let state = RunState::fold(run, &world.store.snapshot(run));
    assert_eq!(state.slot(1).phase, Phase::Intended);
    tokio::time::advance(Duration::from_hours(30)).await;
    let (summary, _) = world.resume(run).await;
    assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), 1));
    assert!(RunState::fold(run, &world.store.snapshot(run)).slot(1).adopted);
    world.check_books(&summary);
}

#[tokio::test(start_paused = true)]
async fn a_second_process_is_refused_the_run() {
    let world = World::of("roomy");
    let (summary, _) = world.launch(&world.plan(1, &[])).await;
    let lease = world.store.lease(summary.run_id, "2026-11-22T12:00:00Z".parse().unwrap()).await.unwrap();
    let (sink, _) = recorder();
    let env = world.environment();
    let refused =
        fleet::resume(&env, summary.run_id, &LaunchOptions::default(), sink, CancellationToken::new()).await;
    assert!(matches!(refused, Err(RunError::Ledger(LedgerError::Held { .. }))), "{refused:?}");
    drop(lease);
}

#[tokio::test(start_paused = true)]
async fn a_run_in_doubt_is_not_ended_for_good() {
    let world = World::of("roomy");
    let env = world.environment();
    let (run, at) = (env.new_run_id(), env.clock.now());
    let started = Event::RunStarted { kind: RunKind::Launch, requested: 2, plan: serde_json::Value::Null };
    env.store.create_run(run, at, started).await.unwrap();
    let intended = Event::LaunchIntended {
        slot: 1,
        attempt: 1,
        token: "token".to_owned(),
        placement: ledger::Placement::default(),
    };
    env.store.append(run, at, vec![intended]).await.unwrap();
    let end = fleet::end_for_good(&env, run).await.unwrap();
    assert_eq!(end, EndOfRun::Unknown { unsettled: 1, unreadable: 0 });
    let launched = Event::Launched {
        slot: 1,
        attempt: 1,
        ocid: "ocid1.instance.oc1.phx.a".to_owned(),
        name: "web-1".to_owned(),
        state: "PROVISIONING".to_owned(),
        placement: ledger::Placement::default(),
        work_request: None,
        adopted: false,
        differs: None,
    };
    env.store.append(run, at, vec![launched]).await.unwrap();
    assert_eq!(fleet::end_for_good(&env, run).await.unwrap(), EndOfRun::Now { missing: 1 });
    assert_eq!(fleet::end_for_good(&env, run).await.unwrap(), EndOfRun::Before);
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_ledger_is_lost_is_rebuilt_from_its_tags() {
    let mut world = World::of("roomy");
    let plan = world.plan(10, &[]);
    let env = world.environment();
    let run = env.new_run_id();
    let (sink, _) = recorder();
    let options = LaunchOptions { rate: Some(8.0), ..LaunchOptions::default() };
    let launch = fleet::launch(&env, run, &plan, &options, sink, CancellationToken::new());
    assert!(tokio::time::timeout(Duration::from_millis(500), launch).await.is_err());
    let launched = world.live().len();
    assert!(launched > 2 && launched < 10, "{launched}");
    world.store = ledger::MemoryStore::new();
    let env = world.environment();
    let state = fleet::rebuild_from_cloud(&env, run, &plan, fleet::launch::LONGEST_LAG).await.unwrap();
    assert_eq!(state.counts.launched as usize, launched);
    let (summary, _) = world.resume(run).await;
    assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), 10));
    world.check_books(&summary);
}

#[tokio::test(start_paused = true)]
async fn a_finished_run_is_left_alone_when_resumed() {
    let world = World::of("roomy");
    let (before, _) = world.launch(&world.plan(3, &[])).await;
    let (after, _) = world.resume(before.run_id).await;
    assert_eq!(after.outcome, Some(Outcome::Complete));
    assert_eq!(after.instances, before.instances);
    assert_eq!(after.requests["LaunchInstance"], before.requests["LaunchInstance"]);
}

/// Whichever records are lost, except the one with the plan: the instances are found by their tags once the list shows them.
#[tokio::test(start_paused = true)]
async fn lost_records_lead_to_no_second_instance() {
    let world = World::of("world: {list_lag_seconds: 80}");
    let (summary, records) = world.launch(&world.plan(3, &[])).await;
    let run = summary.run_id;
    let of_slots = |record: &&ledger::Record| record.event.slot().is_some_and(|slot| slot != 2);
    for record in records.iter().filter(of_slots) {
        world.store.ruin(run, record.seq);
    }
    let (summary, again) = world.resume(run).await;
    assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), 3));
    assert_eq!(count(&again, |event| matches!(event, Event::LaunchIntended { .. })), 0);
    world.check_books(&summary);
}

/// The record of a failed instance and those of the next launch are lost: the slot still has the live instance.
#[tokio::test(start_paused = true)]
async fn a_lost_termination_makes_room_for_the_living_one() {
    let died = |event: &Event| matches!(event, Event::InstanceDied { .. });
    for seed in 1.. {
        let world = World::seeded("world: {late_failure: {probability: 0.5}}", seed);
        let (summary, records) = world.launch(&world.plan(1, &[])).await;
        if count(&records, died) == 0 {
            continue;
        }
        let lost =
            records.iter().skip_while(|record| !matches!(record.event, Event::Launched { .. })).skip(1);
        for record in lost {
            world.store.ruin(summary.run_id, record.seq);
        }
        // By then the service has forgotten the retry token of the lost launch, and only the tags tell.
        tokio::time::sleep(Duration::from_hours(30)).await;
        let live = world.live();
        let (summary, again) = world.resume(summary.run_id).await;
        assert_eq!((summary.outcome, world.live()), (Some(Outcome::Complete), live));
        assert_eq!(count(&again, died), 1, "{again:?}");
        world.check_books(&summary);
        return;
    }
}

#[tokio::test(start_paused = true)]
async fn lost_records_need_a_readable_list_to_resume() {
    let world = World::of("roomy");
    let (summary, records) = world.launch(&world.plan(2, &[])).await;
    world
        .store
        .ruin(summary.run_id, records.iter().find(|record| record.event.slot() == Some(1)).unwrap().seq);
    let hidden = "faults: [{operations: [ListInstances], fault: {answer: {status: 404}}}]";
    world
        .region
        .replace_faults(&oci_simulator::scenario::Scenario::from_yaml(hidden, "test").unwrap().faults);
    let env = world.environment();
    let (options, stop) = (LaunchOptions::default(), CancellationToken::new());
    let refused = fleet::resume(&env, summary.run_id, &options, fleet::no_sink(), stop).await;
    assert!(matches!(&refused, Err(fleet::RunError::Failure(_))), "{refused:?}");
    world.region.replace_faults(&[]);
    let (summary, _) = world.resume(summary.run_id).await;
    assert_eq!((summary.outcome, world.live().len()), (Some(Outcome::Complete), 2));
}

/// An instance that ran and was terminated, with lost records: nobody asked to replace it, nor to terminate the others.
#[tokio::test(start_paused = true)]
async fn an_instance_gone_unnoticed_is_told_before_it_is_replaced() {
    let world = World::of("roomy");
    let plan = Plan { min: Some(3), ..world.plan(3, &[]) };
    let (summary, records) = world.launch(&plan).await;
    let of_slot_2 = records.iter().find(|record| record.event.slot() == Some(2)).unwrap();
    world.store.ruin(summary.run_id, of_slot_2.seq);
    let call = oci_client::Call::new(oci_api::Operation::TerminateInstance);
    world.environment().client.call_empty(call.path(world.live()[&1][0].clone())).await.unwrap();
    tokio::time::sleep(Duration::from_mins(5)).await;
    let (summary, records) = world.resume(summary.run_id).await;
    assert_eq!(count(&records, |event| matches!(event, Event::LaunchIntended { .. })), 0);
    assert_eq!((summary.outcome, world.live().len()), (Some(Outcome::Partial), 2));
    assert_eq!(summary.instances[0].error.as_ref().unwrap().class, "gone");
    world.check_books(&summary);
    let (summary, _) = world.resume(summary.run_id).await;
    assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), 3));
    world.check_books(&summary);
}

/// Whichever record of a run is lost, the others show the result of its launch.
#[tokio::test(start_paused = true)]
async fn an_instance_seen_running_settles_its_launch() {
    let world = World::of("roomy");
    let (summary, records) = world.launch(&world.plan(1, &[])).await;
    let launched = records.iter().find(|record| matches!(record.event, Event::Launched { .. })).unwrap();
    world.store.ruin(summary.run_id, launched.seq);
    let state = RunState::fold(summary.run_id, &world.store.snapshot(summary.run_id));
    assert_eq!((state.counts.unsettled, state.counts.launched, state.counts.running), (0, 1, 1));
    assert_eq!(state.slot(1).ocid.as_deref(), Some(world.live()[&1][0].as_str()));
}

#[tokio::test(start_paused = true)]
async fn a_lost_decision_to_give_back_is_read_from_what_followed() {
    let world = World::of("faults: [{operations: [launch], nth: [2, 3, 4], fault: {answer: {status: 400}}}]");
    let plan = Plan { min: Some(2), ..world.plan(2, &[]) };
    let (summary, records) = world.launch(&plan).await;
    assert_eq!(summary.outcome, Some(Outcome::GivenBack));
    let decided =
        records.iter().find(|record| matches!(record.event, Event::GiveBackIntended { .. })).unwrap();
    world.store.ruin(summary.run_id, decided.seq);
    let (summary, records) = world.resume(summary.run_id).await;
    assert_eq!(count(&records, |event| matches!(event, Event::LaunchIntended { .. })), 0);
    assert_eq!((summary.outcome, world.live().len()), (Some(Outcome::GivenBack), 0));
}
