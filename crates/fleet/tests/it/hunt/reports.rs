//! Capacity reports of a hunt: they find returned capacity sooner, and a wrong one costs no request.

use super::found::appears;
use super::world::{DAY, Ground, first_launched, least_gap};
use std::time::Duration;

const MINUTE: Duration = Duration::from_mins(1);
const TARGETS: usize = 12;

/// How long it takes to find capacity that appears after an hour at the last of twelve targets, with these settings.
async fn found(more: &str) -> Duration {
    let at = Duration::from_hours(1);
    let ground = Ground::of(&appears(at, TARGETS).replace("world: {", &format!("{more}world: {{")));
    let plan = ground.plan(1, TARGETS, MINUTE, 10 * DAY);
    let began = ground.env.clock.now();
    let (summary, records) = ground.hunt(&plan).await;
    assert_eq!(summary.running, 1);
    ground.world.check_books(&summary);
    let (sent, reports) = (ground.sent(), ground.reports());
    assert!(least_gap(&sent) >= MINUTE, "{:?}", least_gap(&sent));
    assert!(least_gap(&reports) >= MINUTE, "{:?}", least_gap(&reports));
    assert!(reports.len() <= sent.len(), "{} reports, {} launches", reports.len(), sent.len());
    let took = first_launched(&records, began).saturating_sub(at);
    println!("{more:?}: found after {took:?} with {} launches, {} reports", sent.len(), reports.len());
    took
}

const REFUSED: &str = "faults: [{operations: [CreateComputeCapacityReport], probability: 1.0, fault: {answer: {status: 404}}}]\n";

#[tokio::test(start_paused = true)]
async fn a_report_finds_freed_capacity_sooner() {
    let without = found(REFUSED).await;
    let with = found("").await;
    // Three reports cover the twelve targets.
    assert!(with <= 4 * MINUTE + Duration::from_secs(15), "{with:?}");
    assert!(with < without && without <= 12 * MINUTE + Duration::from_secs(15), "{with:?}, {without:?}");
}

#[tokio::test(start_paused = true)]
async fn a_report_that_lies_costs_one_probe_a_cycle() {
    let ground = "world: {capacity_report_error_probability: 1.0, ";
    let at = appears(Duration::from_hours(1), TARGETS).replace("world: {", ground);
    let ground = Ground::of(&at);
    let plan = ground.plan(1, TARGETS, MINUTE, 10 * DAY);
    let began = ground.env.clock.now();
    let (_, records) = ground.hunt(&plan).await;
    let took = first_launched(&records, began).saturating_sub(Duration::from_hours(1));
    println!("lied to: found after {took:?}");
    assert!(took <= 13 * MINUTE + Duration::from_secs(15), "{took:?}");
    assert!(least_gap(&ground.sent()) >= MINUTE && least_gap(&ground.reports()) >= MINUTE);
}

#[tokio::test(start_paused = true)]
async fn a_report_without_an_answer_delays_no_probe() {
    let hangs = "faults: [{operations: [CreateComputeCapacityReport], probability: 1.0, fault: hang}]\n";
    let took = found(hangs).await;
    assert!(took <= 12 * MINUTE + Duration::from_secs(15), "{took:?}");
}
