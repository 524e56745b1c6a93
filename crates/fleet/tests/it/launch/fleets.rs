//! Figures about fleets: the cost of a `scale` that changes nothing, the time to launch and terminate a thousand, and the time
//! until a failed member is replaced. Time is virtual, so the results are the same on every machine.

use super::world::World;
use fleet::action::{Options, Verb};
use fleet::fleets::{
    Census, FleetKey, KeepEnd, KeepOptions, Keeper, LeavingOrder, Means, ReplaceOptions, ScalePlan,
    SizeChange, Told, carry_out, change, replace, settle_unfinished, take_census, wanted,
};
use fleet::select::Selection;
use fleet::{Environment, FleetSpec, LaunchOptions, Plan, no_sink};
use ledger::Outcome;
use oci_api::Operation;
use oci_simulator::world::{ApiRequest, Caller};
use std::sync::Mutex;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

const LIMIT: f64 = 10.0;
const BURST: f64 = 20.0;

/// A region whose responses take 50 ms, and that admits 10 launches and actions per second.
const LIMITED: &str = "latency: {min_ms: 50, max_ms: 50}
throttle: {user: {launch: {per_second: 10, burst: 20}, write: {per_second: 10, burst: 20}}}
";
const SLOW: &str = "latency: {min_ms: 50, max_ms: 50}\n";
const BOOT_45_S: &str = "world: {boot_seconds: {min: 45, max: 45}}\n";
const SLOW_BOOT: &str = "latency: {min_ms: 50, max_ms: 50}
world: {boot_seconds: {min: 45, max: 45}}
";
const LAGGING: &str = "latency: {min_ms: 50, max_ms: 50}
world: {boot_seconds: {min: 45, max: 45}, list_lag_seconds: 30}
";

async fn census(env: &Environment, world: &World) -> Census {
    let fleet = world.fleet(0, &[1, 2, 3]);
    take_census(env, &fleet, &FleetKey::new(&fleet, None)).await.unwrap()
}

/// Runs `scale N`. Returns the outcome, and the duration in seconds.
async fn scale(world: &World, size: u32, wait: bool) -> (Outcome, f64) {
    scale_to(world, world.fleet(size, &[1, 2, 3]), wait).await
}

/// The same for another fleet, to its own size.
pub async fn scale_to(world: &World, fleet: FleetSpec, wait: bool) -> (Outcome, f64) {
    let (env, size) = (world.environment(), fleet.count);
    let key = FleetKey::new(&fleet, None);
    let census = take_census(&env, &fleet, &key).await.unwrap();
    let scale =
        ScalePlan { fleet: key, wanted: size, configured: size, before: census.count(), simulated: None };
    let (run, stop, began) = (env.new_run_id(), CancellationToken::new(), Instant::now());
    let ended = match change(&fleet, &census, size, &LeavingOrder::Newest, &[]) {
        SizeChange::Nothing => carry_out(&env, &scale, run, Means::Keep, no_sink(), stop).await,
        SizeChange::Grow(fleet) => {
            let plan = Plan::offline(*fleet).unwrap();
            let options = LaunchOptions { wait, ..LaunchOptions::default() };
            let means = Means::Grow { plan: &plan, options: &options };
            carry_out(&env, &scale, run, means, no_sink(), stop).await
        }
        SizeChange::Shrink(picked) => {
            let machines = picked.leaving.into_iter().map(|one| one.member.machine).collect();
            let selection = Selection::freeze(machines);
            let options = Options { wait, ..Options::new(Verb::Terminate) };
            let means = Means::Shrink { selection: &selection, options: &options };
            carry_out(&env, &scale, run, means, no_sink(), stop).await
        }
    };
    (ended.unwrap().outcome, began.elapsed().as_secs_f64())
}

#[tokio::test(start_paused = true)]
async fn a_scale_at_its_size_asks_eleven_times_at_most() {
    let world = World::of(SLOW);
    assert_eq!(scale(&world, 1000, true).await.0, Outcome::Complete);
    tokio::time::sleep(Duration::from_mins(20)).await;
    let env = world.environment();
    let (fleet, began) = (world.fleet(1000, &[1, 2, 3]), Instant::now());
    let census = census(&env, &world).await;
    let wanted = wanted(&*env.store, &FleetKey::new(&fleet, None), 1000).await.unwrap();
    let change = change(&fleet, &census, wanted.count, &LeavingOrder::Newest, &[]);
    let took = began.elapsed().as_secs_f64();
    let sent = env.requests.as_ref().unwrap().snapshot();
    let all: u64 = sent.values().map(|count| count.ok + count.throttled + count.failed).sum();
    println!("{all} requests, {took:.2} s, {change:?}");
    assert_eq!((change, wanted.count), (SizeChange::Nothing, 1000));
    assert!(all <= 11 && took <= 1.0, "{all} requests in {took} s");
    assert!(sent.keys().all(|name| *name == "ListInstances"), "{sent:?}");
}

