//! Preflight checks: the right verdict, the name of the culprit, and few requests.

use std::time::Duration;

use fleet::preflight::{Level, Preflight, look_at_reservations, preflight};
use fleet::price::Prices;
use fleet::reservation::{NoBook, create_all};
use ledger::Placement;
use oci_api::models::InstanceSourceDetails;
use tokio::time::Instant;

use super::world::{World, patience, small};

pub async fn ask(world: &World, fleet: &fleet::FleetSpec) -> Preflight {
    preflight(&world.client, fleet, &Prices::default()).await
}

pub fn stops(answer: &Preflight) -> Vec<String> {
    answer
        .findings
        .iter()
        .filter(|finding| finding.level == Level::Stop)
        .map(|finding| format!("{}: {}", finding.about, finding.message))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_plan_of_a_roomy_region_needs_15_requests() {
    let scenario = "latency: {min_ms: 50, max_ms: 50}";
    let world = World::of(scenario);
    let started = Instant::now();
    let answer = ask(&world, &world.fleet(20, &[1, 2, 3])).await;
    assert!(started.elapsed() <= Duration::from_secs(2), "{:?}", started.elapsed());
    assert_eq!(answer.findings, []);
    assert_eq!(answer.verdicts.len(), 3);
    assert!(answer.verdicts.iter().all(|verdict| verdict.possible == 20), "{:#?}", answer.verdicts);
    assert!(answer.is_enough() && answer.possible == 20);
    assert!(world.asked() <= 15, "{:?}", world.requests.snapshot());
    assert_eq!(u64::from(answer.requests), world.asked());
    assert!(answer.image.is_some(), "there was a question left for the image's name");
}

#[tokio::test(start_paused = true)]
async fn a1_is_asked_for_its_regional_limits_within_the_same_15() {
    let world = World::of("roomy");
    let mut fleet = world.fleet(20, &[1, 2, 3]);
    for placement in &mut fleet.placements {
        placement.shape = "VM.Standard.A1.Flex".to_owned();
    }
    let Some(InstanceSourceDetails::Image(image)) = fleet.template.source_details.as_deref_mut() else {
        panic!()
    };
    image.image_id = Some(world.defaults.arm_image.clone());
    let answer = ask(&world, &fleet).await;
    assert_eq!(stops(&answer), Vec::<String>::new());
    let asked =
        answer.verdicts[2].bounds.iter().any(|bound| bound.why.contains("standard-a1-core-regional-count"));
    assert!(asked, "{:#?}", answer.verdicts[2].bounds);
    assert!(world.asked() <= 15, "{:?}", world.requests.snapshot());
}

#[tokio::test(start_paused = true)]
async fn a_limit_is_the_reason_when_it_binds() {
    let world = World::of("world: {limits: {cores: 63, memory_in_gbs: 10000}}");
    let answer = ask(&world, &world.fleet(100, &[1])).await;
    let text = answer.verdicts[0].text();
    assert_eq!(
        text,
        "you can have 63 of 100 now, because the limit standard-e4-core-count leaves 63 OCPUs, enough for 63"
    );
    assert!(answer.verdicts[0].certain);
    assert!(!answer.is_enough());
}

#[tokio::test(start_paused = true)]
async fn a_full_domain_is_a_hint_and_the_others_have_room() {
    let world = World::of("stockout");
    let answer = ask(&world, &world.fleet(10, &[1, 2, 3])).await;
    let possible: Vec<u32> = answer.verdicts.iter().map(|verdict| verdict.possible).collect();
    assert_eq!(possible, [0, 10, 10], "{:#?}", answer.findings);
    assert!(!answer.verdicts[0].certain, "a report reserves nothing and rules nothing out");
    assert!(answer.verdicts[0].text().contains("no free host"), "{}", answer.verdicts[0].text());
    assert!(!answer.is_hopeless() && answer.is_enough());
}

#[tokio::test(start_paused = true)]
async fn a_wrong_subnet_is_named_with_its_policy() {
    let world = World::of("roomy");
    let mut fleet = world.fleet(10, &[1, 2, 3]);
    let wrong = "ocid1.subnet.oc1.phx.aaaaaaaawrong";
    fleet.template.create_vnic_details.as_mut().unwrap().subnet_id = Some(wrong.to_owned());
    let answer = ask(&world, &fleet).await;
    assert!(answer.is_hopeless());
    // The verdict claims no more than the finding allows.
    assert_eq!(answer.possible, 0);
    assert!(answer.verdicts.iter().all(|verdict| verdict.possible == 0 && verdict.certain));
    let text = answer.verdicts[0].text();
    assert!(text.starts_with("you can have none of 10 now, because this subnet does not exist"), "{text}");
    let [finding] = answer.findings.as_slice() else { panic!("{:#?}", answer.findings) };
    assert_eq!(finding.about, wrong);
    let remedy = finding.remedy.as_deref().unwrap();
    assert!(remedy.contains("to use subnets in compartment id ocid1.compartment"), "{remedy}");
    assert!(finding.opc_request_id.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_wrong_image_and_a_wrong_compartment_are_told_apart() {
    let world = World::of("roomy");
    let mut fleet = world.fleet(10, &[1]);
    let wrong = "ocid1.image.oc1.phx.aaaaaaaawrong";
    let Some(InstanceSourceDetails::Image(image)) = fleet.template.source_details.as_deref_mut() else {
        panic!()
    };
    image.image_id = Some(wrong.to_owned());
    let answer = ask(&world, &fleet).await;
    let about: Vec<&str> = answer.findings.iter().map(|finding| finding.about.as_str()).collect();
    assert_eq!(about, [wrong]);

    let mut fleet = world.fleet(10, &[1]);
    fleet.compartment = "ocid1.compartment.oc1..aaaaaaaawrong".to_owned();
    let answer = ask(&world, &fleet).await;
    let stops = stops(&answer);
    assert!(stops.iter().any(|stop| stop.starts_with(&fleet.compartment)), "{stops:?}");
    assert!(!stops.iter().any(|stop| stop.contains("ocid1.image")), "{stops:?}");
}

#[tokio::test(start_paused = true)]
async fn an_image_for_another_architecture_is_found_before_the_launch() {
    let world = World::of("roomy");
    let mut fleet = world.fleet(10, &[1, 2, 3]);
    let Some(InstanceSourceDetails::Image(image)) = fleet.template.source_details.as_deref_mut() else {
        panic!()
    };
    image.image_id = Some(world.defaults.arm_image.clone());
    let answer = ask(&world, &fleet).await;
    let stops = stops(&answer);
    assert!(stops.iter().any(|stop| stop.contains("is not compatible with the shape")), "{stops:?}");
    assert_eq!(answer.possible, 0);
    assert!(world.asked() <= 15, "{:?}", world.requests.snapshot());
}

#[tokio::test(start_paused = true)]
async fn a_shape_that_nobody_offers_is_said_so() {
    let world = World::of("roomy");
    let mut fleet = world.fleet(10, &[1]);
    fleet.placements[0].shape = "VM.Standard9.Flex".to_owned();
    let answer = ask(&world, &fleet).await;
    assert!(
        stops(&answer).iter().any(|stop| stop.contains("no availability domain")),
        "{:?}",
        answer.findings
    );
    assert_eq!(answer.possible, 0);
    // The report does not know the shape either, which does not show whether the user may request reports.
    assert!(
        !answer.findings.iter().any(|finding| finding.about == "capacity report"),
        "{:?}",
        answer.findings
    );
}

#[tokio::test(start_paused = true)]
async fn short_names_of_domains_are_understood_and_wrong_ones_named() {
    let world = World::of("roomy");
    let mut fleet = world.fleet(10, &[1]);
    fleet.placements = vec![Placement { availability_domain: "ad-2".into(), ..fleet.placements[0].clone() }];
    let answer = ask(&world, &fleet).await;
    assert_eq!(answer.verdicts[0].placement.availability_domain, world.domain(2));
    fleet.placements[0].availability_domain = "AD-9".to_owned();
    assert!(stops(&ask(&world, &fleet).await)[0].contains("`AD-9` is not an availability domain"));
}

#[tokio::test(start_paused = true)]
async fn a_reservation_answers_for_its_own_capacity() {
    let world = World::of("stockout");
    let created = create_all(&world.client, &[world.order(2, 7)], &NoBook, &patience()).await;
    let ocid = created[0].ocid.clone().unwrap();
    let reserved = |domain: usize, count: u32| {
        let mut fleet = world.fleet(count, &[domain]);
        fleet.placements[0].capacity_reservation = Some(ocid.clone());
        fleet
    };
    let answer = ask(&world, &reserved(2, 10)).await;
    assert_eq!(answer.verdicts[0].possible, 7);
    assert!(
        answer.verdicts[0].text().contains("the reservation has 7 of 7 free"),
        "{}",
        answer.verdicts[0].text()
    );
    assert_eq!(answer.reservations[0].free, 7);

    // In another domain, or for another size, it is useless.
    let answer = ask(&world, &reserved(3, 5)).await;
    assert_eq!(answer.possible, 0);
    assert!(answer.findings[0].message.contains("the reservation is in"), "{:?}", answer.findings);
    let mut other = reserved(2, 5);
    other.template.shape_config.as_mut().unwrap().memory_in_gbs = Some(16.0);
    let answer = ask(&world, &other).await;
    assert_eq!(answer.possible, 0);
    assert!(
        answer.findings[0].message.contains(&format!("it holds {}", small(0).describe())),
        "{:?}",
        answer.findings
    );
}

#[tokio::test(start_paused = true)]
async fn a_full_subnet_bounds_all_domains_together() {
    // Only addresses are short.
    let world = World::of(
        "
world: {limits: {cores: 1000000, memory_in_gbs: 10000000}}
faults: [{operations: [CreateComputeCapacityReport], probability: 1.0, fault: {answer: {status: 404}}}]
",
    );
    let fleet = world.fleet(100, &[1, 2, 3]);
    let answer = ask(&world, &fleet).await;
    let free = answer.free_addresses.unwrap();
    let mut many = fleet.clone();
    many.count = u32::try_from(free).unwrap() + 50;
    let answer = ask(&world, &many).await;
    // Each domain alone could provide all of them, except for the addresses.
    assert!(
        answer.verdicts.iter().all(|verdict| u64::from(verdict.possible) == free),
        "{:#?}",
        answer.verdicts
    );
    assert_eq!(u64::from(answer.possible), free);
}

#[tokio::test(start_paused = true)]
async fn shared_reservations_and_limits_count_once() {
    let world = World::of("roomy");
    let created = create_all(&world.client, &[world.order(1, 10)], &NoBook, &patience()).await;
    let ocid = created[0].ocid.clone().unwrap();
    let in_faults = |reservation: Option<&String>, fleet: &fleet::FleetSpec| {
        let mut fleet = fleet.clone();
        fleet.placements = (1..=3)
            .map(|number| Placement {
                fault_domain: Some(format!("FAULT-DOMAIN-{number}")),
                capacity_reservation: reservation.cloned(),
                ..fleet.placements[0].clone()
            })
            .collect();
        fleet
    };
    let fleet = in_faults(Some(&ocid), &world.fleet(30, &[1]));
    let before = world.asked();
    let answer = ask(&world, &fleet).await;
    assert_eq!((answer.verdicts.len(), answer.possible), (3, 10), "{:#?}", answer.verdicts);
    assert!(world.asked() - before <= 15, "{:?}", world.requests.snapshot());
    let [facts] = answer.reservations.as_slice() else { panic!("{:?}", answer.reservations) };
    assert_eq!(facts.free, 10);
    assert!(
        answer.findings.iter().any(|finding| finding.message.contains("10 of the 30")),
        "{:?}",
        answer.findings
    );

    let world = World::of("world: {limits: {cores: 10, memory_in_gbs: 10000}}");
    let mut fleet = in_faults(None, &world.fleet(30, &[1]));
    for (place, reservation) in fleet.placements.iter_mut().zip([Some(String::new()), None, None]) {
        place.capacity_reservation = reservation;
    }
    let answer = ask(&world, &fleet).await;
    assert_eq!((answer.verdicts.len(), answer.possible), (2, 10), "{:#?}", answer.verdicts);
}

#[tokio::test(start_paused = true)]
async fn omitted_memory_follows_the_ocpus() {
    let world = World::of("world: {limits: {cores: 100000, memory_in_gbs: 640}}");
    let mut fleet = world.fleet(20, &[1]);
    let config = fleet.template.shape_config.as_mut().unwrap();
    (config.ocpus, config.memory_in_gbs) = (Some(4.0), None);
    let answer = ask(&world, &fleet).await;
    let size = answer.shapes[0].size_of(fleet.size_at(&fleet.placements[0]));
    assert_eq!((size.ocpus, size.memory_gb), (Some(4.0), Some(64.0)), "16 GB for each OCPU");
    assert_eq!(answer.possible, 10, "{:#?}", answer.verdicts);
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_finds_a_mistake_asks_15_times_at_most_as_well() {
    let world = World::of("roomy");
    let mut fleet = world.fleet(20, &[1, 2, 3]);
    for placement in &mut fleet.placements {
        placement.shape = "VM.Standard.A1.Flex".to_owned();
    }
    // The image is for another architecture.
    let answer = ask(&world, &fleet).await;
    assert!(!stops(&answer).is_empty());
    assert!(world.asked() <= 15, "{:?}", world.requests.snapshot());
    assert_eq!(u64::from(answer.requests), world.asked());
}

#[tokio::test(start_paused = true)]
async fn a_service_that_cannot_be_asked_is_no_verdict() {
    let world =
        World::of("faults: [{operations: [ListAvailabilityDomains], probability: 1.0, fault: reset_before}]");
    let answer = ask(&world, &world.fleet(3, &[1])).await;
    let unasked = answer.unasked.unwrap();
    assert_eq!((unasked.class, answer.authenticated, answer.verdicts.len()), ("network", None, 0));
}

#[tokio::test(start_paused = true)]
async fn reservation_gaps_are_reported_before_launch() {
    let world = World::of("roomy");
    let created = create_all(&world.client, &[world.order(2, 7)], &NoBook, &patience()).await;
    let ocid = created[0].ocid.clone().unwrap();
    let reserved = |domain: usize, count: u32| {
        let mut fleet = world.fleet(count, &[domain]);
        fleet.placements[0].capacity_reservation = Some(ocid.clone());
        fleet
    };
    let before = world.asked();
    let good = look_at_reservations(&world.client, &reserved(2, 7), false).await.unwrap();
    assert_eq!((good.refused, good.warnings), (vec![], vec![]));
    assert_eq!(world.asked() - before, 1);
    let few = look_at_reservations(&world.client, &reserved(2, 8), false).await.unwrap();
    assert!(
        few.refused.is_empty() && few.warnings[0].message.starts_with("7 of the 8 requested instances"),
        "{few:?}"
    );
    let elsewhere = look_at_reservations(&world.client, &reserved(3, 5), true).await.unwrap();
    assert!(elsewhere.refused[0].message.contains("the reservation is in"), "{elsewhere:?}");
    let mut other = reserved(2, 5);
    other.template.shape_config.as_mut().unwrap().memory_in_gbs = Some(16.0);
    let mismatch = look_at_reservations(&world.client, &other, false).await.unwrap();
    assert!(mismatch.refused[0].message.contains("cannot use the reservation"), "{mismatch:?}");
    // One that is enlarged gets the missing capacity.
    let grown = look_at_reservations(&world.client, &other, true).await.unwrap();
    assert_eq!((grown.refused, grown.warnings), (vec![], vec![]));
    // It serves one of three fault domains: launches use that one, and a warning says so.
    other.template.shape_config.as_mut().unwrap().memory_in_gbs = Some(6.0);
    other.placements[0].capacity_reservation = Some("ocid1.capacityreservation.oc1.phx.wrong".to_owned());
    let wrong = look_at_reservations(&world.client, &other, false).await.unwrap();
    assert!(wrong.refused[0].message.contains("does not exist"), "{wrong:?}");
}

#[tokio::test(start_paused = true)]
async fn public_addresses_in_a_private_subnet_stop_it() {
    let world = World::of("roomy");
    let mut fleet = world.fleet(1, &[1]);
    let vnic = fleet.template.create_vnic_details.as_mut().unwrap();
    vnic.subnet_id = Some(world.defaults.private_subnet.clone());
    vnic.assign_public_ip = Some(true);
    assert!(stops(&ask(&world, &fleet).await)[0].contains("the subnet is private"));
}

#[tokio::test(start_paused = true)]
async fn a_region_full_of_faults_makes_nothing_up() {
    let scenario = "
faults:
  - {operations: [CreateComputeCapacityReport], probability: 1.0, fault: {answer: {status: 404}}}
  - {operations: [GetResourceAvailability], probability: 1.0, fault: {answer: {status: 404}}}
  - {operations: [ListPrivateIps], probability: 1.0, fault: {answer: {status: 404}}}
";
    let world = World::of(scenario);
    let answer = ask(&world, &world.fleet(10, &[1, 2, 3])).await;
    assert_eq!(stops(&answer), Vec::<String>::new());
    // A check without a response blocks nothing.
    assert_eq!(answer.possible, 10);
    assert!(answer.findings.iter().any(|finding| finding.about == "capacity report"));
    assert_eq!(answer.free_addresses, None);
}
