//! Ratchets: reservations grow as capacity appears, and the launch follows when enough is held.

use super::world::{DAY, Ground};
use crate::launch::world::{World, recorder};
use fleet::launch::Hunting;
use fleet::plan::{HuntTerms, RatchetTerms, Reserve};
use fleet::{Plan, RunSummary};
use ledger::{Event, Outcome, Record, RunState};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
/// What one reserved and unused instance costs an hour in these tests.
const PRICE: f64 = 0.2;

/// Nothing anywhere; 15 appear in the first domain at once, 20 in the second after 2 hours, 10 in the third after 6.
const CRUMBS: &str = "world: {hosts: {per_fault_domain: 0}, crumbs: [\
    {availability_domain: 1, family: standard-e5, every_seconds: 1, hosts: 15, ocpus_per_host: 1, times: 1}, \
    {availability_domain: 2, family: standard-e5, every_seconds: 7200, hosts: 20, ocpus_per_host: 1, times: 1}, \
    {availability_domain: 3, family: standard-e5, every_seconds: 21600, hosts: 10, ocpus_per_host: 1, times: 1}]}";

/// `min` 40 of 50, until a time, within a bound.
fn ratchet(ground: &Ground, lasts: Duration, max_hold_cost: Option<f64>) -> Plan {
    let until = ground.env.clock.now() + jiff::SignedDuration::try_from(lasts).unwrap();
    let hours = (1..=3).map(|domain| (ground.world.domain(domain), PRICE)).collect();
    let terms = RatchetTerms { max_hold_cost, hours, currency: "USD".to_owned() };
    let reserve = Reserve { min: 40, release: true, ratchet: Some(terms), ..Reserve::default() };
    Plan {
        hunt: Some(HuntTerms::new(until, MINUTE)),
        reserve: Some(reserve),
        min: Some(40),
        ..ground.world.plan(50, &[])
    }
}

/// What the region itself held for the run, every few seconds.
#[derive(Clone, Debug, Default)]
struct Books {
    /// When, how many were reserved, and how many of them were used.
    rows: Vec<(Duration, u32, u32)>,
}

const EVERY: Duration = Duration::from_secs(5);

impl Books {
    /// What held and unused instances have really cost.
    fn cost(&self) -> f64 {
        let unused: u32 = self.rows.iter().map(|(_, reserved, used)| reserved - used).sum();
        f64::from(unused) * EVERY.as_secs_f64() / 3600.0 * PRICE
    }

    fn first(&self, is: impl Fn(u32, u32) -> bool) -> Option<Duration> {
        self.rows.iter().find(|(_, reserved, used)| is(*reserved, *used)).map(|(at, ..)| *at)
    }
}

fn living(world: &World) -> Vec<oci_simulator::world::ReservationEntry> {
    world.region.world().reservations().filter(|entry| entry.state != "DELETED").collect()
}

/// Carries the ratchet out, and keeps the books of the region beside it.
async fn carry_out(ground: &Ground, plan: &Plan) -> (RunSummary, Vec<Record>, Books) {
    let (sink, seen) = recorder();
    let books = Arc::new(Mutex::new(Books::default()));
    let began = Instant::now();
    let watching = async {
        loop {
            let rows = living(&ground.world);
            let (reserved, used) =
                rows.iter().fold((0, 0), |(all, used), row| (all + row.reserved, used + row.used));
            books.lock().unwrap().rows.push((began.elapsed(), reserved, used));
            tokio::time::sleep(EVERY).await;
        }
    };
    let summary = tokio::select! {
        summary = ground.hunt_with(plan, Hunting::default(), sink, CancellationToken::new()) => summary,
        () = watching => unreachable!("the books are kept for ever"),
    };
    let (records, books) = (seen.lock().unwrap().clone(), books.lock().unwrap().clone());
    ground.world.check_books(&summary);
    (summary, records, books)
}

