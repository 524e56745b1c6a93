//! Fleets with alternatives: other shapes, sizes and capacity types, tried in order; the effect of a strategy; and the
//! comparison of obtained instances with the request.

use super::refused::{Answer, Between};
use super::world::{SHAPE, World, count, recorder, within_a_day};
use bytes::Bytes;
use fleet::{Environment, LaunchOptions, Plan, RunSummary, Strategy};
use futures_util::future::BoxFuture;
use ledger::capacity::CapacityMemory as _;
use ledger::{Amount, CapacityType, ErrorClass, Event, Outcome, Placement, PlacementSize, Record};
use oci_client::transport::{Transport, TransportError};
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

const OTHER: &str = "VM.Standard.E4.Flex";
/// No launch of the first shape passes its limit.
const LIMITED: &str =
    "world: {limits: {cores: 2000, memory_in_gbs: 40000, named: [{name: standard-e5-core-count, value: 0}]}}";

/// The first shape in all domains, then the other one in all domains.
fn two_shapes(world: &World, slots: u32) -> Plan {
    let mut plan = world.plan(slots, &[1, 2, 3]);
    let others: Vec<Placement> = plan
        .fleet
        .placements
        .iter()
        .map(|placement| Placement { shape: OTHER.to_owned(), ..placement.clone() })
        .collect();
    plan.fleet.placements.extend(others);
    plan
}

fn refused(records: &[Record]) -> usize {
    count(
        records,
        |event| matches!(event, Event::TryFailed { error, .. } if matches!(error.class, ErrorClass::Capacity | ErrorClass::Limit)),
    )
}

fn asked(records: &[Record], of: impl Fn(&Placement) -> bool) -> usize {
    count(records, |event| matches!(event, Event::LaunchIntended { placement, .. } if of(placement)))
}

fn obtained(summary: &RunSummary) -> BTreeMap<String, u32> {
    summary.obtained.iter().map(|kind| (kind.shape.clone(), kind.count)).collect()
}

async fn launch_in(env: &Environment, plan: &Plan) -> (RunSummary, Vec<Record>) {
    launch_as(env, plan, &LaunchOptions::default()).await
}

async fn launch_as(env: &Environment, plan: &Plan, options: &LaunchOptions) -> (RunSummary, Vec<Record>) {
    let (sink, seen) = recorder();
    let running = fleet::launch(env, env.new_run_id(), plan, options, sink, CancellationToken::new());
    let summary = within_a_day(running).await.unwrap();
    let records = seen.lock().unwrap().clone();
    (summary, records)
}

/// Scenario 2 of the acceptance scenarios for scarce capacity.
#[tokio::test(start_paused = true)]
async fn a_limited_shape_costs_three_refused_calls_at_most() {
    let world = World::of(LIMITED);
    let plan = two_shapes(&world, 100);
    let began = tokio::time::Instant::now();
    let (summary, records) = world.launch(&plan).await;
    let took = began.elapsed();
    assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), 100));
    world.check_books(&summary);
    assert_eq!(obtained(&summary), [(OTHER.to_owned(), 100)].into());
    let calls = refused(&records);
    assert!((1..=3).contains(&calls), "{calls} refused calls");
    assert!(took < Duration::from_mins(3), "{took:?}: nobody waits for the limit");

    // A second process, half an hour later.
    tokio::time::advance(Duration::from_mins(30)).await;
    let again = Plan { fleet: fleet::FleetSpec { first_number: 101, ..plan.fleet.clone() }, ..plan.clone() };
    let (second, records) = launch_in(&Environment { seed: 2, ..world.environment() }, &again).await;
    assert_eq!(second.outcome, Some(Outcome::Complete));
    assert_eq!(asked(&records, |placement| placement.shape == SHAPE), 0);

    world.memory.forget(&fleet::launch::memory::scope_of(&plan)).unwrap();
    let more = Plan { fleet: fleet::FleetSpec { first_number: 201, ..plan.fleet.clone() }, ..plan };
    let (_, records) = launch_in(&Environment { seed: 3, ..world.environment() }, &more).await;
    assert!((1..=3).contains(&asked(&records, |placement| placement.shape == SHAPE)));
}

