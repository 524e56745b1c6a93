//! Cleanup finds what this tool's own runs left behind, and nothing that belongs to others.

use super::world::World;
use fleet::action::{Options, Verb};
use fleet::cleanup::{self, Deleted, EXPIRY_TAG, Leftovers, Scope};
use fleet::no_sink;
use fleet::plan::{RUN_TAG, SLOT_TAG};
use fleet::price::Prices;
use fleet::select::{Filter, Selection};
use jiff::Timestamp;
use ledger::{Event, Outcome, Placement, RunId, RunKind, Store as _};
use serde_json::json;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// A launch run in the ledger with an instance for each slot; those in `good` are recorded as RUNNING, the others as failed.
pub async fn launched(
    world: &World,
    number: u128,
    count: u32,
    good: &[u32],
    outcome: Outcome,
) -> (RunId, Vec<String>) {
    let run = RunId(uuid::Uuid::from_u128(number));
    let at = world.env.clock.now();
    let first = Event::RunStarted { kind: RunKind::Launch, requested: count, plan: json!({}) };
    world.store.create_run(run, at, first).await.unwrap();
    let mut made = Vec::new();
    for slot in 1..=count {
        let ocid = world.launch(&format!("run{number}-{slot}"), |body| {
            body["freeformTags"] = json!({RUN_TAG: run.to_string(), SLOT_TAG: slot.to_string()});
        });
        let mut events = vec![Event::Launched {
            slot,
            attempt: 1,
            ocid: ocid.clone(),
            name: format!("run{number}-{slot}"),
            state: "PROVISIONING".into(),
            placement: Placement::default(),
            work_request: None,
            adopted: false,
            differs: None,
        }];
        if good.contains(&slot) {
            events.push(Event::Running { slot, ocid: ocid.clone() });
        } else {
            let error = ledger::ErrorRecord::default;
            events.push(Event::InstanceDied { slot, ocid: ocid.clone(), error: error() });
            events.push(Event::SlotFailed { slot, error: error() });
        }
        world.store.append(run, at, events).await.unwrap();
        made.push(ocid);
    }
    world.store.append(run, at, vec![Event::RunFinished { outcome }]).await.unwrap();
    (run, made)
}

/// Records that the rollback of a run terminated these instances, with the work requests of the terminations if they took effect.
pub async fn rolled_back(world: &World, run: RunId, made: &[String], work_request: Option<&str>) {
    let events = made.iter().zip(1..).map(|(ocid, slot)| Event::GivenBack {
        slot: Some(slot),
        ocid: ocid.clone(),
        work_request: work_request.map(str::to_owned),
    });
    world.store.append(run, world.env.clock.now(), events.collect()).await.unwrap();
}

pub fn scope(world: &World) -> Scope {
    Scope {
        compartment: world.defaults.compartment.clone(),
        run: None,
        expired_only: false,
        kept_volumes: false,
        made_reservations: false,
        networks: false,
        // The region's clock is ahead by the skipped time.
        now: world.region.world().now(),
    }
}

pub async fn find(world: &World, scope: &Scope) -> Leftovers {
    let evidence = cleanup::gather(&world.store).await.unwrap();
    let domains = &world.defaults.availability_domains;
    cleanup::find(&world.env.client, &evidence, scope, domains, &Prices::default()).await.unwrap()
}

pub async fn delete(world: &World, left: &Leftovers) -> Deleted {
    cleanup::delete(&world.env, left, |_, _| no_sink(), CancellationToken::new()).await.unwrap()
}