fn state_of(ground: &Ground, summary: &RunSummary) -> RunState {
    RunState::fold(summary.run_id, &ground.world.store.snapshot(summary.run_id))
}

/// What the records say that holding has cost.
fn told_cost(ground: &Ground, plan: &Plan, summary: &RunSummary) -> f64 {
    let terms = plan.reserve.as_ref().unwrap().ratchet.clone().unwrap();
    let state = state_of(ground, summary);
    terms.cost(&state.holding.unit_seconds(ground.env.clock.now())).unwrap()
}

/// Scenario 8 of the acceptance scenarios for scarce capacity.
#[tokio::test(start_paused = true)]
async fn crumbs_of_six_hours_become_a_gang_of_45() {
    let ground = Ground::of(CRUMBS);
    let plan = ratchet(&ground, 2 * DAY, None);
    let (summary, records, books) = carry_out(&ground, &plan).await;
    assert_eq!((summary.outcome, summary.running), (Some(Outcome::Partial), 45), "{:?}", summary.warnings);
    // Held never falls until the launch, and each crumb is taken within minutes.
    let launched = books.first(|_, used| used > 0).unwrap();
    let before: Vec<_> = books.rows.iter().filter(|(at, ..)| *at < launched).collect();
    assert!(before.windows(2).all(|two| two[0].1 <= two[1].1), "what was held fell");
    for (least, by) in [(15, 3 * MINUTE), (35, 2 * HOUR + 8 * MINUTE), (40, 6 * HOUR + 5 * MINUTE)] {
        let held = books.first(|reserved, _| reserved >= least).unwrap();
        assert!(held <= by, "{least} held at {held:?}");
    }
    let enough = books.first(|reserved, _| reserved >= 40).unwrap();
    assert!(launched <= enough + 2 * MINUTE, "enough at {enough:?}, launched at {launched:?}");
    assert!(launched <= 6 * HOUR + 45 * MINUTE);
    // The cost is told within a hundredth of what was really held.
    let (told, real) = (told_cost(&ground, &plan, &summary), books.cost());
    println!("enough at {enough:?}, launched at {launched:?}; holding cost {told:.3}, really {real:.3}");
    assert!((told - real).abs() <= real * 0.01, "told {told}, really {real}");
    // What was not used is released, and growing was asked for at the floor.
    let rows = living(&ground.world);
    assert_eq!(
        rows.iter().map(|row| (row.reserved, row.used)).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1)),
        (45, 45)
    );
    let asked =
        records.iter().filter(|record| matches!(record.event, Event::ReservationIntended { .. })).count();
    assert!(asked as u64 <= launched.as_secs() / 60 + 12, "{asked} requests in {launched:?}");
}

