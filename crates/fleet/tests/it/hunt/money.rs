//! Hunts whose instances may cost only so much: what was had costs money while the rest is asked for.

use super::world::{DAY, Ground};
use fleet::launch::Hunting;
use fleet::plan::{KindPrice, SpendingTerms};
use fleet::{Plan, RunSummary};
use ledger::{Event, Outcome, Record, RunState};
use oci_simulator::world::World as Region;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

const HOUR: Duration = Duration::from_hours(1);
const MINUTE: Duration = Duration::from_mins(1);
/// What an instance costs an hour in these tests.
const PRICE: f64 = 0.5;

/// Two instances at once, two more after 10 hours, and the last four after 40.
const CRUMBS: &str = "world: {hosts: {per_fault_domain: 0}, crumbs: [\
    {availability_domain: 1, family: standard-e5, every_seconds: 1, hosts: 2, ocpus_per_host: 1, times: 1}, \
    {availability_domain: 1, family: standard-e5, every_seconds: 36000, hosts: 2, ocpus_per_host: 1, times: 1}, \
    {availability_domain: 1, family: standard-e5, every_seconds: 144000, hosts: 4, ocpus_per_host: 1, times: 1}]}";

/// A hunt for 8 instances that may cost this much.
fn bounded(ground: &Ground, max_cost: f64, min: Option<u32>) -> Plan {
    let plan = ground.plan(8, 1, MINUTE, 5 * DAY);
    let hours = vec![KindPrice { kind: plan.fleet.placements[0].clone(), hour: PRICE }];
    let spending = Some(SpendingTerms { max_cost, hours, currency: "USD".to_owned() });
    Plan { spending, min, ..plan }
}

const EVERY: Duration = Duration::from_secs(5);

fn living(region: &Region) -> f64 {
    region.live_instances().count() as f64
}

/// Keeps the books of the region beside a hunt: what its instances have really cost.
async fn beside<T>(ground: &Ground, hunting: impl Future<Output = T>) -> (T, f64) {
    let cost = Arc::new(Mutex::new(0.0));
    let watching = async {
        loop {
            let living = living(&ground.world.region.world());
            *cost.lock().unwrap() += living * EVERY.as_secs_f64() / 3600.0 * PRICE;
            tokio::time::sleep(EVERY).await;
        }
    };
    let ended = tokio::select! {
        ended = hunting => ended,
        () = watching => unreachable!("the books are kept for ever"),
    };
    let cost = *cost.lock().unwrap();
    (ended, cost)
}

async fn carry_out(ground: &Ground, plan: &Plan) -> (RunSummary, f64, Duration) {
    let began = Instant::now();
    let hunting = ground.hunt_with(plan, Hunting::default(), fleet::no_sink(), CancellationToken::new());
    let (summary, cost) = beside(ground, hunting).await;
    ground.world.check_books(&summary);
    (summary, cost, began.elapsed())
}

fn records(ground: &Ground, summary: &RunSummary) -> Vec<Record> {
    ground.world.store.snapshot(summary.run_id)
}

