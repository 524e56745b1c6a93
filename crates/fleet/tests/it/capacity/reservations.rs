//! Reservations: the reported counts match the region's records, and nothing stays held by accident.

use std::time::Duration;

use fleet::price::Prices;
use fleet::reservation::{
    Change, Filter, Gain, NewCount, NoBook, Order, ReservationError, create_all, delete, give_back, list,
    members, resize, resize_until_held, show,
};
use oci_client::FailureClass;
use tokio::time::Instant;

use super::world::{SHAPE, World, patience, small};

/// No host at first; then each minute capacity for 4 OCPUs appears in AD-1, and nowhere else.
const TIGHT: &str = "
world:
  hosts:
    per_fault_domain: 0
  crumbs:
    - {availability_domain: 1, every_seconds: 60, hosts: 1, ocpus_per_host: 4}
";

#[tokio::test(start_paused = true)]
async fn a_reservation_is_made_followed_and_read_back() {
    let world = World::of("roomy");
    let created = create_all(&world.client, &[world.order(1, 10)], &NoBook, &patience()).await;
    let held = created[0].result.as_ref().unwrap();
    assert_eq!((held.reserved(), held.used(), held.state.as_str()), (10, 0, "ACTIVE"));
    assert_eq!(world.books(), (10, 0));
    assert!(world.asked_of("GetWorkRequest") >= 1, "its work request was followed");
    let unused = held.unused_hour(&Prices::default()).unwrap();
    assert!((unused - 10.0 * 0.034 * 0.85).abs() < 1e-9, "{unused}");
}

#[tokio::test(start_paused = true)]
async fn three_availability_domains_take_as_long_as_one() {
    // All take the same time, so that the comparison measures this program's waiting and not chance.
    let even = "world: {reservation_seconds: {min: 30, max: 30}}";
    let world = World::of(even);
    let started = Instant::now();
    create_all(&world.client, &[world.order(1, 10)], &NoBook, &patience()).await;
    let one = started.elapsed();

    let world = World::of(even);
    let orders: Vec<Order> = (1..=3).map(|domain| world.order(domain, 10)).collect();
    let started = Instant::now();
    let created = create_all(&world.client, &orders, &NoBook, &patience()).await;
    let three = started.elapsed();
    assert!(created.iter().all(|created| created.held() == 10));
    assert!(three <= one.mul_f64(1.2), "{three:?} against {one:?}");
    assert_eq!(world.books(), (30, 0));
}

#[tokio::test(start_paused = true)]
async fn a_partial_fill_is_told_as_it_is() {
    let world = World::of("scarce");
    let orders: Vec<Order> = (1..=3).map(|domain| world.order(domain, 2000)).collect();
    let created = create_all(&world.client, &orders, &NoBook, &patience()).await;
    let held: u32 = created.iter().map(fleet::reservation::Created::held).sum();
    let asked: u32 = created.iter().map(|created| created.asked).sum();
    assert!(held < asked, "{held} of {asked}: the scenario is not scarce");
    assert_eq!(world.books().0, held, "what is told is what the books say");
}

