//! Nothing is deleted without proof, whatever the ledger has lost, does not know yet, or learns meanwhile.

use super::cleanup::{delete, find, launched, names, rolled_back, scope};
use super::world::World;
use fleet::action::{Options, Verb};
use fleet::cleanup::{self, EXPIRY_TAG, Leftovers, Scope};
use fleet::plan::{RUN_TAG, SLOT_TAG};
use fleet::price::Prices;
use fleet::select::{Filter, Selection};
use ledger::{ErrorRecord, Event, MemoryStore, Outcome, Record, RunId, Store as _};
use serde_json::json;
use std::time::Duration;

/// What a cleanup with another ledger finds.
async fn find_with(world: &World, store: &MemoryStore, scope: &Scope) -> Leftovers {
    let evidence = cleanup::gather(store).await.unwrap();
    let domains = &world.defaults.availability_domains;
    cleanup::find(&world.env.client, &evidence, scope, domains, &Prices::default()).await.unwrap()
}

/// A ledger with these records of a run.
async fn with_records(run: RunId, records: &[Record]) -> MemoryStore {
    let store = MemoryStore::new();
    add_records(&store, run, records).await;
    store
}

async fn add_records(store: &MemoryStore, run: RunId, records: &[Record]) {
    for record in records {
        let event = record.event.clone();
        if record.seq == 1 {
            store.create_run(run, record.at, event).await.unwrap();
        } else {
            store.append(run, record.at, vec![event]).await.unwrap();
        }
    }
}

fn launch_for(world: &World, run: RunId, slot: u32, name: &str) -> String {
    world.launch(name, |body| {
        body["freeformTags"] = json!({RUN_TAG: run.to_string(), SLOT_TAG: slot.to_string()});
    })
}

