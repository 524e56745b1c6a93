//! Making it.

use super::world::{check_only_one, made, plan, resumed, standing, vcns};
use crate::launch::crash::Mortal;
use crate::launch::world::{World, recorder};
use fleet::network::{FleetNetwork, NetworkStanding, make, resume};
use fleet::no_sink;
use fleet::plan::network::{NetworkPlan, PartKind};
use ledger::{Event, Outcome};
use oci_api::Operation;
use oci_api::models::UpdateVcnDetails;
use oci_client::Call;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

#[tokio::test(start_paused = true)]
async fn a_network_lets_in_what_was_asked_and_no_more() {
    let world = World::of("roomy");
    let plan = plan(&world, true);
    assert_eq!(standing(&world, &plan).await, NetworkStanding::Absent);
    let summary = made(&world, &plan).await;
    assert_eq!(summary.outcome, Some(Outcome::Complete));
    check_only_one(&world, &plan, "made").await;
    let client = world.environment().client;
    let subnet = client.get_subnet(summary.subnet().unwrap()).await.unwrap().value;
    assert_eq!(subnet.prohibit_public_ip_on_vnic, Some(false));
    assert!(subnet.dns_label.is_some(), "its instances can have host names");
    let [list] = subnet.security_list_ids.as_deref().unwrap() else { panic!("the default list is not used") };
    let list = client.get_security_list(list).await.unwrap().value;
    let sources: Vec<&str> = list.ingress_security_rules.iter().map(|rule| rule.source.as_str()).collect();
    assert_eq!(sources, ["203.0.113.7/32"]);
    let ports = list.ingress_security_rules[0].tcp_options.as_ref().unwrap();
    let ports = ports.destination_port_range.as_ref().unwrap();
    assert_eq!((ports.min, ports.max), (22, 22));
    let route = client.get_route_table(&subnet.route_table_id).await.unwrap().value;
    assert_eq!(route.route_rules[0].network_entity_id, summary.ocid(PartKind::InternetGateway).unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_fleet_has_one_network_for_all_its_launches() {
    let world = World::of("roomy");
    let plan = plan(&world, true);
    let summary = made(&world, &plan).await;
    let network = FleetNetwork {
        vcn: summary.ocid(PartKind::Vcn).unwrap().to_owned(),
        subnet: summary.subnet().unwrap().to_owned(),
        differences: Vec::new(),
    };
    assert_eq!(standing(&world, &plan).await, NetworkStanding::Complete(network.clone()));
    // Another machine finds it by its tags.
    let (env, unknown) = (world.environment(), ledger::MemoryStore::new());
    let elsewhere = fleet::network::find(&env.client, &unknown, &plan);
    assert_eq!(elsewhere.await.unwrap(), NetworkStanding::Complete(network));
    // Another fleet does not.
    let other = NetworkPlan { fleet: "db".to_owned(), ..plan.clone() };
    assert_eq!(standing(&world, &other).await, NetworkStanding::Absent);
    let mut fleet = world.fleet(2, &[1]);
    fleet.network.clone_from(&plan.network);
    fleet.enter_subnet(summary.subnet().unwrap());
    let (launched, _) = world.launch(&fleet::Plan::offline(fleet).unwrap()).await;
    assert_eq!((launched.outcome, launched.running), (Some(Outcome::Complete), 2));
    check_only_one(&world, &plan, "after a launch").await;
}

#[tokio::test(start_paused = true)]
async fn a_network_that_differs_from_the_config_says_how() {
    let world = World::of("roomy");
    let mut plan = plan(&world, true);
    made(&world, &plan).await;
    let network = plan.network.as_mut().unwrap();
    network.ssh_from = vec!["198.51.100.0/24".parse().unwrap()];
    network.public = false;
    let NetworkStanding::Complete(found) = standing(&world, &plan).await else { panic!() };
    let all = found.differences.join("; ");
    assert!(all.contains("it is public, not private"), "{all}");
    assert!(all.contains("SSH in from 203.0.113.7/32, not from 198.51.100.0/24"), "{all}");
}

/// Makes the network with a process that dies repeatedly, until one lives long enough.
async fn crash_and_resume(world: &World, plan: &NetworkPlan) -> Option<Outcome> {
    let mut chance = StdRng::seed_from_u64(world.seed);
    world.store.set_sync_delay(Duration::from_millis(3));
    let run = world.environment().new_run_id();
    for life in 0.. {
        let env = world.environment();
        let stop = CancellationToken::new();
        let polls = if life < 8 { chance.random_range(1..60) } else { u32::MAX };
        let known = !world.store.snapshot(run).is_empty();
        let ended = if known {
            Mortal::new(resume(&env, run, no_sink(), &stop), polls).await
        } else {
            Mortal::new(make(&env, run, plan, no_sink(), &stop), polls).await
        };
        match ended {
            Some(Ok(summary)) if summary.outcome == Some(Outcome::Complete) || life >= 12 => {
                return summary.outcome;
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => panic!("{error}"),
            None => world.store.crash(chance.random_range(0..4)),
        }
        tokio::time::sleep(Duration::from_millis(chance.random_range(0..3000))).await;
    }
    unreachable!("the last life is long enough")
}

#[tokio::test(start_paused = true)]
async fn a_network_killed_at_any_await_is_made_once() {
    for seed in 1..=40 {
        let world = World::seeded("roomy", seed);
        let plan = plan(&world, seed % 2 == 0);
        assert_eq!(crash_and_resume(&world, &plan).await, Some(Outcome::Complete), "seed {seed}");
        check_only_one(&world, &plan, &format!("seed {seed}")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn lost_responses_make_no_second_network() {
    let rules = "{operations: [CreateVcn, CreateSubnet, CreateRouteTable], nth: [1, 3], fault: reset_after}, \
                 {operations: [CreateSecurityList, CreateInternetGateway], nth: [1], fault: {answer: {status: 500}}}";
    for seed in 1..=10 {
        let world = World::seeded(&format!("world: {{list_lag_seconds: 60}}\nfaults: [{rules}]"), seed);
        let plan = plan(&world, true);
        assert_eq!(crash_and_resume(&world, &plan).await, Some(Outcome::Complete), "seed {seed}");
        tokio::time::sleep(Duration::from_mins(2)).await;
        check_only_one(&world, &plan, &format!("seed {seed}")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_forgotten_token_is_looked_up_by_its_tags() {
    let world = World::of("faults: [{operations: [CreateSubnet], fault: reset_after, for_seconds: 3600}]");
    let plan = plan(&world, true);
    let env = world.environment();
    let run = env.new_run_id();
    let (sink, seen) = recorder();
    // The process dies while it waits for the response to its last request.
    let stop = CancellationToken::new();
    let making = make(&env, run, &plan, sink, &stop);
    let dead = tokio::time::timeout(Duration::from_secs(30), making).await;
    assert!(dead.is_err(), "the response to CreateSubnet is lost each time");
    let intent = |event: &Event| matches!(event, Event::PartIntended { part, .. } if part == "subnet");
    assert!(seen.lock().unwrap().iter().any(|record| intent(&record.event)));
    // The service has forgotten the token by then, and would make a second subnet for it.
    tokio::time::advance(Duration::from_hours(30)).await;
    world.region.replace_faults(&[]);
    let summary = resumed(&world, run).await;
    assert_eq!(summary.outcome, Some(Outcome::Complete));
    check_only_one(&world, &plan, "adopted").await;
    let adopted = world.store.snapshot(run);
    let is_adopted = |event: &Event| matches!(event, Event::PartMade { adopted: true, .. });
    assert!(adopted.iter().any(|record| is_adopted(&record.event)));
}

#[tokio::test(start_paused = true)]
async fn a_refused_part_is_made_by_the_next_try() {
    let refused = "{operations: [CreateSecurityList], nth: [1], fault: {answer: {status: 404}}}";
    let world = World::of(&format!("faults: [{refused}]"));
    let plan = plan(&world, true);
    let summary = made(&world, &plan).await;
    assert_eq!((summary.outcome, summary.subnet()), (Some(Outcome::Partial), None));
    let error = summary.parts[3].error.as_ref().unwrap();
    assert_eq!((error.class.as_str(), summary.parts[4].ocid.as_ref()), ("not_found_or_not_authorised", None));
    let NetworkStanding::Unfinished { run, vcn } = standing(&world, &plan).await else { panic!() };
    assert_eq!((run, vcn.as_deref()), (summary.run_id, summary.ocid(PartKind::Vcn)));
    assert_eq!(resumed(&world, run).await.outcome, Some(Outcome::Complete));
    check_only_one(&world, &plan, "second try").await;
}

#[tokio::test(start_paused = true)]
async fn a_network_that_somebody_deleted_is_made_again() {
    let world = World::of("roomy");
    let plan = plan(&world, true);
    let summary = made(&world, &plan).await;
    let client = world.environment().client;
    for (kind, delete) in [
        (PartKind::Subnet, Operation::DeleteSubnet),
        (PartKind::RouteTable, Operation::DeleteRouteTable),
        (PartKind::SecurityList, Operation::DeleteSecurityList),
        (PartKind::InternetGateway, Operation::DeleteInternetGateway),
        (PartKind::Vcn, Operation::DeleteVcn),
    ] {
        client.call_empty(Call::new(delete).path(summary.ocid(kind).unwrap())).await.unwrap();
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    assert_eq!(standing(&world, &plan).await, NetworkStanding::Absent);
    assert_eq!(made(&world, &plan).await.outcome, Some(Outcome::Complete));
    check_only_one(&world, &plan, "again").await;
}

#[tokio::test(start_paused = true)]
async fn a_network_begun_elsewhere_is_not_made_twice() {
    let refused = "{operations: [CreateSubnet], fault: {answer: {status: 404}}}";
    let world = World::of(&format!("faults: [{refused}]"));
    let plan = plan(&world, true);
    let summary = made(&world, &plan).await;
    let (env, unknown) = (world.environment(), ledger::MemoryStore::new());
    let elsewhere = fleet::network::find(&env.client, &unknown, &plan);
    let vcn = summary.ocid(PartKind::Vcn).unwrap().to_owned();
    assert_eq!(elsewhere.await.unwrap(), NetworkStanding::Incomplete { vcn, run: Some(summary.run_id) });
    // Somebody who takes the tags off takes the network over.
    let untagged = UpdateVcnDetails { freeform_tags: Some([].into()), ..UpdateVcnDetails::default() };
    let call = Call::new(Operation::UpdateVcn).path(summary.ocid(PartKind::Vcn).unwrap()).json(&untagged);
    world.environment().client.call::<serde_json::Value>(call).await.unwrap();
    assert_eq!(vcns(&world).await.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_network_without_its_subnet_is_not_made_twice() {
    let world = World::of("roomy");
    let plan = plan(&world, true);
    let summary = made(&world, &plan).await;
    world.environment().client.delete_subnet(summary.subnet().unwrap()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let vcn = summary.ocid(PartKind::Vcn).unwrap().to_owned();
    let lost = NetworkStanding::Incomplete { vcn, run: Some(summary.run_id) };
    assert_eq!(standing(&world, &plan).await, lost);
}
