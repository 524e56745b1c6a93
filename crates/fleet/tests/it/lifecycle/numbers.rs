//! The cost of a fleet of 1,000 in requests and time. Time is virtual, so the results are the same on every machine.

use super::world::World;
use fleet::action::{ActionSummary, Options, Verb};
use ledger::Event;
use oci_simulator::scenario::{Budget, Scenario};
use std::time::Duration;

const FLEET: f64 = 1000.0;
/// The rate that the region admits, in actions per second, and the burst.
const RATE: f64 = 10.0;
const BURST: f64 = 20.0;

/// A region whose responses take 50 ms.
fn slow() -> Scenario {
    let mut scenario = Scenario::named("roomy").unwrap();
    scenario.latency.min_ms = 50.0;
    scenario.latency.max_ms = 50.0;
    scenario
}

/// A region that admits at most 10 actions per second without announcing it.
fn limited() -> World {
    let mut scenario = slow();
    scenario.throttle.user.write = Some(Budget { per_second: RATE, burst: BURST });
    World::of(scenario)
}

/// The requests of one run.
struct Spent {
    actions: u64,
    /// The part that the region accepted.
    accepted: u64,
    reads: u64,
    /// Seconds from the run's first record to the acceptance of its last action.
    last_accepted: f64,
}

async fn act(world: &World, options: &Options) -> (ActionSummary, Spent) {
    let actions = |world: &World| world.sent("InstanceAction") + world.sent("TerminateInstance");
    let accepted = |world: &World| world.accepted("InstanceAction") + world.accepted("TerminateInstance");
    let selection = world.prefixed("web-").await;
    let before = (actions(world), world.sent_in_all(), accepted(world));
    world.records.lock().unwrap().clear();
    let summary = world.run(&selection, options).await;
    let actions = actions(world) - before.0;
    let reads = world.sent_in_all() - before.1 - actions;
    let records = world.records.lock().unwrap();
    let last = records.iter().rev().find(|record| matches!(record.event, Event::ActionAccepted { .. }));
    let last_accepted = last.unwrap().at.duration_since(records[0].at).as_secs_f64();
    (summary, Spent { actions, accepted: accepted(world) - before.2, reads, last_accepted })
}

#[tokio::test(start_paused = true)]
async fn a_thousand_actions_need_at_most_sixty_reads() {
    let world = World::of(slow());
    world.fleet("web-", 1000);
    for verb in [Verb::Stop, Verb::Start, Verb::Terminate] {
        let (summary, spent) = act(&world, &Options { rate: Some(RATE), ..Options::new(verb) }).await;
        println!("{verb:?}: {} actions, {} reads, {:.1} s", spent.actions, spent.reads, summary.elapsed_s);
        assert_eq!((summary.done, spent.actions), (1000, 1000), "{verb:?}");
        assert!(spent.reads <= 60, "{verb:?}: {} reads", spent.reads);
    }
}

#[tokio::test(start_paused = true)]
async fn a_thousand_actions_take_the_limits_own_time() {
    // The limit is not announced; the pacer finds it.
    let ideal = (FLEET - BURST) / RATE;
    let world = limited();
    world.fleet("web-", 1000);
    for verb in [Verb::Stop, Verb::Start, Verb::Terminate] {
        // The bucket is full again before each.
        tokio::time::sleep(Duration::from_mins(10)).await;
        let (summary, spent) = act(&world, &Options { wait: false, ..Options::new(verb) }).await;
        world.settle();
        let ratio = summary.elapsed_s / ideal;
        println!("{verb:?}: {:.1} s, {ratio:.3} of the ideal, {} actions", summary.elapsed_s, spent.actions);
        assert_eq!(summary.accepted, 1000, "{verb:?}");
        assert!(ratio <= 1.05, "{verb:?}: {ratio:.3}");
        // Few were refused, and nothing was polled.
        assert!(spent.actions <= 1030 && spent.reads == 0, "{verb:?}: {} and {}", spent.actions, spent.reads);
    }
}

/// The whole operation with waiting: few calls, few reads and the time of the server's limit.
#[tokio::test(start_paused = true)]
async fn waiting_adds_only_the_last_boot_and_one_poll() {
    let scenario = slow();
    let world = limited();
    world.fleet("web-", 1000);
    for (verb, own) in [
        (Verb::Stop, scenario.world.stop_seconds),
        (Verb::Start, scenario.world.start_seconds),
        (Verb::Terminate, scenario.world.terminate_seconds),
    ] {
        tokio::time::sleep(Duration::from_mins(10)).await;
        let options = Options::new(verb);
        let (summary, spent) = act(&world, &options).await;
        let ideal = (FLEET - BURST) / RATE + own.max + options.poll.as_secs_f64();
        let ratio = summary.elapsed_s / ideal;
        let sending = spent.last_accepted / ((FLEET - BURST) / RATE);
        println!(
            "{verb:?}: {:.1} s, {ratio:.3} of the ideal; last accepted at {sending:.3} of it; {} actions, {} reads",
            summary.elapsed_s, spent.actions, spent.reads
        );
        assert_eq!((summary.done, spent.accepted), (1000, 1000), "{verb:?}");
        assert!(ratio <= 1.05 && sending <= 1.05, "{verb:?}: {ratio:.3}, {sending:.3}");
        assert!(spent.actions <= 1030, "{verb:?}: {} actions", spent.actions);
        assert!(spent.reads <= 60, "{verb:?}: {} reads", spent.reads);
    }
}