fn is_living(world: &World, name: &str) -> bool {
    world.region.world().live_instances().any(|entry| entry.name == name)
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_no_record_names_is_left_alone() {
    let world = World::new("roomy");
    let (run, _) = launched(&world, 1, 2, &[1], Outcome::Partial).await;
    let (back, _) = launched(&world, 2, 1, &[1], Outcome::GivenBack).await;
    launch_for(&world, run, 2, "resumed-elsewhere");
    launch_for(&world, run, 3, "extended-elsewhere");
    launch_for(&world, back, 1, "rebuilt-elsewhere");
    world.settle();
    let left = find(&world, &scope(&world)).await;
    assert_eq!(names(&left), ["run1-2", "run2-1"]);
    let told = left.notes.join("\n");
    for name in ["resumed-elsewhere", "extended-elsewhere", "rebuilt-elsewhere"] {
        assert!(told.contains(name), "{told}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_ledger_from_before_a_resume_deletes_nothing() {
    let world = World::new("roomy");
    let (run, made) = launched(&world, 1, 2, &[1, 2], Outcome::Partial).await;
    world.settle();
    world.terminate(&made[1]);
    world.settle();
    launch_for(&world, run, 2, "resumed");
    world.settle();
    let records = world.store.snapshot(run);
    for known in 0..=records.len() {
        let store = with_records(run, &records[..known]).await;
        for named in [None, Some(run)] {
            let left = find_with(&world, &store, &Scope { run: named, ..scope(&world) }).await;
            assert!(left.is_empty(), "{known} records: {left:?}");
            assert!(!left.notes.is_empty(), "{known} records");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_living_instance_of_a_slot_is_left_over() {
    let world = World::new("roomy");
    let (run, made) = launched(&world, 1, 2, &[1, 2], Outcome::Complete).await;
    launch_for(&world, run, 2, "doubled");
    world.settle();
    let left = find(&world, &scope(&world)).await;
    assert_eq!(names(&left), ["doubled"]);
    assert!(left.instances[0].why.contains(&made[1]), "{}", left.instances[0].why);
    // Without the first one it is the only instance of the slot.
    world.act(&made[1], "STOP");
    world.settle();
    assert!(find(&world, &scope(&world)).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_run_with_lost_records_is_left_alone_and_told() {
    let world = World::new("roomy");
    let (run, _) = launched(&world, 1, 3, &[1, 3], Outcome::Partial).await;
    world.settle();
    let records = world.store.snapshot(run);
    let whole = with_records(run, &records).await;
    assert_eq!(names(&find_with(&world, &whole, &scope(&world)).await), ["run1-2"]);
    for lost in 1..=records.len() as u64 {
        let store = with_records(run, &records).await;
        store.ruin(run, lost);
        for named in [None, Some(run)] {
            let scope = Scope { run: named, kept_volumes: true, ..scope(&world) };
            let left = find_with(&world, &store, &scope).await;
            assert!(left.is_empty(), "without record {lost}: {left:?}");
            assert!(left.notes.iter().any(|note| note.contains("cannot be read")), "{:?}", left.notes);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_was_stopped_is_not_left_over() {
    let world = World::new("roomy");
    let (run, made) = launched(&world, 1, 1, &[1], Outcome::Partial).await;
    let error = ErrorRecord { class: ledger::ErrorClass::Stopped, ..ErrorRecord::default() };
    let events = vec![Event::SlotFailed { slot: 1, error }, Event::RunFinished { outcome: Outcome::Partial }];
    world.store.append(run, world.env.clock.now(), events).await.unwrap();
    world.settle();
    world.act(&made[0], "STOP");
    world.settle();
    assert!(find(&world, &Scope { run: Some(run), ..scope(&world) }).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_run_at_work_keeps_its_instances_past_their_time() {
    let world = World::new("roomy");
    let (run, _) = launched(&world, 1, 1, &[], Outcome::Interrupted).await;
    let over = (testkit::start() + jiff::SignedDuration::from_secs(60)).to_string();
    world.launch("late", |body| {
        body["freeformTags"] = json!({RUN_TAG: run.to_string(), SLOT_TAG: "2", EXPIRY_TAG: over});
    });
    world.settle();
    let lease = world.store.lease(run, world.env.clock.now()).await.unwrap();
    for expired_only in [true, false] {
        let scope = Scope { expired_only, ..scope(&world) };
        let left = find(&world, &scope).await;
        assert!(left.is_empty(), "{left:?}");
        assert!(left.notes[0].contains("a process is working on it"), "{:?}", left.notes);
    }
    drop(lease);
    let left = find(&world, &Scope { expired_only: true, ..scope(&world) }).await;
    assert_eq!(names(&left), ["late"]);
    // Resumed between the question and its answer.
    let _lease = world.store.lease(run, world.env.clock.now()).await.unwrap();
    let deleted = delete(&world, &left).await;
    assert_eq!((deleted.failed[0].1.class.as_str(), deleted.outcome()), ("held", Outcome::Nothing));
    assert!(is_living(&world, "late"));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_went_on_since_the_question_is_not_touched() {
    let world = World::new("roomy");
    let (run, _) = launched(&world, 1, 2, &[1], Outcome::Partial).await;
    world.settle();
    let left = find(&world, &scope(&world)).await;
    assert_eq!(names(&left), ["run1-2"]);
    world.store.append(run, world.env.clock.now(), vec![Event::RunResumed]).await.unwrap();
    let deleted = delete(&world, &left).await;
    assert_eq!((deleted.failed[0].1.class.as_str(), deleted.outcome()), ("changed", Outcome::Nothing));
    assert!(is_living(&world, "run1-2"));
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_is_extended_meanwhile_is_kept() {
    let world = World::new("roomy");
    let run = RunId(uuid::Uuid::from_u128(77)).to_string();
    let over = (testkit::start() + jiff::SignedDuration::from_secs(60)).to_string();
    world.launch("late", |body| body["freeformTags"] = json!({RUN_TAG: run, EXPIRY_TAG: over}));
    world.settle();
    let left = find(&world, &Scope { expired_only: true, ..scope(&world) }).await;
    let machines = world.find(&Filter::default()).await.machines;
    let until = world.region.world().now() + jiff::SignedDuration::from_hours(1);
    cleanup::extend(&world.env.client, &machines, until, &tokio_util::sync::CancellationToken::new()).await;
    world.region.advance(Duration::from_mins(2));
    let deleted = delete(&world, &left).await;
    assert_eq!(deleted.failed[0].1.class, "changed");
    assert!(is_living(&world, "late"));
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_fills_up_hides_no_deletion() {
    let world = World::new("roomy");
    let (run, made) = launched(&world, 1, 2, &[1, 2], Outcome::GivenBack).await;
    rolled_back(&world, run, &made, Some("ocid1.coreservicesworkrequest.oc1..w")).await;
    world.settle();
    for ocid in &made {
        world.terminate_keeping_boot_volume(ocid);
    }
    world.region.advance(Duration::from_mins(5));
    let left = find(&world, &scope(&world)).await;
    assert_eq!(left.volumes.len(), 2, "{left:?}");
    // The run and both intents are stored; the record that they are gone is not.
    world.store.fail_after(Some(3));
    let deleted = delete(&world, &left).await;
    assert_eq!((deleted.deleted.len(), deleted.failed.len()), (2, 0), "{deleted:?}");
    assert_eq!(deleted.outcome(), Outcome::Complete);
    assert!(deleted.warnings[0].contains("the ledger is incomplete"), "{deleted:?}");
    assert_eq!(world.region.world().boot_volumes().count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_kept_volume_stays_when_its_termination_is_unread() {
    let world = World::new("roomy");
    let (run, made) = launched(&world, 1, 2, &[1, 2], Outcome::GivenBack).await;
    rolled_back(&world, run, &made, Some("ocid1.coreservicesworkrequest.oc1..w")).await;
    world.settle();
    let selection = Selection::freeze(world.find(&Filter::default()).await.machines);
    let options = Options { keep_boot_volumes: true, ..Options::new(Verb::Terminate) };
    world.run(&selection, &options).await;
    let terminated = world.store.runs().await.unwrap().into_iter().find(|head| head.run != run).unwrap();
    assert!(find(&world, &scope(&world)).await.is_empty());
    world.store.ruin(terminated.run, 1);
    let left = find(&world, &scope(&world)).await;
    assert!(left.is_empty(), "{left:?}");
    assert!(left.notes.iter().any(|note| note.contains("2 volumes left alone")), "{:?}", left.notes);
}

/// A process may die between its announcement and its request, and somebody else may later end the instance and keep its
/// volume.
#[tokio::test(start_paused = true)]
async fn a_termination_only_announced_proves_nothing() {
    let world = World::new("roomy");
    let (run, made) = launched(&world, 1, 1, &[1], Outcome::Complete).await;
    world.settle();
    let selection = Selection::freeze(world.find(&Filter::default()).await.machines);
    let refused = json!({"operations": ["TerminateInstance"], "fault": {"answer": {"status": 404}}});
    world.region.add_faults(&[serde_json::from_value(refused).unwrap()]);
    world.run(&selection, &Options::new(Verb::Terminate)).await;
    world.region.replace_faults(&[]);
    world.terminate_keeping_boot_volume(&made[0]);
    world.settle();

    let head = world.store.runs().await.unwrap().into_iter().find(|head| head.run != run).unwrap();
    let records = world.store.snapshot(head.run);
    let is_intent = |record: &Record| matches!(record.event, Event::ActionIntended { .. });
    let announced = records.iter().position(is_intent).unwrap() + 1;
    let store = with_records(run, &world.store.snapshot(run)).await;
    add_records(&store, head.run, &records[..announced]).await;
    let left = find_with(&world, &store, &scope(&world)).await;
    assert!(left.is_empty(), "{left:?}");
    assert!(left.notes.iter().any(|note| note.contains("1 volume left alone")), "{:?}", left.notes);

    // Only the work request proves that the service carries it out.
    for (work_request, volumes) in [(None, 0), (Some("ocid1.coreservicesworkrequest.oc1..w".to_owned()), 1)] {
        let accepted = Event::ActionAccepted {
            slot: 1,
            ocid: made[0].clone(),
            state: "TERMINATING".to_owned(),
            work_request,
        };
        store.append(head.run, world.env.clock.now(), vec![accepted]).await.unwrap();
        let left = find_with(&world, &store, &scope(&world)).await;
        assert_eq!(left.volumes.len(), volumes, "{left:?}");
    }
}

/// Somebody else may have terminated the instance, and kept its volume, after the rollback began and before it reached the
/// instance.
#[tokio::test(start_paused = true)]
async fn a_rollback_only_begun_or_overtaken_proves_nothing() {
    let world = World::new("roomy");
    let (run, made) = launched(&world, 1, 1, &[1], Outcome::Interrupted).await;
    world.settle();
    let begun = Event::GiveBackIntended { reached: 1, min: 2 };
    world.store.append(run, world.env.clock.now(), vec![begun]).await.unwrap();
    world.terminate_keeping_boot_volume(&made[0]);
    world.settle();
    let named = Scope { run: Some(run), ..scope(&world) };
    let is_left_alone = |left: &Leftovers| {
        left.is_empty() && left.notes.iter().any(|note| note.contains("1 volume left alone"))
    };
    let left = find(&world, &named).await;
    assert!(is_left_alone(&left), "only begun: {left:?}");

    rolled_back(&world, run, &made, None).await;
    let left = find(&world, &named).await;
    assert!(is_left_alone(&left), "found terminated: {left:?}");

    rolled_back(&world, run, &made, Some("ocid1.coreservicesworkrequest.oc1..w")).await;
    assert_eq!(find(&world, &named).await.volumes.len(), 1);
}
