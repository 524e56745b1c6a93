//! The compute cluster of a fleet: one, whatever happens, with all its instances in it, and none after its end.

use crate::launch::crash::Mortal;
use crate::launch::world::World;
use fleet::cleanup::{self, Leftovers, Scope};
use fleet::network::{ClusterStanding, find_cluster, make, others_in_cluster, resume};
use fleet::plan::network::NetworkPlan;
use fleet::price::Prices;
use fleet::{Engine, FleetSpec, LaunchOptions, Plan, no_sink};
use ledger::{Outcome, RunId};
use oci_api::models::ComputeClusterSummary;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// A fleet of this many instances in a compute cluster.
fn fleet_in(world: &World, count: u32) -> FleetSpec {
    let mut fleet = FleetSpec { engine: Engine::ComputeCluster, ..world.fleet(count, &[1]) };
    fleet.placements[0].shape = String::from("BM.Optimized3.36");
    fleet.template.shape = Some("BM.Optimized3.36".to_owned());
    fleet.template.shape_config = None;
    fleet
}

/// The compute clusters that exist.
async fn clusters(world: &World) -> Vec<ComputeClusterSummary> {
    let client = world.environment().client;
    let all = client.list_compute_clusters(&world.defaults.compartment).await.unwrap();
    all.into_iter().filter(|row| row.lifecycle_state == "ACTIVE").collect()
}

async fn standing(world: &World, plan: &NetworkPlan) -> ClusterStanding {
    find_cluster(&world.environment().client, &world.store, plan).await.unwrap()
}

/// Makes the cluster with processes that die repeatedly, until one lives long enough; returns its OCID. Each looks for it first, as a
/// command does.
async fn make_and_crash(world: &World, plan: &NetworkPlan, chance: &mut StdRng) -> String {
    world.store.set_sync_delay(Duration::from_millis(3));
    for life in 0..20 {
        let polls = if life < 8 { chance.random_range(1..40) } else { u32::MAX };
        let env = world.environment();
        let stop = CancellationToken::new();
        let living = Box::pin(async {
            let summary = match find_cluster(&env.client, &world.store, plan).await.unwrap() {
                ClusterStanding::Complete(found) => return Some(found.ocid),
                ClusterStanding::Unfinished(run) => resume(&env, run, no_sink(), &stop).await,
                ClusterStanding::Absent => make(&env, env.new_run_id(), plan, no_sink(), &stop).await,
            };
            summary.unwrap().compute_cluster().map(str::to_owned)
        });
        match Mortal::new(living, polls).await {
            Some(Some(ocid)) => return ocid,
            Some(None) => {}
            None => world.store.crash(chance.random_range(0..4)),
        }
        tokio::time::sleep(Duration::from_millis(chance.random_range(0..3000))).await;
    }
    unreachable!("the last life is long enough")
}

/// Launches with processes that die repeatedly.
async fn launch_and_crash(world: &World, plan: &Plan, chance: &mut StdRng) -> Option<Outcome> {
    let run: RunId = world.environment().new_run_id();
    let options = LaunchOptions::default();
    for life in 0..20 {
        let polls = if life < 6 { chance.random_range(1..400) } else { u32::MAX };
        let env = world.environment();
        let known = !world.store.snapshot(run).is_empty();
        let stop = CancellationToken::new();
        let ended = if known {
            Mortal::new(Box::pin(fleet::resume(&env, run, &options, no_sink(), stop)), polls).await
        } else {
            Mortal::new(Box::pin(fleet::launch(&env, run, plan, &options, no_sink(), stop)), polls).await
        };
        match ended {
            Some(Ok(summary)) => return summary.outcome,
            Some(Err(error)) => panic!("{error}"),
            None => world.store.crash(chance.random_range(0..4)),
        }
        tokio::time::sleep(Duration::from_millis(chance.random_range(0..3000))).await;
    }
    unreachable!("the last life is long enough")
}

async fn left(world: &World) -> Leftovers {
    let scope = Scope {
        compartment: world.defaults.compartment.clone(),
        run: None,
        expired_only: false,
        kept_volumes: false,
        made_reservations: false,
        networks: false,
        now: world.region.world().now(),
    };
    let evidence = cleanup::gather(&world.store).await.unwrap();
    let (client, domains) = (world.environment().client, &world.defaults.availability_domains);
    cleanup::find(&client, &evidence, &scope, domains, &Prices::default()).await.unwrap()
}

