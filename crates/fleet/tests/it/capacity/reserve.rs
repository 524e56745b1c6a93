//! Runs that reserve their own capacity: reserve, launch, release; or roll everything back.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use fleet::plan::Reserve;
use fleet::reservation::{NoBook, create_all, show};
use fleet::{LaunchOptions, Plan, RunSummary};
use ledger::{Event, Outcome, Record};
use tokio_util::sync::CancellationToken;

use super::world::{World, patience};

fn reserving(world: &World, count: u32, domains: &[usize], min: u32, release: bool) -> Plan {
    let mut plan = Plan::offline(world.fleet(count, domains)).unwrap();
    plan.reserve = Some(Reserve { min, release, ..Reserve::default() });
    plan
}

async fn launch(world: &World, plan: &Plan) -> (RunSummary, Vec<Record>) {
    let env = world.environment();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&seen);
    let sink = Arc::new(move |record: &Record| into.lock().unwrap().push(record.clone()));
    let run = env.new_run_id();
    let options = LaunchOptions::default();
    let summary = fleet::launch(&env, run, plan, &options, sink, CancellationToken::new()).await.unwrap();
    let records = seen.lock().unwrap().clone();
    (summary, records)
}

fn position(records: &[Record], of: impl Fn(&Event) -> bool) -> Option<usize> {
    records.iter().position(|record| of(&record.event))
}

#[tokio::test(start_paused = true)]
async fn reserving_in_each_domain_keeps_what_is_used() {
    let world = World::of("roomy");
    let (summary, records) = launch(&world, &reserving(&world, 20, &[1, 2, 3], 20, true)).await;
    assert_eq!(summary.outcome, Some(Outcome::Complete), "{:?}", summary.warnings);
    assert_eq!(summary.running, 20);
    // 7, 7 and 6, all of them used.
    assert_eq!(world.books(), (20, 20));
    let intended = position(&records, |event| matches!(event, Event::ReservationIntended { .. })).unwrap();
    let held = position(&records, |event| matches!(event, Event::ReservationHeld { held, .. } if *held > 0))
        .unwrap();
    let launched = position(&records, |event| matches!(event, Event::LaunchIntended { .. })).unwrap();
    assert!(intended < held && held < launched);
}

#[tokio::test(start_paused = true)]
async fn what_one_domain_lacks_the_others_hold() {
    let world = World::of("stockout");
    let (summary, _) = launch(&world, &reserving(&world, 30, &[1, 2, 3], 30, true)).await;
    assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), 30), "{:?}", summary.warnings);
    assert_eq!(world.books(), (30, 30));
    // The reservation that could hold nothing is not left behind empty.
    let living = world.region.world().reservations().filter(|entry| entry.state != "DELETED").count();
    assert_eq!(living, 2);
    let made: Vec<String> =
        summary.warnings.iter().filter(|text| text.contains(" of 10 in ")).cloned().collect();
    assert!(!made.iter().any(|text| text.contains("15 of 10")), "{made:?}");
}

#[tokio::test(start_paused = true)]
async fn below_min_nothing_is_launched_or_held() {
    for scenario in ["scarce", "crumbs"] {
        let world = World::of(scenario);
        let (summary, _) = launch(&world, &reserving(&world, 5000, &[1, 2, 3], 5000, false)).await;
        assert_eq!(summary.launched, 0);
        assert_eq!(summary.outcome, Some(Outcome::GivenBack), "{scenario}: {:?}", summary.warnings);
        assert_eq!(world.books(), (0, 0), "{scenario}");
        assert_eq!(world.asked_of("LaunchInstance"), 0);
        assert!(summary.warnings.iter().any(|warning| warning.contains("of 5000 could be reserved")));
    }
}

#[tokio::test(start_paused = true)]
async fn a_partial_reservation_is_launched_into_and_said_so() {
    let world = World::of("scarce");
    let (summary, _) = launch(&world, &reserving(&world, 2000, &[1, 2, 3], 1, true)).await;
    let (reserved, used) = world.books();
    assert!(summary.launched > 0 && summary.launched < 2000, "{}", summary.launched);
    assert_eq!(reserved, used, "what stayed unused was given back");
    assert_eq!(used, summary.launched);
    let failed = summary.instances.iter().find_map(|row| row.error.as_ref()).unwrap();
    assert_eq!(failed.class, ledger::ErrorClass::ReservationExhausted);
}

