//! Ending it.

use super::world::{check_only_one, made, plan, standing, vcns};
use crate::launch::world::World;
use fleet::cleanup::{self, Deleted, Leftovers, Scope};
use fleet::network::NetworkStanding;
use fleet::no_sink;
use fleet::plan::network::PartKind;
use fleet::price::Prices;
use ledger::{Event, Outcome, RunKind, Store as _};
use oci_api::Operation;
use oci_api::models::{CreateNetworkSecurityGroupDetails, NetworkSecurityGroup};
use oci_client::Call;
use serde_json::json;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

async fn left(world: &World, networks: bool) -> Leftovers {
    let scope = Scope {
        compartment: world.defaults.compartment.clone(),
        run: None,
        expired_only: false,
        kept_volumes: false,
        made_reservations: false,
        networks,
        now: world.region.world().now(),
    };
    let evidence = cleanup::gather(&world.store).await.unwrap();
    let (client, domains) = (world.environment().client, &world.defaults.availability_domains);
    cleanup::find(&client, &evidence, &scope, domains, &Prices::default()).await.unwrap()
}

async fn delete(world: &World, left: &Leftovers) -> Deleted {
    cleanup::delete(&world.environment(), left, |_, _| no_sink(), CancellationToken::new()).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_unused_network_is_deleted_only_when_asked() {
    let world = World::of("roomy");
    let plan = plan(&world, true);
    made(&world, &plan).await;
    let spared = left(&world, false).await;
    assert!(spared.networks.is_empty());
    assert!(spared.notes.iter().any(|note| note.contains("--networks includes it")), "{:?}", spared.notes);
    let found = left(&world, true).await;
    assert_eq!((found.networks.len(), found.len()), (1, 1), "{:?}", found.notes);
    let order: Vec<PartKind> = found.networks[0].parts.iter().map(|part| part.kind).collect();
    assert_eq!((order[0], order[4]), (PartKind::Subnet, PartKind::Vcn));
    let deleted = delete(&world, &found).await;
    assert_eq!((deleted.outcome(), deleted.deleted.len()), (Outcome::Complete, 5), "{:?}", deleted.failed);
    assert_eq!((vcns(&world).await.len(), standing(&world, &plan).await), (0, NetworkStanding::Absent));
    assert!(left(&world, true).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_network_with_something_of_others_is_left_alone() {
    let world = World::of("roomy");
    let plan = plan(&world, true);
    let summary = made(&world, &plan).await;
    let client = world.environment().client;
    let group = CreateNetworkSecurityGroupDetails {
        compartment_id: plan.compartment.clone(),
        vcn_id: summary.ocid(PartKind::Vcn).unwrap().to_owned(),
        display_name: Some("theirs".to_owned()),
        ..CreateNetworkSecurityGroupDetails::default()
    };
    let call = Call::new(Operation::CreateNetworkSecurityGroup).json(&group);
    client.call::<NetworkSecurityGroup>(call).await.unwrap();
    let found = left(&world, true).await;
    assert!(found.networks.is_empty());
    assert!(
        found.notes.iter().any(|note| note.contains("network security group theirs")),
        "{:?}",
        found.notes
    );
}

#[tokio::test(start_paused = true)]
async fn a_network_card_of_others_keeps_the_network() {
    let world = World::of("roomy");
    let plan = plan(&world, true);
    let summary = made(&world, &plan).await;
    // An instance that somebody launched by hand into the subnet.
    let body = json!({
        "compartmentId": plan.compartment,
        "availabilityDomain": world.defaults.availability_domains[0],
        "shape": "VM.Standard.E4.Flex",
        "shapeConfig": {"ocpus": 1.0, "memoryInGBs": 6.0},
        "sourceDetails": {"sourceType": "image", "imageId": world.defaults.image},
        "createVnicDetails": {"subnetId": summary.subnet()},
    });
    let client = world.environment().client;
    client.call::<serde_json::Value>(Call::new(Operation::LaunchInstance).json(&body)).await.unwrap();
    // Its network card exists a moment later.
    tokio::time::sleep(Duration::from_mins(1)).await;
    let found = left(&world, true).await;
    assert!(found.networks.is_empty());
    assert!(found.notes.iter().any(|note| note.contains("none of the fleet's")), "{:?}", found.notes);
    // The service refuses, too, whatever somebody believes.
    let refused = client.delete_subnet(summary.subnet().unwrap()).await.unwrap_err();
    assert_eq!(refused.status, Some(409), "{refused}");
    check_only_one(&world, &plan, "kept").await;
}

#[tokio::test(start_paused = true)]
async fn the_network_of_a_hunt_without_instances_is_kept() {
    let world = World::of("roomy");
    let plan = plan(&world, true);
    made(&world, &plan).await;
    let env = world.environment();
    let fleet = fleet::FleetSpec { network: plan.network.clone(), ..world.fleet(1, &[1]) };
    let first = Event::RunStarted {
        kind: RunKind::Launch,
        requested: 1,
        plan: serde_json::to_value(fleet::Plan { fleet, ..fleet::Plan::default() }).unwrap(),
    };
    world.store.create_run(env.new_run_id(), env.clock.now(), first).await.unwrap();
    let found = left(&world, true).await;
    assert!(found.networks.is_empty());
    assert!(
        found.notes.iter().any(|note| note.contains("is unfinished and launches into it")),
        "{:?}",
        found.notes
    );
}

#[tokio::test(start_paused = true)]
async fn a_part_that_stays_leaves_those_that_it_uses() {
    let world = World::of("roomy");
    let plan = plan(&world, true);
    made(&world, &plan).await;
    let found = left(&world, true).await;
    world.region.replace_faults(
        &serde_json::from_value::<Vec<_>>(
            json!([{"operations": ["DeleteRouteTable"], "fault": {"answer": {"status": 403, "code": "NotAllowed"}}}]),
        )
        .unwrap(),
    );
    let deleted = delete(&world, &found).await;
    assert_eq!(deleted.deleted.len(), 1, "only the subnet");
    assert_eq!(deleted.failed.len(), 4);
    assert!(deleted.failed[1].1.message.contains("the route table before it"), "{:?}", deleted.failed);
    world.region.replace_faults(&[]);
    let again = left(&world, true).await;
    assert_eq!(again.networks[0].parts.len(), 4);
    assert_eq!(delete(&world, &again).await.outcome(), Outcome::Complete);
    assert_eq!(vcns(&world).await.len(), 0);
}
