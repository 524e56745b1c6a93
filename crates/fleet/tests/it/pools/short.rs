//! Members that do not come.

use super::world::{living, nothing_left, plan, pools};
use crate::launch::world::{World, count};
use fleet::{LaunchOptions, Plan};
use ledger::{EngineStep, Event, Outcome, Record};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// A region with room for 60 members in its first domain, each of which fills a host.
pub fn tight(seed: u64) -> World {
    World::seeded("world: {hosts: {per_fault_domain: 20}}", seed)
}

/// A plan of members that fill a host.
pub fn large(world: &World, wanted: u32) -> Plan {
    let mut plan = plan(world, wanted);
    plan.fleet.template = testkit::template(&world.defaults, 126.0);
    plan
}

#[tokio::test(start_paused = true)]
async fn too_few_members_are_told_and_rolled_back() {
    let world = tight(1);
    let mut plan = large(&world, 100);
    plan.min = Some(80);
    let began = Instant::now();
    let (summary, records) = world.launch(&plan).await;
    let took = began.elapsed();
    assert!(took <= Duration::from_mins(5), "over after {took:?}");
    assert_eq!(summary.outcome, Some(Outcome::GivenBack), "{summary:?}");
    let told = records.iter().find_map(|record| match &record.event {
        Event::Warning { message } if message.contains("Out of host capacity") => {
            Some((record.at, message.clone()))
        }
        _ => None,
    });
    let (at, message) = told.unwrap();
    let late = at.duration_since(records[0].at);
    assert!(late <= jiff::SignedDuration::from_mins(1), "told after {late:?}");
    assert!(message.starts_with("40 of 100 members have not come: OutOfCapacity"), "{message}");
    let failed = records.iter().find(|record| matches!(record.event, Event::SlotFailed { .. })).unwrap();
    assert!(failed.at.duration_since(records[0].at) <= jiff::SignedDuration::from_mins(5));
    assert_eq!(count(&records, |event| matches!(event, Event::GiveBackIntended { reached: 60, min: 80 })), 1);
    nothing_left(&world).await;
}

#[tokio::test(start_paused = true)]
async fn too_few_members_are_kept_without_a_minimum() {
    let world = tight(2);
    let began = Instant::now();
    let (summary, records) = world.launch(&large(&world, 70)).await;
    assert!(began.elapsed() <= Duration::from_mins(6), "{:?}", began.elapsed());
    assert_eq!((summary.outcome, summary.running, summary.failed), (Some(Outcome::Partial), 60, 10));
    assert_eq!(living(&world).len(), 60);
    // OCI accepts no other size while it tries; that is told.
    let resize =
        |event: &Event| matches!(event, Event::Engine { step: EngineStep::ResizeIntended { size: 60, .. } });
    assert_eq!(count(&records, resize), 1);
    assert!(summary.warnings.iter().any(|warning| warning.contains("does not accept the size 60")));
    let refused =
        |event: &Event| matches!(event, Event::Engine { step: EngineStep::ResizeRefused { size: 70, .. } });
    assert_eq!(count(&records, refused), 1);
    let set = |event: &Event| matches!(event, Event::Engine { step: EngineStep::Resized { .. } });
    assert_eq!(count(&records, set), 0);
    // A day later OCI has lowered the size itself.
    tokio::time::sleep(Duration::from_hours(25)).await;
    assert_eq!(pools(&world).await[0].1, 60);
}