#[tokio::test(start_paused = true)]
async fn unused_capacity_that_is_not_released_is_warned_about() {
    let world = World::of("roomy");
    let mut plan = reserving(&world, 5, &[1], 5, false);
    // Nothing can be launched, so everything reserved stays unused.
    plan.fleet.template.create_vnic_details.as_mut().unwrap().subnet_id =
        Some("ocid1.subnet.oc1.phx.wrong".into());
    let (summary, _) = launch(&world, &plan).await;
    assert_eq!((summary.launched, world.books()), (0, (5, 0)));
    let warned = summary.warnings.iter().any(|warning| warning.contains("holds 5 more than are used"));
    assert!(warned, "{:?}", summary.warnings);

    let world = World::of("roomy");
    plan.reserve.as_mut().unwrap().release = true;
    plan.fleet.placements[0].availability_domain = world.domain(1);
    let (summary, _) = launch(&world, &plan).await;
    assert_eq!((summary.launched, world.books()), (0, (0, 0)), "{:?}", summary.warnings);
}

#[tokio::test(start_paused = true)]
async fn a_grown_reservation_shrinks_to_what_it_held() {
    let world = World::of("roomy");
    let created = create_all(&world.client, &[world.order(1, 4)], &NoBook, &patience()).await;
    let ocid = created[0].ocid.clone().unwrap();
    let mut fleet = world.fleet(10, &[1]);
    fleet.placements[0].capacity_reservation = Some(ocid.clone());
    let mut plan = Plan::offline(fleet).unwrap();
    plan.reserve = Some(Reserve::prepare(&world.client, &plan, 10, true).await.unwrap());
    let (summary, _) = launch(&world, &plan).await;
    assert_eq!(summary.running, 10, "{:?}", summary.warnings);
    assert_eq!(world.books(), (10, 10));
    assert_eq!(show(&world.client, &ocid).await.unwrap().used(), 10);

    // No existing reservation ends up smaller than it was.
    let world = World::of("roomy");
    let created = create_all(&world.client, &[world.order(1, 4)], &NoBook, &patience()).await;
    plan.fleet.placements[0].capacity_reservation = created[0].ocid.clone();
    plan.fleet.template.create_vnic_details.as_mut().unwrap().subnet_id =
        Some("ocid1.subnet.oc1.phx.wrong".into());
    plan.reserve = Some(Reserve::prepare(&world.client, &plan, 10, true).await.unwrap());
    let (summary, _) = launch(&world, &plan).await;
    assert_eq!((summary.launched, world.books()), (0, (4, 0)), "{:?}", summary.warnings);
}

#[tokio::test(start_paused = true)]
async fn a_crash_neither_doubles_nor_loses_a_reservation() {
    // A process dies after this many milliseconds, and the next one continues.
    for at_ms in [1, 10, 500, 1_000, 1_500, 2_500, 5_000, 20_000, 60_000, 61_000, 90_000, 200_000] {
        let world = World::of("latency: {min_ms: 20, max_ms: 20}");
        let plan = reserving(&world, 12, &[1, 2, 3], 12, true);
        let env = world.environment();
        let run = env.new_run_id();
        let options = LaunchOptions::default();
        let first = fleet::launch(&env, run, &plan, &options, fleet::no_sink(), CancellationToken::new());
        let died = tokio::time::timeout(Duration::from_millis(at_ms), first).await.is_err();
        if died {
            fleet::resume(&env, run, &options, fleet::no_sink(), CancellationToken::new()).await.unwrap();
        }
        let living = world.region.world().reservations().filter(|entry| entry.state != "DELETED").count();
        assert_eq!(living, 3, "after {at_ms} ms");
        assert_eq!(world.books(), (12, 12), "after {at_ms} ms");
        assert_eq!(world.region.world().live_instances().count(), 12, "after {at_ms} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_reservation_is_named_and_gone_on_with() {
    let world = World::of("roomy");
    let plan = reserving(&world, 6, &[1, 2, 3], 6, true);
    let env = world.environment();
    let run = env.new_run_id();
    let stop = CancellationToken::new();
    let options = LaunchOptions::default();
    let (summary, ()) =
        tokio::join!(fleet::launch(&env, run, &plan, &options, fleet::no_sink(), stop.clone()), async {
            tokio::time::sleep(Duration::from_secs(2)).await;
            stop.cancel();
        });
    let summary = summary.unwrap();
    assert_eq!(summary.outcome, Some(Outcome::Interrupted));
    assert_eq!(
        summary.warnings.iter().filter(|warning| warning.contains("exists and is charged")).count(),
        3
    );
    let summary =
        fleet::resume(&env, run, &options, fleet::no_sink(), CancellationToken::new()).await.unwrap();
    assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), 6), "{:?}", summary.warnings);
    assert_eq!(world.books(), (6, 6));
}