pub fn names(left: &Leftovers) -> Vec<&str> {
    left.instances.iter().map(|left| left.machine.name.as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn instances_that_died_or_were_rolled_back_are_left_over() {
    let world = World::new("roomy");
    world.fleet("other-", 3);
    launched(&world, 1, 3, &[1, 3], Outcome::Partial).await;
    launched(&world, 2, 2, &[1, 2], Outcome::Complete).await;
    launched(&world, 3, 2, &[1, 2], Outcome::GivenBack).await;
    launched(&world, 4, 2, &[], Outcome::Interrupted).await;
    world.settle();
    let left = find(&world, &scope(&world)).await;
    assert_eq!(names(&left), ["run1-2", "run3-1", "run3-2"]);
    assert!(left.notes[0].contains("unfinished"), "{:?}", left.notes);
    let (hour, unknown) = left.hour(&Prices::default());
    assert!((hour - 3.0 * 0.034).abs() < 1e-6 && unknown == 0, "{hour}");

    let deleted = delete(&world, &left).await;
    assert_eq!(deleted.outcome(), Outcome::Complete);
    let alive: Vec<String> = world.region.world().live_instances().map(|entry| entry.name).collect();
    assert_eq!(alive.len(), 3 + 2 + 2 + 2);
    assert!(alive.iter().all(|name| !["run1-2", "run3-1", "run3-2"].contains(&name.as_str())));
    assert!(find(&world, &scope(&world)).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_unfinished_run_is_cleaned_up_only_when_it_is_named() {
    let world = World::new("roomy");
    let (run, _) = launched(&world, 4, 2, &[1], Outcome::Interrupted).await;
    world.settle();
    assert!(find(&world, &scope(&world)).await.is_empty());
    let named = Scope { run: Some(run), ..scope(&world) };
    assert_eq!(names(&find(&world, &named).await), ["run4-2"]);
    // A process that works on the run protects it.
    let _lease = world.store.lease(run, world.env.clock.now()).await.unwrap();
    assert!(find(&world, &named).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_expired_fleet_is_left_over_whoever_launched_it_with_us() {
    let world = World::new("roomy");
    let later = |seconds: i64| -> String {
        let at: Timestamp = testkit::start() + jiff::SignedDuration::from_secs(seconds);
        at.to_string()
    };
    let elsewhere = uuid::Uuid::from_u128(77).to_string();
    for (name, until) in [("old", later(60)), ("young", later(86_400)), ("odd", "soon".to_owned())] {
        world.launch(name, |body| {
            body["freeformTags"] = json!({RUN_TAG: elsewhere, EXPIRY_TAG: until});
        });
    }
    // This tool's tag on an instance that none of its runs created proves nothing.
    world.launch("foreign", |body| body["freeformTags"] = json!({EXPIRY_TAG: later(60)}));
    world.settle();
    let scope = Scope { expired_only: true, ..scope(&world) };
    assert_eq!(names(&find(&world, &scope).await), ["old"]);
}

#[tokio::test(start_paused = true)]
async fn boot_volumes_are_found_by_their_instance_and_its_end() {
    let world = World::new("roomy");
    // The records say that two were rolled back, that one ran, and that one failed.
    let (back, mut made) = launched(&world, 1, 2, &[1, 2], Outcome::GivenBack).await;
    rolled_back(&world, back, &made, Some("ocid1.coreservicesworkrequest.oc1..w")).await;
    made.extend(launched(&world, 2, 2, &[1], Outcome::Partial).await.1);
    let foreign = world.launch("foreign", |_| {});
    world.settle();
    for ocid in made.iter().chain([&foreign]) {
        world.terminate_keeping_boot_volume(ocid);
    }
    world.region.advance(Duration::from_mins(5));
    assert_eq!(world.region.world().boot_volumes().count(), 5);
    let left = find(&world, &scope(&world)).await;
    assert_eq!(left.volumes.len(), 2, "{left:?}");
    assert!(left.volumes.iter().all(|volume| made[..2].contains(&volume.instance) && volume.gb >= 47.0));
    assert!(left.volumes[0].hour(&Prices::default()).unwrap() > 0.0);
    assert!(left.notes[0].starts_with("2 volumes left alone: their instances are gone"), "{:?}", left.notes);
    let deleted = delete(&world, &left).await;
    assert_eq!((deleted.deleted.len(), deleted.outcome()), (2, Outcome::Complete));
    // The volumes of the others are offered only with --kept-volumes; the foreign one is never offered.
    let kept = find(&world, &Scope { kept_volumes: true, ..scope(&world) }).await;
    assert!(kept.volumes.iter().all(|volume| made[2..].contains(&volume.instance)), "{kept:?}");
    assert_eq!((kept.volumes.len(), world.region.world().boot_volumes().count()), (2, 3));
}

#[tokio::test(start_paused = true)]
async fn a_volume_that_was_kept_on_purpose_is_deleted_only_on_purpose() {
    let world = World::new("roomy");
    launched(&world, 1, 2, &[1, 2], Outcome::Complete).await;
    world.settle();
    let filter = Filter { prefix: Some("run1-".into()), ..Filter::default() };
    let selection = Selection::freeze(world.find(&filter).await.machines);
    let options = Options { keep_boot_volumes: true, ..Options::new(Verb::Terminate) };
    world.run(&selection, &options).await;
    assert!(find(&world, &scope(&world)).await.is_empty());
    let asked = Scope { kept_volumes: true, ..scope(&world) };
    assert_eq!(find(&world, &asked).await.volumes.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn only_data_volumes_of_our_launches_are_found() {
    let world = World::new("roomy");
    let run = RunId(uuid::Uuid::from_u128(1));
    let with_data = |name: &str, tags: serde_json::Value| {
        world.launch(name, |body| {
            body["freeformTags"] = tags;
            body["launchVolumeAttachments"] = json!([{
                "type": "paravirtualized",
                "launchCreateVolumeDetails": {"volumeCreationType": "ATTRIBUTES", "sizeInGBs": 100},
            }]);
        })
    };
    // The run's evidence in the ledger, and two of its instances: one is terminated, one stays.
    launched(&world, 1, 1, &[1], Outcome::Complete).await;
    let tags = |slot: u32| json!({RUN_TAG: run.to_string(), SLOT_TAG: slot.to_string()});
    let gone = with_data("run1-2", tags(2));
    let stays = with_data("run1-3", tags(3));
    let foreign = with_data("foreign", json!({}));
    world.settle();
    // Created and attached within minutes of the launch, but by somebody else.
    let theirs = world.region.world().attach_another_volume(&gone, 60).unwrap();
    // As in the console: the service keeps data volumes by default.
    world.terminate(&gone);
    world.terminate(&foreign);
    world.region.advance(Duration::from_mins(5));

    let asked = Scope { run: Some(run), kept_volumes: true, ..scope(&world) };
    let left = find(&world, &asked).await;
    let volumes: Vec<_> =
        left.volumes.iter().map(|left| (left.boot, left.instance.as_str(), left.gb)).collect();
    assert_eq!(volumes, [(false, gone.as_str(), 100.0)], "{left:?}");
    assert!(left.volumes.iter().all(|volume| volume.ocid != theirs));
    assert!(left.volumes[0].hour(&Prices::default()).unwrap() > 0.0);
    assert!(left.volumes.iter().all(|volume| volume.instance != stays));
    let only_volumes = Leftovers { instances: Vec::new(), ..left };
    let deleted = delete(&world, &only_volumes).await;
    assert_eq!((deleted.deleted.len(), deleted.outcome()), (1, Outcome::Complete));
    // Three are left: the foreign one, the one in use, and the one that somebody attached.
    let compartment = &world.defaults.compartment;
    let mut living = 0;
    for domain in &world.defaults.availability_domains {
        let rows = world.env.client.list_volumes(compartment, Some(domain)).await.unwrap();
        living += rows.iter().filter(|row| row.lifecycle_state.as_str() == "AVAILABLE").count();
    }
    assert_eq!(living, 3);
}