#[tokio::test(start_paused = true)]
async fn a_thousand_up_and_down_take_the_limits_own_time() {
    let world = World::of(LIMITED);
    let ideal = (1000.0 - BURST) / LIMIT;
    for size in [1000, 0] {
        tokio::time::sleep(Duration::from_mins(20)).await;
        let (outcome, took) = scale(&world, size, false).await;
        println!("to {size}: {took:.1} s, {:.3} of the limit's own time", took / ideal);
        assert_eq!(outcome, Outcome::Complete);
        assert!(took <= ideal * 1.05, "to {size}: {took:.1} s, ideal {ideal:.1} s");
        assert_eq!(world.region.world().live_instances().count(), size as usize);
    }
}

/// Replaces the differing members of a fleet of 3, and returns the minimum and maximum numbers of live and running instances
/// meanwhile.
async fn replace_three(world: &World, max_unavailable: u32, wait: bool) -> (u32, [(usize, usize); 2]) {
    let mut fleet = world.fleet(3, &[1, 2, 3]);
    fleet.template.freeform_tags = Some([("team".to_owned(), "blue".to_owned())].into());
    let (env, plan) = (world.environment(), Plan::offline(fleet).unwrap());
    let key = FleetKey::new(&plan.fleet, None);
    let options = ReplaceOptions {
        max_unavailable,
        size: 3,
        launch: LaunchOptions { wait, ..LaunchOptions::default() },
        terminate: Options { wait, ..Options::new(Verb::Terminate) },
        protect: Vec::new(),
    };
    let (mut live, mut running) = ((usize::MAX, 0), (usize::MAX, 0));
    let watching = async {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let now: Vec<_> = world.region.world().live_instances().collect();
            let up = now.iter().filter(|entry| entry.state.as_str() == "RUNNING").count();
            live = (live.0.min(now.len()), live.1.max(now.len()));
            running = (running.0.min(up), running.1.max(up));
        }
    };
    let stop = CancellationToken::new();
    let replaced = tokio::select! {
        replaced = replace(&env, &plan, &key, &options, &|_| (), &stop) => replaced.unwrap(),
        () = watching => unreachable!("it never ends"),
    };
    assert_eq!((replaced.left, replaced.stopped), (0, None));
    let mut names: Vec<String> = world.region.world().live_instances().map(|entry| entry.name).collect();
    names.sort();
    assert_eq!(names, ["web-1", "web-2", "web-3"]);
    (replaced.ended, [live, running])
}

/// With nothing unavailable, the fleet never has fewer members than wanted, and at most one too many, even if the run does not
/// wait for launches and if lists lag.
#[tokio::test(start_paused = true)]
async fn a_successor_runs_before_the_old_one_is_ended() {
    for (scenario, wait) in [(SLOW_BOOT, true), (SLOW_BOOT, false), (LAGGING, true), (LAGGING, false)] {
        let world = World::of(scenario);
        assert_eq!(scale(&world, 3, true).await.0, Outcome::Complete);
        tokio::time::sleep(Duration::from_mins(2)).await;
        let (ended, [live, running]) = replace_three(&world, 0, wait).await;
        assert_eq!(ended, 3);
        let right = live.0 >= 3 && live.1 <= 4 && running.0 >= 3;
        assert!(right, "{scenario}, wait: {wait}: {live:?} live, {running:?} running");
    }
}

#[tokio::test(start_paused = true)]
async fn a_replacement_never_misses_more_than_allowed() {
    for (scenario, wait) in [(SLOW_BOOT, true), (SLOW_BOOT, false), (LAGGING, true), (LAGGING, false)] {
        let world = World::of(scenario);
        assert_eq!(scale(&world, 3, true).await.0, Outcome::Complete);
        tokio::time::sleep(Duration::from_mins(2)).await;
        let (ended, [live, running]) = replace_three(&world, 2, wait).await;
        assert_eq!(ended, 3);
        assert!(
            live.1 <= 3 && running.0 >= 1,
            "{scenario}, wait: {wait}: {live:?} live, {running:?} running"
        );
    }
}

