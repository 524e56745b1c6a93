//! Reservations that a launch created for itself and left behind.

use std::collections::BTreeSet;
use std::time::Duration;

use fleet::cleanup::{self, Leftovers, Scope};
use fleet::plan::Reserve;
use fleet::price::Prices;
use fleet::reservation::{NoBook, create_all};
use fleet::{LaunchOptions, Plan};
use ledger::{Outcome, RunKind, Store as _};
use tokio_util::sync::CancellationToken;

use super::world::{World, patience};

async fn find(world: &World) -> Leftovers {
    find_in(world, &scope(world)).await
}

async fn find_in(world: &World, scope: &Scope) -> Leftovers {
    let evidence = cleanup::gather(&world.store).await.unwrap();
    let domains = &world.defaults.availability_domains;
    cleanup::find(&world.client, &evidence, scope, domains, &Prices::default()).await.unwrap()
}

fn scope(world: &World) -> Scope {
    Scope {
        compartment: world.defaults.compartment.clone(),
        run: None,
        expired_only: false,
        kept_volumes: false,
        made_reservations: false,
        networks: false,
        now: world.region.world().now(),
    }
}

/// Terminates all instances, and waits until counts no longer lag behind the launches.
async fn terminate_all(world: &World) {
    end_all(world).await;
    tokio::time::sleep(Duration::from_mins(11)).await;
}

async fn end_all(world: &World) {
    let living: Vec<String> = world.region.world().live_instances().map(|entry| entry.id).collect();
    for ocid in living {
        world.client.terminate_instance(&ocid, false, false, None).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn cleanup_finds_only_our_leftover_reservations() {
    let world = World::of("roomy");
    let theirs = create_all(&world.client, &[world.order(1, 3)], &NoBook, &patience()).await;
    let theirs = theirs[0].ocid.clone().unwrap();
    let mut plan = Plan::offline(world.fleet(6, &[1, 2, 3])).unwrap();
    plan.reserve = Some(Reserve { min: 6, release: false, ..Reserve::default() });
    let env = world.environment();
    let run = env.new_run_id();
    let options = LaunchOptions::default();
    let stop = CancellationToken::new();
    let launched = fleet::launch(&env, run, &plan, &options, fleet::no_sink(), stop.clone()).await.unwrap();
    assert_eq!(launched.outcome, Some(Outcome::Complete), "{:?}", launched.warnings);

    // Reservations in use are left alone, which a note reports.
    let left = find(&world).await;
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(left.notes.iter().filter(|note| note.contains("2 of 2 are in use")).count(), 3, "{left:?}");

    terminate_all(&world).await;
    let left = find(&world).await;
    assert_eq!(left.reservations.len(), 3, "{left:?}");
    assert_eq!(left.len(), 3);
    for reservation in &left.reservations {
        assert_ne!(reservation.ocid, theirs);
        assert_eq!((reservation.reserved, reservation.run.as_str()), (2, run.to_string().as_str()));
        let hour = reservation.hour.unwrap();
        assert!((hour - 2.0 * 0.034 * 0.85).abs() < 1e-9, "{hour}");
    }

    let ours: BTreeSet<String> = left.reservations.iter().map(|left| left.ocid.clone()).collect();
    let deleted = cleanup::delete(&env, &left, |_, _| fleet::no_sink(), stop).await.unwrap();
    assert_eq!((deleted.outcome(), deleted.deleted.len()), (Outcome::Complete, 3), "{deleted:?}");
    let of_cleanup = world.store.runs().await.unwrap();
    let head = of_cleanup.iter().find(|head| Some(head.run) == deleted.run_id).unwrap();
    assert_eq!(head.kind, Some(RunKind::Cleanup));
    let state = |ocid: &str| {
        let entry = world.region.world().reservations().find(|entry| entry.id == ocid);
        entry.map(|entry| entry.state.to_owned())
    };
    assert!(ours.iter().all(|ocid| state(ocid).is_none_or(|state| state == "DELETED")));
    assert_eq!(state(&theirs).as_deref(), Some("ACTIVE"));
    assert_eq!(world.books(), (3, 0));
    assert!(find(&world).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_run_of_minutes_ago_keeps_its_reservations() {
    let world = World::of("roomy");
    let mut plan = Plan::offline(world.fleet(6, &[1, 2, 3])).unwrap();
    plan.reserve = Some(Reserve { min: 6, release: false, ..Reserve::default() });
    let (env, stop) = (world.environment(), CancellationToken::new());
    let run = env.new_run_id();
    fleet::launch(&env, run, &plan, &LaunchOptions::default(), fleet::no_sink(), stop).await.unwrap();
    // As shown by a count that lags.
    end_all(&world).await;
    tokio::time::sleep(Duration::from_mins(5)).await;
    for named in [None, Some(run)] {
        let left = find_in(&world, &Scope { run: named, ..scope(&world) }).await;
        assert!(left.is_empty(), "{named:?}: {left:?}");
        let told = left.notes.iter().any(|note| note.contains("may not be counted yet"));
        assert!(told, "{named:?}: {:?}", left.notes);
    }
    tokio::time::sleep(Duration::from_mins(6)).await;
    assert_eq!(find(&world).await.reservations.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_reservation_of_the_config_is_never_left_over() {
    let world = World::of("roomy");
    let created = create_all(&world.client, &[world.order(1, 4)], &NoBook, &patience()).await;
    let ocid = created[0].ocid.clone().unwrap();
    let mut fleet = world.fleet(10, &[1]);
    fleet.placements[0].capacity_reservation = Some(ocid.clone());
    let mut plan = Plan::offline(fleet).unwrap();
    plan.reserve = Some(Reserve::prepare(&world.client, &plan, 10, false).await.unwrap());
    let (env, stop) = (world.environment(), CancellationToken::new());
    let run = env.new_run_id();
    let options = LaunchOptions::default();
    let launched = fleet::launch(&env, run, &plan, &options, fleet::no_sink(), stop).await.unwrap();
    assert_eq!(launched.running, 10, "{:?}", launched.warnings);
    terminate_all(&world).await;
    // The run enlarged it, according to its records, but it belongs to the user.
    assert!(find(&world).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_reservation_of_an_unread_or_unknown_run_is_left_alone() {
    let world = World::of("roomy");
    let mut plan = Plan::offline(world.fleet(6, &[1, 2, 3])).unwrap();
    plan.reserve = Some(Reserve { min: 6, release: false, ..Reserve::default() });
    let (env, stop) = (world.environment(), CancellationToken::new());
    let run = env.new_run_id();
    let options = LaunchOptions::default();
    fleet::launch(&env, run, &plan, &options, fleet::no_sink(), stop).await.unwrap();
    terminate_all(&world).await;
    assert_eq!(find(&world).await.reservations.len(), 3);
    let records = world.store.snapshot(run).len() as u64;
    world.store.ruin(run, records - 1);
    let left = find(&world).await;
    assert!(left.is_empty() && left.notes[0].contains("cannot be read"), "{left:?}");

    let evidence = cleanup::gather(&ledger::MemoryStore::new()).await.unwrap();
    for named in [None, Some(run)] {
        let scope = Scope { run: named, ..scope(&world) };
        let domains = &world.defaults.availability_domains;
        let prices = Prices::default();
        let left = cleanup::find(&world.client, &evidence, &scope, domains, &prices).await.unwrap();
        assert!(left.is_empty(), "{left:?}");
        assert_eq!(left.notes.len(), 3, "{left:?}");
        assert!(left.notes[0].contains("oci-insta-scale reservation delete ocid1."), "{left:?}");
    }
}