/// Scenario 9: the bound of 20 pays for four hours.
#[tokio::test(start_paused = true)]
async fn a_ratchet_out_of_money_gives_everything_back() {
    let ground = Ground::of(CRUMBS);
    let plan = ratchet(&ground, 2 * DAY, Some(20.0));
    let (summary, records, books) = carry_out(&ground, &plan).await;
    assert_eq!((summary.outcome, summary.launched), (Some(Outcome::GivenBack), 0), "{:?}", summary.warnings);
    assert!(living(&ground.world).is_empty());
    let ended = records.iter().find(|record| matches!(record.event, Event::RatchetEnded { .. })).unwrap();
    let took = records.last().unwrap().at.duration_since(ended.at);
    assert!(took <= jiff::SignedDuration::from_mins(2), "given back in {took:?}");
    let (told, real) = (told_cost(&ground, &plan, &summary), books.cost());
    println!("given back in {took:?}; holding cost {told:.3}, really {real:.3}");
    assert!(real <= 20.0 && told <= 20.0 && real > 19.0, "told {told}, really {real}");
    let last = books.rows.last().unwrap().0;
    assert!((3 * HOUR + 50 * MINUTE..=4 * HOUR + 3 * MINUTE).contains(&last), "{last:?}");
    let said = summary.warnings.iter().find(|text| text.contains("35 of 40 reserved")).unwrap();
    assert!(
        said.contains(&format!("15 in {}, 20 in {}", ground.world.domain(1), ground.world.domain(2))),
        "{said}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_ratchet_out_of_time_gives_everything_back() {
    let ground = Ground::of(CRUMBS);
    let plan = ratchet(&ground, 4 * HOUR, None);
    let (summary, records, books) = carry_out(&ground, &plan).await;
    assert_eq!((summary.outcome, summary.launched), (Some(Outcome::GivenBack), 0), "{:?}", summary.warnings);
    assert!(living(&ground.world).is_empty());
    let last = books.rows.last().unwrap().0;
    assert!((4 * HOUR..=4 * HOUR + 3 * MINUTE).contains(&last), "{last:?}");
    assert!(summary.warnings.iter().any(|text| text.contains("35 of 40 reserved")), "{:?}", summary.warnings);
    let ended = records.iter().find(|record| matches!(record.event, Event::RatchetEnded { .. })).unwrap();
    assert!(records.last().unwrap().at.duration_since(ended.at) <= jiff::SignedDuration::from_mins(2));
}

/// The time is over without a minimum in the plan too.
#[tokio::test(start_paused = true)]
async fn without_a_minimum_everything_is_given_back_too() {
    let ground = Ground::of(CRUMBS);
    let mut plan = ratchet(&ground, 3 * HOUR, None);
    plan.min = None;
    plan.reserve.as_mut().unwrap().min = 50;
    let (summary, ..) = carry_out(&ground, &plan).await;
    assert_eq!((summary.outcome, summary.launched), (Some(Outcome::Nothing), 0), "{:?}", summary.warnings);
    assert!(living(&ground.world).is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_ratchet_keeps_what_it_holds() {
    let ground = Ground::of(CRUMBS);
    let plan = ratchet(&ground, 2 * DAY, None);
    let stop = CancellationToken::new();
    let interrupt = async {
        tokio::time::sleep(3 * HOUR).await;
        stop.cancel();
    };
    let hunting = ground.hunt_with(&plan, Hunting::default(), fleet::no_sink(), stop.clone());
    let (summary, ()) = tokio::join!(hunting, interrupt);
    assert_eq!(summary.outcome, Some(Outcome::Interrupted));
    let held: u32 = living(&ground.world).iter().map(|row| row.reserved).sum();
    assert_eq!(held, 35);
    let said: Vec<_> = summary.warnings.iter().filter(|text| text.contains("USD per hour")).collect();
    assert_eq!(said.len(), 2, "{:?}", summary.warnings);
    assert!(said[0].contains("reservation delete ocid1.") && said[0].contains("resume "), "{said:?}");
    // Taken up, it goes on with what it holds.
    let summary = ground.take_up(summary.run_id, Hunting::default(), CancellationToken::new()).await;
    assert_eq!(summary.running, 45, "{:?}", summary.warnings);
}

/// Killed at any time, and taken up by another process.
#[tokio::test(start_paused = true)]
async fn a_killed_ratchet_neither_loses_nor_doubles_reservations() {
    for seed in 1..=5_u64 {
        let ground = Ground::seeded(&format!("latency: {{min_ms: 20, max_ms: 20}}\n{CRUMBS}"), seed);
        ground.world.store.set_sync_delay(Duration::from_millis(3));
        let plan = ratchet(&ground, 2 * DAY, None);
        let run = ground.env.new_run_id();
        let mut most_held = 0;
        let mut summary = None;
        for life in 0.. {
            // The first ones die while the first requests are under way, the others after strides that no period of the
            // ratchet divides.
            let most_ms = if life < 8 { 45 } else { 2_400_000 };
            let lives_ms = 1 + (seed * 7919 + life * 104_729 * seed) % most_ms;
            let lives = if life < 16 { Duration::from_millis(lives_ms) } else { 60 * DAY };
            let process = ground.begin_or_take_up(run, &plan, life == 0);
            if let Ok(ended) = tokio::time::timeout(lives, Box::pin(process)).await {
                summary = Some(ended);
                break;
            }
            let rows = living(&ground.world);
            let names: BTreeSet<_> = rows.iter().map(|row| row.name.as_str()).collect();
            assert_eq!(rows.len(), names.len(), "seed {seed}, life {life}: one in each domain: {rows:?}");
            let held: u32 = rows.iter().map(|row| row.reserved).sum();
            assert!(held >= most_held, "seed {seed}, life {life}: {held} after {most_held}");
            most_held = held;
        }
        let summary = summary.unwrap();
        assert_eq!(summary.running, 45, "seed {seed}: {:?}", summary.warnings);
        ground.world.check_books(&summary);
        let rows = living(&ground.world);
        assert!(rows.iter().all(|row| row.reserved == row.used), "seed {seed}: {rows:?}");
        let state = state_of(&ground, &summary);
        assert!(
            rows.iter().all(|row| state.reservations.contains_key(&row.id)),
            "seed {seed}: unknown to the run"
        );
    }
}

/// Somebody else launches into a reservation of the run.
async fn drain(ground: &Ground, ocid: &str, domain: usize, count: u32) {
    let fleet = ground.world.fleet(count, &[domain]);
    let launches = (1..=count).map(|number| {
        let mut details = fleet.template.clone();
        details.availability_domain = ground.world.domain(domain);
        details.compartment_id.clone_from(&fleet.compartment);
        details.display_name = Some(format!("other-{number}"));
        details.shape = Some(crate::launch::world::SHAPE.to_owned());
        details.capacity_reservation_id = Some(ocid.to_owned());
        async move { ground.env.client.launch_instance(&details, &format!("other-{number}")).await.unwrap() }
    });
    futures_util::future::join_all(launches).await;
}

/// Scenario 10: 12 of the 45 are drained as soon as 45 are held. The run's records, and its living instances.
async fn drained(scenario: &str, lasts: Duration) -> (Ground, RunSummary, usize) {
    let ground = Ground::of(scenario);
    let plan = ratchet(&ground, lasts, None);
    let held = Arc::new(tokio::sync::Notify::new());
    let (enough, states) = (Arc::clone(&held), Mutex::new(RunState::new(ground.env.new_run_id())));
    let sink = Arc::new(move |record: &Record| {
        let mut state = states.lock().unwrap();
        state.apply(record);
        if state.holding.usable().values().sum::<u32>() >= 45 {
            enough.notify_one();
        }
    });
    let other = async {
        held.notified().await;
        let rows = living(&ground.world);
        let full = rows.iter().find(|row| row.reserved == 20).unwrap();
        drain(&ground, &full.id, 2, 12).await;
    };
    let hunting = ground.hunt_with(&plan, Hunting::default(), sink, CancellationToken::new());
    let (summary, ()) = tokio::join!(hunting, other);
    let ours = {
        let world = ground.world.region.world();
        let ours = world.live_instances().filter(|entry| entry.tags.contains_key(fleet::plan::SLOT_TAG));
        ours.count()
    };
    let records = ground.world.store.snapshot(summary.run_id);
    let refused = |class: &str| {
        records.iter().any(
            |record| matches!(&record.event, Event::TryFailed { error, .. } if error.class.as_str() == class),
        )
    };
    assert!(refused("reservation_exhausted") && !refused("capacity"), "they are told apart");
    (ground, summary, ours)
}

#[tokio::test(start_paused = true)]
async fn a_drained_reservation_grows_again_elsewhere() {
    let later = "    {availability_domain: 1, family: standard-e5, every_seconds: 25200, hosts: 12, ocpus_per_host: 1, \
                 times: 1}]}";
    let scenario = CRUMBS.replace("]}", &format!(", {later}"));
    let (ground, summary, ours) = drained(&scenario, DAY).await;
    assert!(summary.running >= 40, "{} running: {:?}", summary.running, summary.warnings);
    assert_eq!(ours, summary.running as usize);
    let (reserved, used) =
        living(&ground.world).iter().fold((0, 0), |(all, used), row| (all + row.reserved, used + row.used));
    assert_eq!((reserved, used), (summary.running + 12, summary.running + 12), "nothing is held unused");
}

#[tokio::test(start_paused = true)]
async fn a_drained_reservation_falls_under_the_minimum() {
    let (ground, summary, ours) = drained(CRUMBS, 8 * HOUR).await;
    assert_eq!((summary.outcome, summary.launched), (Some(Outcome::GivenBack), 0), "{:?}", summary.warnings);
    assert_eq!(ours, 0, "no orphans");
    let rows = living(&ground.world);
    // What others use stays theirs.
    assert_eq!(rows.iter().map(|row| (row.reserved, row.used)).collect::<Vec<_>>(), [(12, 12)]);
}

/// A reservation of the config also holds three of another shape, which are not the run's.
#[tokio::test(start_paused = true)]
async fn other_configs_of_a_grown_reservation_survive() {
    use fleet::reservation::{NoBook, Order, Patience, Want, create_all, show};
    for lasts in [DAY, 3 * HOUR] {
        let others = "crumbs: [{availability_domain: 1, family: standard-e4, every_seconds: 1, hosts: 3, \
                      ocpus_per_host: 1, times: 1}, ";
        let ground = Ground::of(&CRUMBS.replace("crumbs: [", others));
        tokio::time::sleep(Duration::from_secs(2)).await;
        let want = |shape: &str, count| Want {
            shape: shape.to_owned(),
            ocpus: Some(1.0),
            memory_gb: Some(6.0),
            count,
            ..Want::default()
        };
        let order = Order {
            name: "prod".to_owned(),
            compartment: ground.world.defaults.compartment.clone(),
            availability_domain: ground.world.domain(1),
            wants: vec![want("VM.Standard.E4.Flex", 3), want(crate::launch::world::SHAPE, 2)],
            token: "prod".to_owned(),
            ..Order::default()
        };
        let patience = Patience::new(HOUR, CancellationToken::new());
        let client = &ground.env.client;
        let created = create_all(client, &[order], &NoBook, &patience).await;
        let ocid = created[0].ocid.clone().unwrap();
        let mut plan = ratchet(&ground, lasts, None);
        plan.fleet.placements[0].capacity_reservation = Some(ocid.clone());
        let prepared = Reserve::prepare(client, &plan, 40, true).await.unwrap();
        plan.reserve.as_mut().unwrap().grown = prepared.grown;
        let counts = async |shape: &str| {
            let held = show(client, &ocid).await.unwrap();
            held.configs
                .iter()
                .filter(|config| config.shape == shape)
                .map(|config| config.reserved)
                .sum::<u32>()
        };
        let watching = async {
            loop {
                assert_eq!(counts("VM.Standard.E4.Flex").await, 3, "the other config");
                tokio::time::sleep(Duration::from_secs(47)).await;
            }
        };
        let stop = CancellationToken::new();
        let summary = tokio::select! {
            summary = ground.hunt_with(&plan, Hunting::default(), fleet::no_sink(), stop) => summary,
            () = watching => unreachable!("it is watched for ever"),
        };
        let launched = if lasts == DAY { 45 } else { 0 };
        assert_eq!(summary.running, launched, "{:?}", summary.warnings);
        assert_eq!(counts("VM.Standard.E4.Flex").await, 3);
        // 13 of the 15 that appeared were still there to be gained.
        assert_eq!(counts(crate::launch::world::SHAPE).await, if launched > 0 { 15 } else { 2 });
    }
}