/// What a killed replacement has begun is finished by the next one, at whatever step it died.
#[tokio::test(start_paused = true)]
async fn a_killed_replacement_is_continued() {
    for (max_unavailable, after) in [(0, 20), (0, 60), (0, 100), (2, 1), (2, 40), (2, 90)] {
        let world = World::of(BOOT_45_S);
        assert_eq!(scale(&world, 3, true).await.0, Outcome::Complete);
        tokio::time::sleep(Duration::from_mins(2)).await;
        let killed = replace_three(&world, max_unavailable, true);
        assert!(tokio::time::timeout(Duration::from_secs(after), killed).await.is_err(), "{after} s");
        let env = world.environment();
        let unfinished = census(&env, &world).await.unfinished;
        settle_unfinished(&env, &unfinished, &CancellationToken::new()).await.unwrap();
        let (_, [live, _]) = replace_three(&world, max_unavailable, true).await;
        assert!(live.1 <= if max_unavailable == 0 { 4 } else { 3 }, "{max_unavailable}, {after} s: {live:?}");
    }
}

/// A termination was announced but never sent, and the service temporarily denies the instance, which is still a member.
#[tokio::test(start_paused = true)]
async fn a_passing_not_found_never_hides_a_member() {
    let world = World::of(SLOW_BOOT);
    assert_eq!(scale(&world, 2, true).await.0, Outcome::Complete);
    tokio::time::sleep(Duration::from_mins(30)).await;
    let faults = |text: &str| {
        let scenario = oci_simulator::scenario::Scenario::from_yaml(text, "test").unwrap();
        world.region.replace_faults(&scenario.faults);
    };
    faults("faults: [{operations: [TerminateInstance], fault: hang}]");
    let killed = tokio::time::timeout(Duration::from_secs(5), scale(&world, 0, true)).await;
    assert!(killed.is_err(), "{killed:?}");
    faults("faults: [{operations: [GetInstance], fault: {answer: {status: 404}}}]");
    let env = world.environment();
    assert_eq!(census(&env, &world).await.count(), 2);
}

/// Terminates an instance without using this program.
pub fn kill(world: &World, ocid: &str) {
    let caller = Caller { tenancy: world.defaults.tenancy.clone(), user: world.defaults.user.clone() };
    let request = ApiRequest::new(Operation::TerminateInstance, caller).path("instanceId", ocid);
    drop(world.region.world().handle(&request));
}

pub fn options(once: bool) -> KeepOptions {
    let every = Duration::from_secs(30);
    KeepOptions { every, once, restart_stopped: false, launch: LaunchOptions::default() }
}

/// Maintains the fleet, for at most this time.
async fn keep(world: &World, options: &KeepOptions, time: Duration) -> (Option<KeepEnd>, Vec<Told>, u64) {
    keep_at(world, world.fleet(3, &[1, 2, 3]), options, time).await
}

/// The same for another fleet.
pub async fn keep_at(
    world: &World,
    fleet: FleetSpec,
    options: &KeepOptions,
    time: Duration,
) -> (Option<KeepEnd>, Vec<Told>, u64) {
    let env = world.environment();
    let plan = Plan::offline(fleet).unwrap();
    let key = FleetKey::new(&plan.fleet, None);
    let told = Mutex::new(Vec::new());
    let tell = |one| told.lock().unwrap().push(one);
    let keeper = Keeper::new(&env, &plan, key, options, &tell, CancellationToken::new()).await;
    let mut keeper = keeper.unwrap();
    let ended = tokio::time::timeout(time, keeper.keep()).await.ok().map(Result::unwrap);
    drop(keeper);
    let lists = env.requests.as_ref().unwrap().snapshot().get("ListInstances").map_or(0, |count| count.ok);
    let told = told.into_inner().unwrap().into_iter().filter(|one| !matches!(one, Told::Looked { .. }));
    (ended, told.collect(), lists)
}

#[tokio::test(start_paused = true)]
async fn a_terminated_member_is_back_within_boot_and_a_minute() {
    let world = World::of(BOOT_45_S);
    assert_eq!(scale(&world, 3, true).await.0, Outcome::Complete);
    let victim = world.region.world().live_instances().next().unwrap().id;
    let began = Instant::now();
    let watched = async {
        tokio::time::sleep(Duration::from_secs(100)).await;
        kill(&world, &victim);
        let killed = began.elapsed();
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let live: Vec<_> = world.region.world().live_instances().collect();
            let running = live.iter().filter(|entry| entry.state.as_str() == "RUNNING").count();
            assert!(live.len() <= 3, "never more than wanted");
            if running == 3 {
                return began.elapsed().as_secs_f64() - killed.as_secs_f64();
            }
        }
    };
    let options = options(false);
    let keeping = keep(&world, &options, Duration::from_hours(2));
    let back = tokio::select! {
        back = watched => back,
        ended = keeping => panic!("{ended:?}"),
    };
    println!("back after {back:.0} s");
    assert!(back <= 45.0 + 60.0, "{back} s");
}

