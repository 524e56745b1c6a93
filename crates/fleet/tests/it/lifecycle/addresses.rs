//! Addresses of many instances, in few requests.

use super::world::World;
use fleet::addresses;
use oci_simulator::scenario::Scenario;
use serde_json::json;
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn a_thousand_addresses_need_at_most_sixty_requests() {
    let mut scenario = Scenario::named("roomy").unwrap();
    scenario.latency.min_ms = 50.0;
    scenario.latency.max_ms = 50.0;
    let world = World::of(scenario);
    world.fleet("web-", 1000);
    let started = Instant::now();
    let mut found = world.find(&fleet::select::Filter::default()).await;
    let warning = addresses::fill(&world.env.client, &mut found.machines).await.unwrap();
    let (requests, seconds) = (world.sent_in_all(), started.elapsed().as_secs_f64());
    println!("{requests} requests, {seconds} s");
    assert_eq!(warning, None);
    assert!(found.machines.iter().all(|machine| machine.private_ip.is_some() && machine.public_ip.is_some()));
    assert!(requests <= 60, "{requests}");
    assert!(seconds <= 2.0, "{seconds}");
}

#[tokio::test(start_paused = true)]
async fn an_instance_without_a_public_address_has_none() {
    let world = World::new("roomy");
    world.launch("inside", |body| {
        body["createVnicDetails"] =
            json!({"subnetId": world.defaults.private_subnet, "assignPublicIp": false});
    });
    world.settle();
    let mut found = world.find(&fleet::select::Filter::default()).await;
    addresses::fill(&world.env.client, &mut found.machines).await.unwrap();
    assert!(found.machines[0].private_ip.is_some());
    assert_eq!(found.machines[0].public_ip, None);
}

#[tokio::test(start_paused = true)]
async fn addresses_that_no_list_has_are_asked_for_one_by_one() {
    let refused = "faults: [{operations: [ListPrivateIps], fault: {answer: {status: 404}}}]";
    let world = World::of(Scenario::from_yaml(refused, "test").unwrap());
    world.fleet("web-", 3);
    let mut found = world.find(&fleet::select::Filter::default()).await;
    let warning = addresses::fill(&world.env.client, &mut found.machines).await.unwrap();
    assert!(warning.unwrap().contains("ListPrivateIps"));
    let private: std::collections::BTreeSet<_> =
        found.machines.iter().map(|machine| machine.private_ip.clone().unwrap()).collect();
    assert_eq!(private.len(), 3);
}
