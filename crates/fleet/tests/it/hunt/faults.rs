//! A hunt survives faults that would end a launch.

use super::world::{DAY, Ground, least_gap, limit};
use crate::launch::world::{count, recorder};
use fleet::launch::Hunting;
use ledger::{ErrorClass, Event, Outcome, Record};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const FLOOR: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

/// The fault in an hour, and its duration.
fn fault_of(hour: u64) -> (u64, &'static str) {
    match hour % 6 {
        0 => (600, "{answer: {status: 502}}"),
        1 => (600, "{answer: {status: 502, body: html}}"),
        2 => (600, "{answer: {status: 418, code: NeverHeardOf, message: Nobody knows.}}"),
        3 => (
            600,
            "{answer: {status: 500, code: InternalError, message: \"Out of capacity for shape VM.Standard.E5.Flex in \
             availability domain AD-1. Create the instance in a different availability domain.\"}}",
        ),
        4 => (600, "reset_before"),
        _ => (1800, "expired_credentials"),
    }
}

/// Scenario 6 of the acceptance scenarios for scarce capacity.
#[tokio::test(start_paused = true)]
async fn a_fault_an_hour_for_a_week_ends_no_hunt() {
    let days = limit("HUNT_FAULT_DAYS", 7);
    let mut scenario = format!(
        "world: {{hosts: {{per_fault_domain: 0}}, crumbs: [{{availability_domain: 1, every_seconds: {}, hosts: 9, \
         times: 1}}]}}\nfaults:\n",
        days * 24 * 3600
    );
    let mut ends = Vec::new();
    for hour in 1..days * 24 {
        let (lasts, fault) = fault_of(hour);
        let after = hour * 3600;
        let operations = if fault == "expired_credentials" { "" } else { "operations: [launch], " };
        writeln!(
            scenario,
            "  - {{{operations}after_seconds: {after}, for_seconds: {lasts}, fault: {fault}}}"
        )
        .unwrap();
        ends.push(Duration::from_secs(after + lasts));
    }
    let ground = Ground::of(&scenario);
    let plan = ground.plan(3, 3, FLOOR, 30 * DAY);
    let (summary, records) = ground.hunt(&plan).await;
    assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), 3));
    ground.world.check_books(&summary);
    assert_eq!(count(&records, |event| matches!(event, Event::SlotFailed { .. })), 0);
    assert!(one_alert_a_day(&records) >= 4, "{:?}", summary.warnings);
    let sent = ground.sent();
    for end in ends {
        let resumed = sent.iter().find(|sent| **sent >= end).unwrap();
        assert!(resumed.saturating_sub(end) <= Duration::from_mins(2), "{end:?}: {resumed:?}");
    }
    let before: Vec<_> =
        sent.iter().copied().filter(|sent| *sent < Duration::from_hours(days * 24)).collect();
    assert!(least_gap(&before) >= FLOOR, "{:?}", least_gap(&before));
}

/// Checks that each kind is reported at most once a day, and returns the number of kinds.
fn one_alert_a_day(records: &[Record]) -> usize {
    let mut told: BTreeSet<(String, i64)> = BTreeSet::new();
    let mut kinds = BTreeSet::new();
    for record in records {
        if let Event::Warning { message } = &record.event
            && let Some(rest) = message.strip_prefix("the hunt goes on after ")
        {
            let kind = rest.split(": ").next().unwrap().to_owned();
            assert!(
                told.insert((kind.clone(), record.at.as_second() / (24 * 3600))),
                "twice a day: {message}"
            );
            kinds.insert(kind);
        }
    }
    kinds.len()
}

/// Scenario 7: nothing is sent while the ledger cannot be written, and the hunt then continues by itself.
#[tokio::test(start_paused = true)]
async fn a_full_disk_stops_a_hunt_for_an_hour_only() {
    let ground = Ground::of(
        "world: {hosts: {per_fault_domain: 0}, crumbs: [{availability_domain: 1, every_seconds: 14400, hosts: 9, times: 1}]}",
    );
    let plan = ground.plan(3, 3, FLOOR, DAY);
    let store = ground.world.store.clone();
    let disk = tokio::spawn(async move {
        tokio::time::sleep(HOUR).await;
        store.fail_after(Some(0));
        tokio::time::sleep(HOUR).await;
        store.fail_after(None);
    });
    let (summary, _) = ground.hunt(&plan).await;
    disk.await.unwrap();
    assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), 3));
    ground.world.check_books(&summary);
    let sent = ground.sent();
    let full = sent.iter().filter(|sent| **sent > HOUR && **sent < 2 * HOUR).count();
    assert!(full <= 1, "{full} launches without a record");
    let resumed = sent.iter().find(|sent| **sent >= 2 * HOUR).unwrap();
    assert!(*resumed <= 2 * HOUR + Duration::from_mins(2), "{resumed:?}");
}

