//! A hunt that a full service limit stops goes on by itself once the limit is raised.

use super::world::{DAY, Ground, least_gap};
use fleet::limit_requests::{Increase, details, token};
use ledger::{Event, Outcome};
use std::time::Duration;

const HOUR: Duration = Duration::from_hours(1);
const FLOOR: Duration = Duration::from_mins(1);

/// Room for 2 instances of E5 and none of E4, until a request is granted three hours after it is filed.
const TIGHT: &str = "world:
  hosts: {by_family: {standard-e4: 0}}
  limits: {named: [{name: standard-e5-core-count, value: 2}]}
  limit_increases: {start_seconds: 60, decide_seconds: {min: 10740, max: 10740}}
";

/// Requests room for 6 instances in the first domain.
async fn request_more(ground: &Ground) {
    let increase = Increase {
        service: "compute".to_owned(),
        limit: "standard-e5-core-count".to_owned(),
        region: None,
        domain: Some(ground.world.domain(1)),
        current: Some(2),
        value: 6,
    };
    let fleet = ground.world.fleet(1, &[1]);
    let body = details(&fleet.compartment, "us-phoenix-1", "a larger fleet", &[increase]);
    ground.env.client.create_limits_increase_request(&body, &token(&body, &[])).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_hunt_goes_on_when_its_limit_is_raised() {
    let ground = Ground::of(TIGHT);
    // The other target is always full: a limit that refused comes after it.
    let plan = ground.plan(6, 2, FLOOR, 10 * DAY);
    let began = ground.env.clock.now();
    let filed = HOUR;
    let request = async {
        tokio::time::sleep(filed).await;
        request_more(&ground).await;
    };
    let ((summary, records), ()) = tokio::join!(ground.hunt(&plan), request);
    assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), 6));
    ground.world.check_books(&summary);
    let launched = records.iter().filter(|record| matches!(record.event, Event::Launched { .. }));
    let third = launched.map(|record| record.at).nth(2).unwrap();
    let granted = filed + 3 * HOUR;
    let after = Duration::try_from(third.duration_since(began)).unwrap();
    println!("the raised limit was seen {:?} after the grant", after.saturating_sub(granted));
    assert!(after >= granted && after <= granted + Duration::from_mins(5) + 3 * FLOOR, "{after:?}");
    // The first ten minutes use up the limit, without a floor.
    let is_idle = |sent: &Duration| *sent > Duration::from_mins(10) && *sent <= granted;
    let before: Vec<Duration> = ground.sent().into_iter().filter(is_idle).collect();
    assert!(before.len() > 200, "{} probes", before.len());
    assert!(least_gap(&before) >= FLOOR, "{:?}", least_gap(&before));
}

/// A launch that is accepted and then ended by a limit shows no capacity, so that the next one at its target is a probe again.
#[tokio::test(start_paused = true)]
async fn launches_that_a_limit_ends_late_keep_the_floor() {
    let ground = Ground::of("world: {late_failure: {probability: 1, limit_share: 1}}");
    let plan = ground.plan(3, 1, FLOOR, 6 * HOUR);
    let (summary, records) = ground.hunt(&plan).await;
    assert_eq!(summary.running, 0);
    let died = records.iter().filter(|record| matches!(record.event, Event::InstanceDied { .. })).count();
    assert!(died > 10, "{died}");
    // Until the first instance ends, launches there have no floor.
    let sent = ground.sent();
    assert!(least_gap(&sent[3..]) >= FLOOR, "{:?}", least_gap(&sent[3..]));
}