/// A user whose reads are denied like those of nonexistent resources: what cannot be looked up may be held, and is reported.
#[tokio::test(start_paused = true)]
async fn an_unlistable_reservation_is_reported_and_resumed() {
    let world = World::of("faults: [{operations: [CreateComputeCapacityReservation], fault: reset_after}]");
    let plan = reserving(&world, 4, &[1], 4, true);
    let env = world.environment();
    let run = env.new_run_id();
    let options = LaunchOptions::default();
    let first = fleet::launch(&env, run, &plan, &options, fleet::no_sink(), CancellationToken::new());
    // It dies before a response arrives.
    assert!(tokio::time::timeout(Duration::from_millis(10), first).await.is_err());
    assert_eq!(world.region.world().reservations().count(), 1);
    let denied = "faults: [{operations: [read], fault: {answer: {status: 404}}}]";
    world
        .region
        .replace_faults(&oci_simulator::scenario::Scenario::from_yaml(denied, "test").unwrap().faults);
    let summary =
        fleet::resume(&env, run, &options, fleet::no_sink(), CancellationToken::new()).await.unwrap();
    assert_eq!(summary.outcome, Some(Outcome::InDoubt), "{:?}", summary.warnings);
    assert!(summary.warnings.iter().any(|text| text.contains("may exist and be charged")));
    world.region.replace_faults(&[]);
    let summary =
        fleet::resume(&env, run, &options, fleet::no_sink(), CancellationToken::new()).await.unwrap();
    assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), 4), "{:?}", summary.warnings);
    assert_eq!(world.books(), (4, 4));
}

/// A policy that lets a user create reservations but not see them: the creation is certainly refused, and nothing is in doubt.
#[tokio::test(start_paused = true)]
async fn a_creation_that_is_refused_leaves_no_reservation_in_doubt() {
    // Refused once, or repeatedly.
    for status in [404, 429] {
        let refused = format!(
            "{{operations: [CreateComputeCapacityReservation], fault: {{answer: {{status: {status}}}}}}}, \
             {{operations: [ListComputeCapacityReservations], fault: {{answer: {{status: 404}}}}}}"
        );
        let world = World::of(&format!("faults: [{refused}]"));
        let (summary, _) = launch(&world, &reserving(&world, 4, &[1], 4, true)).await;
        assert_eq!(summary.outcome, Some(Outcome::GivenBack), "{status}: {:?}", summary.warnings);
        assert!(summary.warnings.iter().all(|text| !text.contains("may exist")), "{:?}", summary.warnings);
    }
}

/// The service forgets a retry token after a day: a machine that sleeps between two tries must not reserve twice.
#[tokio::test(start_paused = true)]
async fn a_reservation_is_not_asked_for_again_after_a_day() {
    let world =
        World::of("faults: [{operations: [CreateComputeCapacityReservation], nth: [1], fault: reset_after}]");
    let plan = reserving(&world, 3, &[1], 3, true);
    let asleep = async {
        // The creation waits before its second try.
        tokio::time::sleep(Duration::from_millis(1)).await;
        tokio::time::advance(Duration::from_hours(60)).await;
    };
    let ((summary, _), ()) = tokio::join!(launch(&world, &plan), asleep);
    assert_eq!(summary.outcome, Some(Outcome::GivenBack), "{:?}", summary.warnings);
    let made = world.region.world().reservations().count();
    assert_eq!((made, world.books()), (1, (0, 0)));
}

/// Until an instance has ended, its capacity counts as used: a reservation shrunk to that count would hold it unused
/// afterwards.
#[tokio::test(start_paused = true)]
async fn what_the_dying_still_use_is_given_back_too() {
    for min in [None, Some(3)] {
        let world =
            World::of("world: {boot_seconds: {min: 60, max: 60}, terminate_seconds: {min: 90, max: 90}}");
        let mut plan = reserving(&world, 3, &[1], 3, true);
        plan.min = min;
        let env = world.environment();
        let options = LaunchOptions { max_attempts: 1, ..LaunchOptions::default() };
        let run = env.new_run_id();
        let running = fleet::launch(&env, run, &plan, &options, fleet::no_sink(), CancellationToken::new());
        let killing = async {
            while world.region.world().live_instances().count() < 3 {
                tokio::time::sleep(Duration::from_secs(5)).await;
            }
            let first = world.region.world().live_instances().next().unwrap().id;
            world.client.terminate_instance(&first, false, false, None).await.unwrap();
        };
        let (summary, ()) = tokio::join!(running, killing);
        tokio::time::sleep(Duration::from_mins(5)).await;
        let used = if min.is_some() { 0 } else { 2 };
        assert_eq!(world.books(), (used, used), "{min:?}: {:?}", summary.unwrap().warnings);
    }
}