/// Until any launch was accepted or refused for lack of capacity, a hunt with a wrong config ends as a launch does.
#[tokio::test(start_paused = true)]
async fn a_wrong_config_ends_a_hunt_at_once() {
    let ground = Ground::of("roomy");
    let mut plan = ground.plan(50, 2, FLOOR, 30 * DAY);
    plan.fleet.template.shape_config.as_mut().unwrap().ocpus = Some(0.5);
    let began = tokio::time::Instant::now();
    let (summary, records) = ground.hunt(&plan).await;
    assert_eq!(summary.outcome, Some(Outcome::Nothing));
    assert!(began.elapsed() < Duration::from_mins(10), "{:?}", began.elapsed());
    assert_eq!(ground.sent().len(), 2, "each placement once");
    assert_eq!(count(&records, |event| matches!(event, Event::SlotFailed { .. })), 50);
}

/// Once launches were refused for lack of capacity, the same response is waited out.
#[tokio::test(start_paused = true)]
async fn an_odd_refusal_after_good_ones_is_waited_out() {
    let ground = Ground::of(
        "world: {hosts: {per_fault_domain: 0}, crumbs: [{availability_domain: 1, every_seconds: 14400, hosts: 9, times: 1}]}\n\
         faults:\n  - {operations: [launch], after_seconds: 3600, for_seconds: 3600, fault: {answer: {status: 404, code: \
         NotAuthorizedOrNotFound, message: Authorization failed or requested resource not found.}}}",
    );
    let (summary, records) = ground.hunt(&ground.plan(2, 1, FLOOR, DAY)).await;
    assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), 2));
    assert_eq!(one_alert_a_day(&records), 1);
}

/// Signs of a suspended account stop the hunt and are reported.
#[tokio::test(start_paused = true)]
async fn a_suspended_account_stops_the_hunt() {
    let ground = Ground::of(
        "world: {hosts: {per_fault_domain: 0}}\nfaults:\n  - {operations: [launch], after_seconds: 3600, fault: {answer: \
         {status: 401, code: NotAuthenticated, message: The tenancy has been suspended.}}}",
    );
    let (summary, _) = ground.hunt(&ground.plan(2, 1, FLOOR, DAY)).await;
    assert_eq!(summary.outcome, Some(Outcome::NotAuthenticated));
    assert!(summary.warnings.iter().any(|told| told.contains("`suspended`")), "{:?}", summary.warnings);
    let last = *ground.sent().last().unwrap();
    assert!(last < HOUR + 2 * FLOOR, "{last:?}");
}

/// A launch in doubt at the end of the hunt's time is looked up by the next process, which launches nothing.
#[tokio::test(start_paused = true)]
async fn a_hunt_in_doubt_is_settled_after_its_time() {
    for (fault, exists) in [("reset_after", 1), ("reset_before", 0)] {
        let ground = Ground::of(&format!(
            "faults:\n  - {{operations: [launch], fault: {fault}}}\n  - {{operations: [read], for_seconds: 7200, fault: \
             {{answer: {{status: 503}}}}}}"
        ));
        let (summary, _) = ground.hunt(&ground.plan(1, 1, FLOOR, HOUR)).await;
        assert_eq!(summary.outcome, Some(Outcome::InDoubt), "{fault}");
        let sent = ground.sent().len();
        tokio::time::sleep(2 * HOUR).await;
        let settled = ground.take_up(summary.run_id, Hunting::default(), CancellationToken::new()).await;
        let expected = if exists == 1 { Outcome::Complete } else { Outcome::Nothing };
        assert_eq!((settled.outcome, settled.running), (Some(expected), exists), "{fault}");
        assert_eq!(ground.sent().len(), sent, "{fault}: nothing is launched");
        ground.world.check_books(&settled);
    }
}

/// Scenario 3: a launch that is accepted and fails later counts as a refusal, and its slot gets a new token.
#[tokio::test(start_paused = true)]
async fn late_failures_leave_exactly_as_many_as_wanted() {
    for share in [0.0, 0.5] {
        let ground =
            Ground::of(&format!("world: {{late_failure: {{probability: 0.5, limit_share: {share}}}}}"));
        let (summary, records) = ground.hunt(&ground.plan(20, 3, Duration::from_secs(10), 7 * DAY)).await;
        assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), 20));
        ground.world.check_books(&summary);
        assert_eq!(ground.world.live().len(), 20);
        let died = count(&records, |event| matches!(event, Event::InstanceDied { .. }));
        assert!(died > 5, "{died}");
        let mut tokens: BTreeMap<(u32, u32), BTreeSet<String>> = BTreeMap::new();
        for record in &records {
            if let Event::LaunchIntended { slot, attempt, token, .. } = &record.event {
                tokens.entry((*slot, *attempt)).or_default().insert(token.clone());
            }
        }
        let all: BTreeSet<&String> = tokens.values().flatten().collect();
        assert_eq!(all.len(), tokens.len(), "one token for each attempt");
    }
}