/// Scenario 1 with shapes instead of domains.
#[tokio::test(start_paused = true)]
async fn a_dry_shape_is_replaced_by_the_next() {
    let world = World::of("world: {hosts: {by_family: {standard-e5: 0}}}");
    let plan = two_shapes(&world, 100);
    let began = tokio::time::Instant::now();
    let (summary, records) = world.launch(&plan).await;
    let took = began.elapsed();
    assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), 100));
    world.check_books(&summary);
    assert_eq!(obtained(&summary), [(OTHER.to_owned(), 100)].into());
    let calls = refused(&records);
    assert!((3..=30).contains(&calls), "{calls} refused calls in three domains");
    let throttled = |event: &Event| matches!(event, Event::TryFailed { error, .. } if error.class == ErrorClass::Throttled);
    assert_eq!(count(&records, throttled), 0);
    let ideal = World::of("roomy");
    let began = tokio::time::Instant::now();
    ideal.launch(&ideal.plan(100, &[1, 2, 3])).await;
    let most = began.elapsed().mul_f64(1.1);
    assert!(took <= most, "{took:?}, and {most:?} at most");
}

/// A region that has no capacity for some launches.
struct Picky {
    inner: Arc<dyn Transport>,
    refuses: fn(&Value) -> bool,
}

impl Transport for Picky {
    fn send(&self, request: http::Request<Bytes>) -> BoxFuture<'_, Result<Answer, TransportError>> {
        Box::pin(async move {
            let launch =
                request.method() == http::Method::POST && request.uri().path().ends_with("/instances");
            let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
            if !launch || !(self.refuses)(&body) {
                return self.inner.send(request).await;
            }
            let answer = r#"{"code": "InternalError", "message": "Out of host capacity."}"#;
            Ok(http::Response::builder().status(500).body(Bytes::from_static(answer.as_bytes())).unwrap())
        })
    }
}

fn sized(placement: &Placement, ocpus: f64) -> Placement {
    let size =
        PlacementSize { ocpus: Some(Amount(ocpus)), memory_gb: Some(Amount(ocpus * 6.0)), baseline: None };
    Placement { size: Some(size), ..placement.clone() }
}

/// Scenario 4: preemptible and large instances have no capacity; on-demand and small ones do.
#[tokio::test(start_paused = true)]
async fn a_refused_type_or_size_blocks_no_other() {
    let world = World::of("roomy");
    let mut plan = world.plan(20, &[1]);
    let base = plan.fleet.placements[0].clone();
    let preemptible = Placement { capacity_type: Some(CapacityType::Preemptible), ..base.clone() };
    plan.fleet.placements = vec![preemptible, sized(&base, 8.0), sized(&base, 2.0)];
    let refuses = |body: &Value| {
        !body["preemptibleInstanceConfig"].is_null() || body["shapeConfig"]["ocpus"].as_f64() >= Some(8.0)
    };
    let through = |seed| Environment {
        seed,
        ..world.environment_through(Arc::new(Picky { inner: world.wire(), refuses }))
    };
    let options = LaunchOptions { wait: false, ..LaunchOptions::default() };
    let (summary, records) = launch_as(&through(1), &plan, &options).await;
    assert_eq!((summary.outcome, summary.launched), (Some(Outcome::Complete), 20));
    world.check_books(&summary);
    let kinds: Vec<_> =
        summary.obtained.iter().map(|kind| (kind.count, kind.ocpus, kind.capacity_type)).collect();
    assert_eq!(kinds, [(20, Some(2.0), Some(CapacityType::OnDemand))]);
    assert!(refused(&records) <= 20, "{} refused calls", refused(&records));
    // Within the first wait of the refusing targets, the next run asks only the free one.
    plan.fleet.first_number = 21;
    let (second, records) = launch_in(&through(2), &plan).await;
    assert_eq!((second.outcome, refused(&records)), (Some(Outcome::Complete), 0));
}

/// Scenario 11: 38 of at least 40, then nothing more; three terminations fail once.
#[tokio::test(start_paused = true)]
async fn a_fleet_below_its_minimum_leaves_nothing_of_any_kind() {
    let world = World::of(
        "{world: {limits: {cores: 2000, memory_in_gbs: 40000, named: [{name: standard-e5-core-count, value: 10}, \
         {name: standard-e4-core-count, value: 8}]}}, faults: [{operations: [TerminateInstance], times: 3, fault: \
         {answer: {status: 500, code: InternalError}}}]}",
    );
    // Limits count in each domain: ten of the first shape in three domains, and eight of the other in one.
    let mut plan = two_shapes(&world, 50);
    plan.fleet.placements.truncate(4);
    plan.min = Some(40);
    let (summary, records) = world.launch(&plan).await;
    assert_eq!((summary.outcome, summary.launched), (Some(Outcome::GivenBack), 0));
    let returned = summary.returned.as_deref().unwrap();
    assert_eq!((returned.reached, returned.instances.len()), (38, 38));
    let books = world.region.world();
    let left = [books.live_instances().count(), books.boot_volumes().count(), books.reservations().count()];
    drop(books);
    assert_eq!(left, [0; 3]);
    // Both kinds were obtained, and each slot without an instance says which refusal it received, from which target, and how
    // often it asked.
    let launched = |shape: &str| {
        count(
            &records,
            |event| matches!(event, Event::Launched { placement, .. } if placement.shape == shape),
        )
    };
    assert_eq!((launched(SHAPE), launched(OTHER)), (30, 8));
    for row in summary.instances.iter().filter(|row| row.error.is_some()) {
        let error = row.error.as_ref().unwrap();
        assert_eq!(error.class, ErrorClass::Limit);
        assert!(error.opc_request_id.is_some() && row.attempts > 0 && row.shape.is_some(), "{row:?}");
    }
    world.check_books(&summary);
}

