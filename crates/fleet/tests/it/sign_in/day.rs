//! A day on tokens of 20 minutes: a request a minute in the ordinary tests, ten a second in `make simulate-day`.

use super::site::{Site, failed};
use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);
/// 24 hours of tokens of 20 minutes that are renewed three quarters through, and the first one.
const RENEWALS: std::ops::RangeInclusive<u64> = 72..=97;

/// The time from one request to the next.
fn pause() -> Duration {
    let rate = std::env::var("DAY_REQUESTS_PER_SECOND").ok().and_then(|rate| rate.parse::<f64>().ok());
    rate.map_or(Duration::from_mins(1), |rate| Duration::from_secs_f64(1.0 / rate))
}

/// Asks for a day, and checks that no request was refused and no token was renewed in vain.
async fn live_a_day(scenario: &str) -> String {
    let site = Site::new(scenario);
    let signer = site.instance().await;
    let (client, requests) = site.client(&signer);
    let mut ticks = tokio::time::interval(pause());
    let end = tokio::time::Instant::now() + DAY;
    while ticks.tick().await < end {
        site.ask(&client).await.unwrap();
    }
    let sent: u64 = requests.snapshot().values().map(|of| of.ok).sum();
    let renewals = signer.renewals();
    assert_eq!(sent, (DAY.as_secs_f64() / pause().as_secs_f64()).round() as u64);
    assert_eq!(failed(&requests), 0);
    assert!(RENEWALS.contains(&renewals), "{renewals} renewals");
    assert_eq!(site.world.region.tokens_issued(), renewals);
    format!("{sent} requests, {renewals} renewals")
}

#[tokio::test(start_paused = true)]
async fn a_day_of_requests_renews_in_time() {
    println!("{}", live_a_day("sign_in: {}").await);
}

#[tokio::test(start_paused = true)]
async fn an_auth_host_that_is_often_down_fails_no_request() {
    // It is down for four minutes of every seven.
    let down = |at: u32| {
        format!("    - {{after_seconds: {}, for_seconds: 240, fault: reset_before}}\n", 600 + at * 420)
    };
    let faults: String = (0..205).map(down).collect();
    println!("{}", live_a_day(&format!("sign_in:\n  auth_faults:\n{faults}")).await);
}