#[tokio::test(start_paused = true)]
async fn a_hunt_out_of_money_keeps_what_it_has() {
    let ground = Ground::of(CRUMBS);
    // Two cost 1 an hour; four cost 2 an hour after the tenth hour: 10 + 2 × 10.
    let (summary, cost, took) = carry_out(&ground, &bounded(&ground, 30.0, None)).await;
    assert_eq!((summary.outcome, summary.running), (Some(Outcome::Partial), 4), "{:?}", summary.warnings);
    let spending = summary.spending.clone().unwrap();
    println!("ended after {took:?}; cost told {:.3}, really {cost:.3}", spending.spent);
    assert!(spending.reached && (spending.per_hour - 4.0 * PRICE).abs() < 1e-9, "{spending:?}");
    assert!(cost <= 30.0 && spending.spent <= 30.0 && spending.spent > 29.8, "really {cost}, {spending:?}");
    assert!((spending.spent - cost).abs() <= cost * 0.01, "really {cost}, {spending:?}");
    assert!((19 * HOUR + 45 * MINUTE..=20 * HOUR + 5 * MINUTE).contains(&took), "{took:?}");
    let error = summary.instances.iter().find_map(|row| row.error.as_ref()).unwrap();
    assert_eq!((error.class.as_str(), summary.failed), ("bound", 4));
    assert!(error.message.contains("of at most 30 USD (--max-cost)"), "{}", error.message);
    let reached = records(&ground, &summary);
    let reached = reached.iter().filter(|record| matches!(record.event, Event::BoundReached { .. }));
    assert_eq!(reached.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn money_that_ends_below_the_minimum_is_rolled_back() {
    let ground = Ground::of(CRUMBS);
    let (summary, cost, took) = carry_out(&ground, &bounded(&ground, 30.0, Some(5))).await;
    assert_eq!((summary.outcome, summary.launched), (Some(Outcome::GivenBack), 0), "{:?}", summary.warnings);
    let spending = summary.spending.unwrap();
    println!("given back after {took:?}; cost told {:.3}, really {cost:.3}", spending.spent);
    assert!(cost <= 30.0 && spending.spent <= 30.0, "really {cost}, {spending:?}");
    assert!(spending.reached && spending.per_hour.abs() < 1e-9, "{spending:?}");
}

#[tokio::test(start_paused = true)]
async fn a_bound_that_lasts_ends_no_hunt() {
    let ground = Ground::of(CRUMBS);
    let (summary, cost, took) = carry_out(&ground, &bounded(&ground, 75.0, None)).await;
    assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), 8), "{:?}", summary.warnings);
    assert!(!summary.spending.as_ref().unwrap().reached && cost <= 75.0, "{cost}, {:?}", summary.spending);
    assert!(took <= 40 * HOUR + 5 * MINUTE, "{took:?}");
}

/// The instance may exist, so it may cost.
#[tokio::test(start_paused = true)]
async fn a_launch_in_doubt_counts_against_the_bound() {
    let lost = "world: {hosts: {per_fault_domain: 1}}\n\
         faults: [{operations: [launch], probability: 1.0, fault: reset_after}]";
    let ground = Ground::of(lost);
    let (summary, cost, took) = carry_out(&ground, &bounded(&ground, 1.0, None)).await;
    let state = RunState::fold(summary.run_id, &records(&ground, &summary));
    println!("{:?} after {took:?}, cost {cost:.3}, {:?}", summary.outcome, summary.spending);
    assert!(cost <= 1.0 && took <= 3 * HOUR, "{cost} in {took:?}");
    assert!(state.bound_reached, "{:?}", summary.warnings);
}

/// Killed at any time and taken up by another process, the hunt keeps its bound.
#[tokio::test(start_paused = true)]
async fn a_killed_hunt_keeps_its_bound() {
    for seed in 1..=5_u64 {
        let ground = Ground::seeded(&format!("latency: {{min_ms: 20, max_ms: 20}}\n{CRUMBS}"), seed);
        ground.world.store.set_sync_delay(Duration::from_millis(3));
        let plan = bounded(&ground, 30.0, None);
        let run = ground.env.new_run_id();
        let lives = async {
            for life in 0.. {
                let most_ms = if life < 8 { 1500 } else { 7_200_000 };
                let lives_ms = 1 + (seed * 7919 + life * 104_729 * seed) % most_ms;
                let process = ground.begin_or_take_up(run, &plan, life == 0);
                if let Ok(ended) =
                    tokio::time::timeout(Duration::from_millis(lives_ms), Box::pin(process)).await
                {
                    return ended;
                }
            }
            unreachable!("it ends when its money does")
        };
        let (summary, cost) = beside(&ground, lives).await;
        ground.world.check_books(&summary);
        let spending = summary.spending.clone().unwrap();
        println!("seed {seed}: cost told {:.3}, really {cost:.3}", spending.spent);
        assert_eq!(summary.running, 4, "seed {seed}: {:?}", summary.outcome);
        assert!(
            spending.reached && cost <= 30.0 && spending.spent <= 30.0,
            "seed {seed}: {cost}, {spending:?}"
        );
        // Taken up once more, it asks for nothing.
        let asked = ground.sent().len();
        let again = ground.take_up(run, Hunting::default(), CancellationToken::new()).await;
        assert_eq!((ground.sent().len(), again.running), (asked, 4), "seed {seed}");
    }
}