/// The machine sleeps until the time for reserving has passed, so the run does not wait for the enlargement that it then
/// requests.
#[tokio::test(start_paused = true)]
async fn a_growth_that_ends_after_the_run_is_given_back() {
    // One domain is full, and the other one should compensate for it.
    let world = World::of(
        "world: {hosts: {by_availability_domain: [{availability_domain: 1, per_fault_domain: 0}]}}",
    );
    let plan = reserving(&world, 6, &[1, 3], 1, true);
    let env = world.environment();
    let run = env.new_run_id();
    let options = LaunchOptions { wait: false, max_attempts: 1, ..LaunchOptions::default() };
    let stop = CancellationToken::new();
    let sleeping = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        tokio::time::advance(Duration::from_mins(31)).await;
    };
    let running = fleet::launch(&env, run, &plan, &options, fleet::no_sink(), stop);
    let (summary, ()) = tokio::join!(running, sleeping);
    let summary = summary.unwrap();
    let launched = summary.launched;
    assert!((1..6).contains(&launched), "{:?}", summary.warnings);
    tokio::time::sleep(Duration::from_mins(5)).await;
    assert_eq!(world.books(), (launched, launched), "{:?}", summary.warnings);
}

/// Damage may destroy the only records that name a reservation of a run that is being rolled back.
#[tokio::test(start_paused = true)]
async fn a_reservation_whose_records_are_lost_is_found_by_its_tag() {
    let mut rolled_back = 0;
    for seconds in (46..70).step_by(3) {
        let world = World::of("roomy");
        let mut plan = reserving(&world, 6, &[1, 2, 3], 6, true);
        plan.min = Some(6);
        let env = world.environment();
        let run = env.new_run_id();
        let options = LaunchOptions { wait_timeout: Duration::from_secs(1), ..LaunchOptions::default() };
        let first = fleet::launch(&env, run, &plan, &options, fleet::no_sink(), CancellationToken::new());
        if tokio::time::timeout(Duration::from_secs(seconds), first).await.is_ok() {
            break;
        }
        let records = world.store.snapshot(run);
        let is_rollback = |record: &Record| matches!(record.event, Event::GiveBackIntended { .. });
        rolled_back += u32::from(records.iter().any(is_rollback));
        for record in records {
            let names_one =
                matches!(record.event, Event::ReservationHeld { .. } | Event::ReservationIntended { .. });
            if names_one {
                world.store.ruin(run, record.seq);
            }
        }
        let stop = CancellationToken::new();
        let summary = fleet::resume(&env, run, &options, fleet::no_sink(), stop).await.unwrap();
        tokio::time::sleep(Duration::from_mins(5)).await;
        assert_eq!(world.books(), (0, 0), "after {seconds} s: {:?}", summary.warnings);
    }
    assert!(rolled_back > 1, "{rolled_back}");
}

/// Wherever the ledger fills up, the run stays unfinished, and a resume looks again for anything still held.
#[tokio::test(start_paused = true)]
async fn a_ledger_that_fills_leaves_reservations_to_resume() {
    let mut failed = 0;
    for appends in 1..40 {
        let world = World::of("scarce");
        world.store.fail_after(Some(appends));
        let plan = reserving(&world, 5000, &[1, 2, 3], 5000, true);
        let (summary, _) = launch(&world, &plan).await;
        if summary.ledger_error.is_none() {
            break;
        }
        failed += 1;
        assert_eq!(summary.outcome, Some(Outcome::LedgerFailed), "after {appends}: {:?}", summary.warnings);
        world.store.fail_after(None);
        let env = world.environment();
        let (options, stop) = (LaunchOptions::default(), CancellationToken::new());
        let resumed = fleet::resume(&env, summary.run_id, &options, fleet::no_sink(), stop).await.unwrap();
        assert_eq!(resumed.outcome, Some(Outcome::GivenBack), "after {appends}: {:?}", resumed.warnings);
        assert_eq!(world.books(), (0, 0), "after {appends}");
    }
    assert!((5..39).contains(&failed), "{failed} appends");
}