/// Responses to launches state another shape than the requested one.
fn mislabelled(answer: Answer) -> Answer {
    let (parts, body) = answer.into_parts();
    let mut body: Value = serde_json::from_slice(&body).unwrap();
    if body["freeformTags"]["oci-insta-scale-slot"] == "1" {
        body["shape"] = "VM.Standard3.Flex".into();
    }
    http::Response::from_parts(parts, serde_json::to_vec(&body).unwrap().into())
}

#[tokio::test(start_paused = true)]
async fn another_instance_than_requested_is_no_success() {
    for min in [None, Some(3)] {
        let world = World::of("roomy");
        let plan = Plan { min, ..world.plan(3, &[1]) };
        let env = world.environment_through(Arc::new(Between { inner: world.wire(), change: mislabelled }));
        let (summary, _) = launch_in(&env, &plan).await;
        if min.is_some() {
            assert_eq!((summary.outcome, world.live().len()), (Some(Outcome::GivenBack), 0));
            continue;
        }
        assert_eq!((summary.outcome, summary.running, summary.failed), (Some(Outcome::Partial), 3, 1));
        let error = summary.instances[0].error.as_ref().unwrap();
        assert_eq!(error.class, ErrorClass::Mismatch);
        assert_eq!(error.message, "the instance has shape VM.Standard3.Flex instead of VM.Standard.E5.Flex");
        assert!(summary.instances[0].ocid.is_some(), "it exists, and is told");
        assert_eq!(obtained(&summary), [(SHAPE.to_owned(), 2), ("VM.Standard3.Flex".to_owned(), 1)].into());
        let kept = world.store.snapshot(summary.run_id);
        let again = RunSummary::from_state(&ledger::RunState::fold(summary.run_id, &kept)).unwrap();
        assert_eq!(again, summary);
    }
}

#[tokio::test(start_paused = true)]
async fn a_best_effort_asks_each_placement_once() {
    let world = World::of("world: {hosts: {per_fault_domain: 0}}");
    let began = tokio::time::Instant::now();
    let mut plan = two_shapes(&world, 4);
    plan.pursue(Strategy::BestEffort, None);
    let (summary, records) = world.launch(&plan).await;
    assert_eq!((summary.outcome, summary.launched), (Some(Outcome::Nothing), 0));
    assert!(!summary.is_best_effort_met(), "nothing is no success");
    assert!(summary.instances.iter().all(|row| row.attempts <= 6), "each of the six placements once");
    assert!(asked(&records, |_| true) <= 24 && began.elapsed() < Duration::from_mins(1));
}

#[tokio::test(start_paused = true)]
async fn a_best_effort_is_met_by_what_there_is() {
    let some = "world: {limits: {cores: 3, memory_in_gbs: 400}}";
    let world = World::of(some);
    let mut plan = world.plan(5, &[1]);
    plan.pursue(Strategy::BestEffort, None);
    let began = tokio::time::Instant::now();
    let (summary, _) = world.launch(&plan).await;
    assert_eq!((summary.outcome, summary.running), (Some(Outcome::Partial), 3));
    assert!(summary.is_best_effort_met() && began.elapsed() < Duration::from_mins(3));
    world.check_books(&summary);

    let world = World::of(some);
    let mut plan = world.plan(5, &[1]);
    plan.pursue(Strategy::AllOrNothing, None);
    let (summary, _) = world.launch(&plan).await;
    assert_eq!((summary.outcome, world.live().len()), (Some(Outcome::GivenBack), 0));

    let world = World::of(some);
    let (greedy, _) = world.launch(&world.plan(5, &[1])).await;
    assert!(greedy.outcome == Some(Outcome::Partial) && !greedy.is_best_effort_met());
}