async fn terminate_all(world: &World) {
    let client = world.environment().client;
    let live: Vec<String> = world.region.world().live_instances().map(|entry| entry.id).collect();
    for ocid in live {
        client.terminate_instance(&ocid, false, false, None).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_cluster_killed_at_any_await_is_made_once() {
    for seed in 1..=30 {
        let lag = if seed % 3 == 0 { "world: {list_lag_seconds: 60}" } else { "world: {}" };
        let lost = "faults: [{operations: [CreateComputeCluster], nth: [1, 3], fault: reset_after}]";
        let world = World::seeded(&format!("{lag}\n{lost}"), seed);
        let mut chance = StdRng::seed_from_u64(seed);
        let mut fleet = fleet_in(&world, 4);
        let plan = fleet.cluster_plan(None).unwrap();
        let ocid = make_and_crash(&world, &plan, &mut chance).await;
        fleet.enter_cluster(&ocid);
        let launch = Plan::offline(fleet).unwrap();
        assert_eq!(
            launch_and_crash(&world, &launch, &mut chance).await,
            Some(Outcome::Complete),
            "seed {seed}"
        );
        tokio::time::sleep(Duration::from_mins(2)).await;
        let made = clusters(&world).await;
        assert_eq!((made.len(), &made[0].id), (1, &ocid), "seed {seed}");
        let client = world.environment().client;
        let inside = client.list_compute_cluster_instances(&plan.compartment, &ocid).await.unwrap();
        assert_eq!((inside.len(), world.region.world().live_instances().count()), (4, 4), "seed {seed}");
        // The end, as `scale 0` and `cleanup` do it: the cluster goes once its instances are gone.
        let kept = left(&world).await;
        assert!(kept.networks.is_empty(), "seed {seed}: {:?}", kept.notes);
        terminate_all(&world).await;
        tokio::time::sleep(Duration::from_mins(3)).await;
        let found = left(&world).await;
        assert_eq!(found.networks.len(), 1, "seed {seed}: {:?}", found.notes);
        let env = world.environment();
        let deleted =
            cleanup::delete(&env, &found, |_, _| no_sink(), CancellationToken::new()).await.unwrap();
        assert_eq!(deleted.outcome(), Outcome::Complete, "seed {seed}: {:?}", deleted.failed);
        assert_eq!(clusters(&world).await.len(), 0, "seed {seed}");
        assert_eq!(standing(&world, &plan).await, ClusterStanding::Absent, "seed {seed}");
        world.region.world().check_invariants().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_cluster_is_found_by_other_machines_and_fleets_apart() {
    let world = World::of("roomy");
    let plan = fleet_in(&world, 1).cluster_plan(None).unwrap();
    assert_eq!(standing(&world, &plan).await, ClusterStanding::Absent);
    let mut chance = StdRng::seed_from_u64(1);
    let ocid = make_and_crash(&world, &plan, &mut chance).await;
    let (env, unknown) = (world.environment(), ledger::MemoryStore::new());
    let elsewhere = find_cluster(&env.client, &unknown, &plan).await.unwrap();
    let ClusterStanding::Complete(found) = elsewhere else { panic!("{elsewhere:?}") };
    assert_eq!(
        (found.ocid, found.availability_domain),
        (ocid, world.defaults.availability_domains[0].clone())
    );
    let other = NetworkPlan { fleet: "db".to_owned(), ..plan.clone() };
    assert_eq!(standing(&world, &other).await, ClusterStanding::Absent);
}

#[tokio::test(start_paused = true)]
async fn an_instance_of_others_keeps_the_cluster() {
    let world = World::of("roomy");
    let mut fleet = fleet_in(&world, 1);
    let plan = fleet.cluster_plan(None).unwrap();
    let mut chance = StdRng::seed_from_u64(1);
    let ocid = make_and_crash(&world, &plan, &mut chance).await;
    fleet.enter_cluster(&ocid);
    // Somebody launches into it by hand, without our tags.
    let mut body = fleet.launch_at(&fleet.placements[0]);
    body.freeform_tags = None;
    body.display_name = Some("guest".to_owned());
    body.compartment_id.clone_from(&plan.compartment);
    let client = world.environment().client;
    client.launch_instance(&body, "by-hand").await.unwrap();
    let why = others_in_cluster(&client, &plan.compartment, &ocid, &BTreeSet::new()).await.unwrap();
    assert!(why.unwrap().starts_with("instance guest"));
    let found = left(&world).await;
    assert!(found.networks.is_empty());
    assert!(found.notes.iter().any(|note| note.contains("left alone: instance guest")), "{:?}", found.notes);
}

#[tokio::test(start_paused = true)]
async fn a_shape_without_rdma_is_refused_before_the_launch() {
    let world = World::of("roomy");
    let mut fleet = fleet_in(&world, 1);
    fleet.placements[0].shape = String::from("BM.Standard.E4.128");
    let refused = fleet::plan(&world.environment().client, fleet).await.unwrap_err().to_string();
    assert!(refused.contains("BM.Standard.E4.128 has no RDMA"), "{refused}");
}

/// The requests of a region that takes 200 instances to RUNNING, without and with a compute cluster.
async fn requests_of(scenario: &str) -> (u64, u64) {
    let count = 200;
    let world = World::of(scenario);
    let direct = FleetSpec { engine: Engine::Instances, ..fleet_in(&world, count) };
    let (launched, _) = world.launch(&Plan::offline(direct).unwrap()).await;
    assert_eq!(launched.running, count);
    let without = world.region.stats().requests;
    let world = World::of(scenario);
    let mut fleet = fleet_in(&world, count);
    let plan = fleet.cluster_plan(None).unwrap();
    let env = world.environment();
    assert_eq!(standing(&world, &plan).await, ClusterStanding::Absent);
    let made = make(&env, env.new_run_id(), &plan, no_sink(), &CancellationToken::new()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    fleet.enter_cluster(made.compute_cluster().unwrap());
    let (launched, _) = world.launch(&Plan::offline(fleet).unwrap()).await;
    assert_eq!(launched.running, count);
    (without, world.region.stats().requests)
}

/// docs/engines.md states these numbers.
#[tokio::test(start_paused = true)]
async fn a_cluster_costs_three_requests_more() {
    let hosts = "hosts: {per_fault_domain: 80}";
    let quick = "bare_metal_boot_seconds: {min: 30, max: 120}";
    for (what, scenario) in [
        ("as virtual machines boot", format!("world: {{{hosts}, {quick}}}")),
        ("as bare metal boots", format!("world: {{{hosts}}}")),
    ] {
        let (direct, in_cluster) = requests_of(&scenario).await;
        println!("requests to 200 RUNNING, {what}: direct {direct}, compute cluster {in_cluster}");
        assert!(in_cluster <= direct + 3, "{what}: {in_cluster} instead of {direct}");
    }
}