#[tokio::test(start_paused = true)]
async fn a_calm_fleet_is_listed_twice_a_minute_at_most() {
    let world = World::of(BOOT_45_S);
    assert_eq!(scale(&world, 3, true).await.0, Outcome::Complete);
    tokio::time::sleep(Duration::from_mins(20)).await;
    let (ended, told, lists) = keep(&world, &options(false), Duration::from_hours(1)).await;
    assert_eq!(ended, None);
    assert!(lists <= 121, "{lists} lists in an hour");
    assert!(told.iter().all(|one| *one == Told::Calm { members: 3 }), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_member_that_dies_again_and_again_is_given_up() {
    let world = World::of(BOOT_45_S);
    assert_eq!(scale(&world, 3, true).await.0, Outcome::Complete);
    let broken = async {
        loop {
            tokio::time::sleep(Duration::from_secs(20)).await;
            let live: Vec<_> = world.region.world().live_instances().collect();
            let second = live.iter().find(|entry| entry.name == "web-2" && entry.state.as_str() == "RUNNING");
            if let Some(entry) = second {
                kill(&world, &entry.id);
            }
        }
    };
    let options = options(false);
    let (ended, told, _) = tokio::select! {
        kept = keep(&world, &options, Duration::from_hours(6)) => kept,
        () = broken => unreachable!("it never ends"),
    };
    assert_eq!(ended, None);
    let replaced = told.iter().filter(|one| matches!(one, Told::Replaced(_))).count();
    assert_eq!(replaced, 3, "{told:?}");
    assert!(told.contains(&Told::Hopeless { name: "web-2".to_owned() }), "{told:?}");
    // The user who scales has looked at the fleet, so the name is tried again.
    assert_eq!(scale(&world, 3, true).await.0, Outcome::Complete);
    assert_eq!(world.region.world().live_instances().count(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_single_pass_replaces_what_is_missing_and_ends() {
    let world = World::of(BOOT_45_S);
    let (ended, told, _) = keep(&world, &options(true), Duration::from_hours(2)).await;
    assert_eq!(ended, Some(KeepEnd::Kept), "{told:?}");
    assert_eq!(world.region.world().live_instances().count(), 3);
    let (ended, told, _) = keep(&world, &options(true), Duration::from_hours(2)).await;
    assert_eq!((ended, told), (Some(KeepEnd::Kept), vec![Told::Calm { members: 3 }]));
}

/// Once `count` has replaced the size of a `scale`, changing it back does not restore that size.
#[tokio::test(start_paused = true)]
async fn a_replaced_size_never_comes_back() {
    let world = World::of("roomy");
    let (env, fleet) = (world.environment(), world.fleet(3, &[1, 2, 3]));
    let key = FleetKey::new(&fleet, None);
    let said = ScalePlan { fleet: key.clone(), wanted: 7, configured: 2, before: 0, simulated: None };
    let stop = CancellationToken::new();
    carry_out(&env, &said, env.new_run_id(), Means::Keep, no_sink(), stop).await.unwrap();
    assert_eq!(wanted(&*env.store, &key, 2).await.unwrap().count, 7);
    tokio::time::sleep(Duration::from_mins(1)).await;
    let (ended, ..) = keep(&world, &options(true), Duration::from_hours(1)).await;
    assert_eq!((ended, world.region.world().live_instances().count()), (Some(KeepEnd::Kept), 3));
    assert_eq!(wanted(&*env.store, &key, 2).await.unwrap().count, 2);
}

#[tokio::test(start_paused = true)]
async fn a_single_pass_over_too_many_ends_short() {
    let world = World::of("roomy");
    assert_eq!(scale(&world, 5, true).await.0, Outcome::Complete);
    tokio::time::sleep(Duration::from_mins(20)).await;
    let (ended, told, _) = keep(&world, &options(true), Duration::from_hours(1)).await;
    assert_eq!(ended, Some(KeepEnd::Short));
    assert!(told.contains(&Told::Surplus { surplus: 2 }), "{told:?}");
    assert_eq!(world.region.world().live_instances().count(), 5);
}