#[tokio::test(start_paused = true)]
async fn what_is_given_back_is_gone_to_the_last() {
    let world = World::of("scarce");
    let orders: Vec<Order> = (1..=3).map(|domain| world.order(domain, 2000)).collect();
    let created = create_all(&world.client, &orders, &NoBook, &patience()).await;
    let ocids: Vec<String> = created.into_iter().filter_map(|created| created.ocid).collect();
    assert_eq!(ocids.len(), 3);
    let left = give_back(&world.client, &world.defaults.compartment, &ocids, &NoBook, &patience()).await;
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(world.books(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_neither_doubles_nor_hides_a_reservation() {
    let scenario = "
faults:
  - {operations: [CreateComputeCapacityReservation], times: 1, fault: reset_after}
";
    let world = World::of(scenario);
    let created = create_all(&world.client, &[world.order(1, 10)], &NoBook, &patience()).await;
    assert_eq!(created[0].held(), 10, "{:?}", created[0].result);
    assert_eq!(world.books(), (10, 0));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_never_comes_is_found_by_the_tag() {
    let scenario = "
faults:
  - {operations: [CreateComputeCapacityReservation], times: 8, fault: reset_after}
";
    let world = World::of(scenario);
    let created = create_all(&world.client, &[world.order(1, 10)], &NoBook, &patience()).await;
    let held = created[0].result.as_ref().unwrap();
    assert_eq!(held.reserved(), 10);
    assert_eq!(world.books(), (10, 0));
}

#[tokio::test(start_paused = true)]
async fn a_shape_that_is_not_there_is_refused_and_holds_nothing() {
    let world = World::of("roomy");
    let mut order = world.order(1, 10);
    order.wants[0].shape = "VM.Standard9.Flex".to_owned();
    let created = create_all(&world.client, &[order], &NoBook, &patience()).await;
    let error = created[0].result.as_ref().unwrap_err();
    assert_eq!(error.failure().unwrap().class, FailureClass::NotFound);
    assert_eq!((created[0].ocid.as_ref(), world.books()), (None, (0, 0)));
}

#[tokio::test(start_paused = true)]
async fn growing_and_shrinking_keep_the_other_configs() {
    let world = World::of("roomy");
    let mut order = world.order(1, 10);
    let big = fleet::reservation::Want { ocpus: Some(2.0), memory_gb: Some(16.0), ..small(5) };
    order.wants.push(big.clone());
    let created = create_all(&world.client, &[order], &NoBook, &patience()).await;
    let ocid = created[0].ocid.clone().unwrap();

    let grow = [Change::Count(Some(small(0)), NewCount::Grow(7))];
    let (asked, held) = resize(&world.client, &ocid, &grow, &patience()).await.unwrap();
    assert_eq!((asked, held.reserved()), (22, 22));
    let counts: Vec<u32> = held.configs.iter().map(|config| config.reserved).collect();
    assert_eq!(counts, [17, 5]);

    let add = [Change::Add(fleet::reservation::Want { memory_gb: Some(8.0), ..small(3) })];
    let (_, held) = resize(&world.client, &ocid, &add, &patience()).await.unwrap();
    assert_eq!((held.configs.len(), held.reserved()), (3, 25));

    let unclear =
        resize(&world.client, &ocid, &[Change::Count(None, NewCount::Exactly(1))], &patience()).await;
    assert!(matches!(unclear, Err(ReservationError::Asked(_))));
    assert_eq!(world.books(), (25, 0));
}

#[tokio::test(start_paused = true)]
async fn a_reservation_never_shrinks_below_its_use() {
    let world = World::of("roomy");
    let created = create_all(&world.client, &[world.order(1, 5)], &NoBook, &patience()).await;
    let ocid = created[0].ocid.clone().unwrap();
    world.launch_into(&ocid, 1, 3).await;
    let error = resize(&world.client, &ocid, &[Change::Count(None, NewCount::Exactly(2))], &patience())
        .await
        .unwrap_err();
    assert!(error.to_string().contains("instances use 3 of 5"), "{error}");
    assert_eq!(world.books(), (5, 3));
    let (_, held) = resize(&world.client, &ocid, &[Change::Count(None, NewCount::Exactly(3))], &patience())
        .await
        .unwrap();
    assert_eq!((held.reserved(), held.used()), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn two_people_cannot_undo_each_other() {
    let world = World::of("roomy");
    let created = create_all(&world.client, &[world.order(1, 10)], &NoBook, &patience()).await;
    let ocid = created[0].ocid.clone().unwrap();
    let mine = [Change::Count(None, NewCount::Grow(1))];
    let theirs = [Change::Count(None, NewCount::Grow(5))];
    let (p, q) = (patience(), patience());
    let (a, b) =
        tokio::join!(resize(&world.client, &ocid, &mine, &p), resize(&world.client, &ocid, &theirs, &q));
    let refused = [a.as_ref().err(), b.as_ref().err()].into_iter().flatten().count();
    assert_eq!(refused, 1, "{a:?} {b:?}");
    let reserved = show(&world.client, &ocid).await.unwrap().reserved();
    assert!(reserved == 11 || reserved == 15, "{reserved}");
}

#[tokio::test(start_paused = true)]
async fn waiting_for_crumbs_gathers_them_and_tells_of_each_gain() {
    let world = World::of(TIGHT);
    let created = create_all(&world.client, &[world.order(1, 12)], &NoBook, &patience()).await;
    let ocid = created[0].ocid.clone().unwrap();
    assert!(created[0].held() < 12, "nothing is free at first");
    let gains = std::sync::Mutex::new(Vec::new());
    let tell = |gain: &Gain| gains.lock().unwrap().push(gain.clone());
    let all = [Change::Count(None, NewCount::Exactly(12))];
    // The empty config was removed from the reservation, so it is requested again.
    let changes = if show(&world.client, &ocid).await.unwrap().configs.is_empty() {
        vec![Change::Add(small(12))]
    } else {
        all.to_vec()
    };
    let every = Duration::from_secs(30);
    let (wanted, held) =
        resize_until_held(&world.client, &ocid, &changes, every, &patience(), &tell).await.unwrap();
    assert_eq!((wanted, held.reserved()), (12, 12));
    let gains = gains.into_inner().unwrap();
    assert!(gains.len() >= 2, "{gains:?}");
    assert!(gains.windows(2).all(|pair| pair[0].now == pair[1].before));
    assert_eq!(world.books(), (12, 0));
}

#[tokio::test(start_paused = true)]
async fn others_changes_survive_update_until_held() {
    let world = World::of(TIGHT);
    let created = create_all(&world.client, &[world.order(1, 4000)], &NoBook, &patience()).await;
    let ocid = created[0].ocid.clone().unwrap();
    let change = [Change::Count(Some(small(0)), NewCount::AtLeast(4000))];
    let waiting = patience();
    let wait = resize_until_held(&world.client, &ocid, &change, Duration::from_mins(1), &waiting, &|_| {});
    // Somebody else adds a second kind between two tries.
    let theirs = async {
        let add = [Change::Add(fleet::reservation::Want { memory_gb: Some(8.0), ..small(2) })];
        loop {
            tokio::time::sleep(Duration::from_secs(100)).await;
            if resize(&world.client, &ocid, &add, &patience()).await.is_ok() {
                break;
            }
        }
    };
    let (ended, ()) = tokio::join!(wait, theirs);
    let error = ended.unwrap_err();
    assert!(matches!(error, ReservationError::Overtaken { .. }), "{error}");
    assert!(error.to_string().contains("it was left as it is"), "{error}");
    assert_eq!(show(&world.client, &ocid).await.unwrap().configs.len(), 2, "nothing was undone");
}

#[tokio::test(start_paused = true)]
async fn a_removed_config_leaves_the_others_price() {
    let world = World::of("roomy");
    let created = create_all(&world.client, &[world.order(1, 4)], &NoBook, &patience()).await;
    let ocid = created[0].ocid.clone().unwrap();
    let other = fleet::reservation::Want { memory_gb: Some(8.0), ..small(3) };
    let unused = async || {
        let compartment = &world.defaults.compartment;
        let rows = list(&world.client, compartment, &Filter::default(), &Prices::default()).await.unwrap();
        rows[0].unused_per_hour
    };
    let before = unused().await;
    assert!(before.is_some());
    resize(&world.client, &ocid, &[Change::Add(other.clone())], &patience()).await.unwrap();
    assert_eq!(unused().await, None, "two kinds have no one size");
    let gone = [Change::Count(Some(other), NewCount::Exactly(0))];
    resize(&world.client, &ocid, &gone, &patience()).await.unwrap();
    assert_eq!(unused().await, before);
}

#[tokio::test(start_paused = true)]
async fn at_least_so_many_makes_no_reservation_smaller() {
    let world = World::of("roomy");
    let created = create_all(&world.client, &[world.order(1, 40)], &NoBook, &patience()).await;
    let ocid = created[0].ocid.clone().unwrap();
    let change = [Change::Count(None, NewCount::AtLeast(2))];
    let (_, held) = resize(&world.client, &ocid, &change, &patience()).await.unwrap();
    assert_eq!((held.reserved(), world.books()), (40, (40, 0)));
}

#[tokio::test(start_paused = true)]
async fn waiting_for_capacity_ends_at_the_deadline() {
    let world = World::of(TIGHT);
    let created = create_all(&world.client, &[world.order(1, 4000)], &NoBook, &patience()).await;
    let ocid = created[0].ocid.clone().unwrap();
    let short =
        fleet::reservation::Patience::new(Duration::from_mins(5), tokio_util::sync::CancellationToken::new());
    let started = Instant::now();
    let change = [Change::Count(None, NewCount::Exactly(4000))];
    let (_, held) =
        resize_until_held(&world.client, &ocid, &change, Duration::from_secs(30), &short, &|_| {})
            .await
            .unwrap();
    assert!(started.elapsed() <= Duration::from_mins(6), "{:?}", started.elapsed());
    assert!(held.reserved() > 0 && held.reserved() < 4000);
    assert_eq!(world.books().0, held.reserved());
}

#[tokio::test(start_paused = true)]
async fn deleting_a_used_reservation_names_its_instances() {
    let world = World::of("roomy");
    let created = create_all(&world.client, &[world.order(1, 5)], &NoBook, &patience()).await;
    let ocid = created[0].ocid.clone().unwrap();
    let instances = world.launch_into(&ocid, 1, 2).await;
    let error = delete(&world.client, &ocid, &patience()).await.unwrap_err();
    let ReservationError::InUse { instances: named, .. } = &error else { panic!("{error}") };
    assert_eq!(named.len(), 2);
    assert!(error.to_string().contains("web-1 (ocid1.instance"), "{error}");
    assert_eq!(members(&world.client, &ocid).await.unwrap().len(), 2);

    for instance in &instances {
        world.client.terminate_instance(&instance.id, false, false, None).await.unwrap();
    }
    tokio::time::sleep(Duration::from_mins(10)).await;
    delete(&world.client, &ocid, &patience()).await.unwrap();
    assert_eq!(world.books(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_thousand_reservations_are_one_list() {
    let world = World::of("roomy");
    let orders: Vec<Order> = (0..1000)
        .map(|number| Order { token: format!("t{number}"), ..world.order(number % 3 + 1, 1) })
        .collect();
    let created = create_all(&world.client, &orders, &NoBook, &patience()).await;
    assert!(created.iter().all(|created| created.result.is_ok()));
    let before = world.asked();
    let rows = list(&world.client, &world.defaults.compartment, &Filter::default(), &Prices::default())
        .await
        .unwrap();
    assert_eq!(rows.len(), 1000);
    assert_eq!(world.asked() - before, 10, "ten pages of a hundred and nothing else");
    // The tag states shape and size, so the price of unused capacity needs no request.
    let unused = rows[0].unused_per_hour.unwrap();
    assert!((unused - 0.034 * 0.85).abs() < 1e-9, "{unused}");
}

#[tokio::test(start_paused = true)]
async fn an_unread_reservation_has_an_unknown_cost() {
    let world = World::of("roomy");
    let details = oci_api::models::CreateComputeCapacityReservationDetails {
        compartment_id: world.defaults.compartment.clone(),
        availability_domain: world.domain(1),
        display_name: Some("console".to_owned()),
        instance_reservation_configs: Some(vec![oci_api::models::InstanceReservationConfigDetails {
            instance_shape: SHAPE.to_owned(),
            reserved_count: 4,
            ..Default::default()
        }]),
        ..Default::default()
    };
    world.client.create_capacity_reservation(&details, "console").await.unwrap();
    tokio::time::sleep(Duration::from_mins(10)).await;
    let compartment = &world.defaults.compartment;
    let prices = Prices::default();
    let rows = list(&world.client, compartment, &Filter::default(), &prices).await.unwrap();
    assert_eq!(rows[0].unused_per_hour, None, "unknown, never 0");
    let with_cost = Filter { with_cost: true, ..Filter::default() };
    let rows = list(&world.client, compartment, &with_cost, &prices).await.unwrap();
    assert!(rows[0].unused_per_hour.is_some_and(|cost| cost > 0.0));
}