#[tokio::test(start_paused = true)]
async fn members_are_awaited_as_long_as_asked_for() {
    for seconds in [10, 45, 200] {
        let world = tight(4);
        let options =
            LaunchOptions { retry_for: Some(Duration::from_secs(seconds)), ..LaunchOptions::default() };
        let (summary, records) =
            world.launch_with(&large(&world, 70), &options, CancellationToken::new()).await;
        assert_eq!((summary.running, summary.failed), (60, 10), "after {seconds} s");
        let resizes = |record: &Record| {
            matches!(record.event, Event::Engine { step: EngineStep::ResizeIntended { .. } })
        };
        let given_up = records.iter().position(resizes).unwrap();
        let members = records[..given_up].iter().filter(|one| matches!(one.event, Event::Launched { .. }));
        assert_eq!(members.clone().count(), 60, "given up after {seconds} s, while members came");
        let waited =
            records[given_up].at.duration_since(members.max_by_key(|one| one.seq).unwrap().at).as_secs();
        let seconds = i64::try_from(seconds).unwrap();
        assert!((seconds - 1..seconds + 15).contains(&waited), "{waited} s instead of {seconds}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_member_that_is_terminated_is_replaced() {
    let world = World::of("roomy");
    let plan = plan(&world, 30);
    let vandal = async {
        tokio::time::sleep(Duration::from_secs(30)).await;
        let victim = living(&world)[3].clone();
        world.environment().client.terminate_instance(&victim, false, false, None).await.unwrap();
        victim
    };
    let options = LaunchOptions::default();
    let ((summary, _), victim) =
        tokio::join!(world.launch_with(&plan, &options, CancellationToken::new()), vandal);
    assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), 30), "{summary:?}");
    assert!(summary.instances.iter().all(|row| row.ocid.as_deref() != Some(victim.as_str())));
    let living = living(&world);
    assert_eq!(living.len(), 30);
    assert!(summary.instances.iter().all(|row| living.iter().any(|ocid| row.ocid.as_ref() == Some(ocid))));
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_run_names_the_pool_that_goes_on() {
    let world = World::of("roomy");
    let (plan, options, stop) = (plan(&world, 30), LaunchOptions::default(), CancellationToken::new());
    let later = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        stop.cancel();
    };
    let ((summary, _), ()) = tokio::join!(world.launch_with(&plan, &options, stop.clone()), later);
    assert_eq!(summary.outcome, Some(Outcome::Interrupted), "{summary:?}");
    let told = |warning: &&String| warning.contains("goes on launching members");
    assert_eq!(summary.warnings.iter().filter(told).count(), 1, "{:?}", summary.warnings);
    let (again, _) = world.resume(summary.run_id).await;
    assert_eq!((again.outcome, again.running), (Some(Outcome::Complete), 30));
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_is_deleted_ends_the_launch() {
    let world = World::of("roomy");
    let plan = plan(&world, 60);
    let vandal = async {
        tokio::time::sleep(Duration::from_secs(25)).await;
        let pool = pools(&world).await[0].0.clone();
        world.environment().client.terminate_instance_pool(&pool).await.unwrap();
    };
    let options = LaunchOptions::default();
    let ((summary, records), ()) =
        tokio::join!(world.launch_with(&plan, &options, CancellationToken::new()), vandal);
    assert_eq!((summary.outcome, summary.failed), (Some(Outcome::Nothing), 60), "{summary:?}");
    assert_eq!(count(&records, |event| matches!(event, Event::Engine { step: EngineStep::Gone { .. } })), 1);
    assert_eq!(living(&world), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_oci_shrinks_is_told() {
    let world = tight(3);
    let options = LaunchOptions { retry_for: Some(Duration::from_hours(30)), ..LaunchOptions::default() };
    let (sink, _) = crate::launch::world::recorder();
    let (env, plan) = (world.environment(), large(&world, 64));
    let running = fleet::launch(&env, env.new_run_id(), &plan, &options, sink, CancellationToken::new());
    let summary = tokio::time::timeout(Duration::from_hours(60), running).await.unwrap().unwrap();
    assert_eq!((summary.outcome, summary.running, summary.failed), (Some(Outcome::Partial), 60, 4));
    let told = |warning: &&String| warning.contains("has the size 60, and this run asked for 64");
    assert_eq!(summary.warnings.iter().filter(told).count(), 1, "{:?}", summary.warnings);
}

#[tokio::test(start_paused = true)]
async fn a_detached_member_keeps_its_slot() {
    let world = World::of("roomy");
    let (first, _) = world.launch(&plan(&world, 6)).await;
    let pool = pools(&world).await[0].0.clone();
    let leaver = first.instances[2].ocid.clone().unwrap();
    let client = world.environment().client;
    client.detach_instance_pool_instance(&pool, &leaver, "by-hand").await.unwrap();
    assert_eq!(pools(&world).await, [(pool, 5)]);
    let (again, records) = world.resume(first.run_id).await;
    assert_eq!((again.outcome, again.running), (Some(Outcome::Complete), 6), "{records:?}");
    assert_eq!(living(&world).len(), 6);
}