/// Rider a: two hunts on one machine share one floor.
#[tokio::test(start_paused = true)]
async fn two_hunters_share_the_floor_of_a_tenancy() {
    let ground = Ground::of("world: {hosts: {per_fault_domain: 0}}");
    let plans = [ground.plan(3, 4, FLOOR, DAY), ground.plan(2, 12, FLOOR, DAY)];
    let other = fleet::Environment { seed: 77, ..ground.env.clone() };
    let options = fleet::LaunchOptions::default();
    let hunt = |env: &fleet::Environment, plan: &fleet::Plan| {
        let (env, plan, options) = (env.clone(), plan.clone(), options.clone());
        async move {
            let (run, begin) = (env.new_run_id(), fleet::launch::Begin::New(&plan));
            let (sink, stop) = (fleet::no_sink(), CancellationToken::new());
            fleet::launch::carry_on(&env, run, begin, &options, sink, stop).await.unwrap()
        }
    };
    let both = async { tokio::join!(hunt(&ground.env, &plans[0]), hunt(&other, &plans[1])) };
    let (one, two) = Box::pin(both).await;
    assert_eq!((one.outcome, two.outcome), (Some(Outcome::Nothing), Some(Outcome::Nothing)));
    let sent = ground.sent();
    assert!(least_gap(&sent) >= FLOOR, "{:?}", least_gap(&sent));
    let most = DAY.as_secs() / FLOOR.as_secs();
    assert!(sent.len() as u64 <= most && sent.len() as u64 >= most * 8 / 10, "{} of {most}", sent.len());
}

/// One call from cron sends one probe, and the next process resumes from its result.
#[tokio::test(start_paused = true)]
async fn one_probe_at_a_time_ends_with_all_running() {
    let ground = Ground::of(
        "world: {hosts: {per_fault_domain: 0}, crumbs: [{availability_domain: 2, every_seconds: 7200, hosts: 9, times: 1}]}",
    );
    let plan = ground.plan(5, 12, FLOOR, DAY);
    let once = || Hunting::new(true, Vec::new());
    let (sink, _) = recorder();
    let mut summary = ground.hunt_with(&plan, once(), sink, CancellationToken::new()).await;
    let mut rounds = 1;
    while summary.outcome == Some(Outcome::CutShort) {
        assert_eq!(ground.sent().len(), rounds, "one probe a round");
        tokio::time::sleep(Duration::from_mins(5)).await;
        summary = ground.take_up(summary.run_id, once(), CancellationToken::new()).await;
        rounds += 1;
    }
    assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), 5));
    assert!((25..=40).contains(&rounds), "{rounds}");
    let failed = |event: &Event| matches!(event, Event::SlotFailed { error, .. } if error.class != ErrorClass::Capacity);
    assert_eq!(count(&ground.world.store.snapshot(summary.run_id), failed), 0);
}

/// A wall clock that is set back and forth.
#[derive(Debug)]
struct Restless {
    clock: std::sync::Arc<dyn oci_client::Clock>,
    off_minutes: std::sync::atomic::AtomicI64,
}

impl oci_client::Clock for Restless {
    fn now(&self) -> jiff::Timestamp {
        let off = self.off_minutes.load(std::sync::atomic::Ordering::Relaxed);
        self.clock.now() + jiff::SignedDuration::from_mins(off)
    }
}

/// The floor counts elapsed time, and a claim in the future costs one floor, not a day.
#[tokio::test(start_paused = true)]
async fn jumps_of_the_clock_move_no_probe_far() {
    let mut ground = Ground::of("world: {hosts: {per_fault_domain: 0}}");
    let plan = ground.plan(3, 4, FLOOR, 4 * DAY);
    let clock = std::sync::Arc::new(Restless { clock: ground.env.clock.clone(), off_minutes: 0.into() });
    ground.env.clock = clock.clone();
    let hands = tokio::spawn(async move {
        for minutes in [60, -60, 1440, -1440, 5, -3, 0, 1].into_iter().cycle() {
            tokio::time::sleep(Duration::from_secs(40 * 60 + 7)).await;
            clock.off_minutes.store(minutes, std::sync::atomic::Ordering::Relaxed);
        }
    });
    let (summary, _) = ground.hunt(&plan).await;
    hands.abort();
    assert_eq!(summary.outcome, Some(Outcome::Nothing));
    let sent = ground.sent();
    assert!(least_gap(&sent) >= FLOOR, "{:?}", least_gap(&sent));
    let longest = sent.windows(2).map(|two| two[1].saturating_sub(two[0])).max().unwrap();
    assert!(longest <= FLOOR * 3, "{longest:?}");
}
