//! What a fleet of 1,000 costs in requests and time.

use crate::world::World;
use fleet::lifecycle::{Options, Verb};
use oci_simulator::scenario::Scenario;

/// A region that lets 10 writes a second through.
fn limited() -> World {
    let mut scenario = Scenario::named("roomy").unwrap();
    scenario.latency.min_ms = 50.0;
    scenario.latency.max_ms = 50.0;
    World::of(scenario)
}

#[tokio::test(start_paused = true)]
async fn a_thousand_instances_need_a_thousand_actions_and_at_most_sixty_pages() {
    let world = limited();
    world.fleet("web-", 1000);
    for verb in [Verb::Stop, Verb::Start, Verb::Terminate] {
        let selection = world.prefixed("web-").await;
        let before = (world.sent("InstanceAction") + world.sent("TerminateInstance"), world.sent_in_all());
        let options = Options { rate: Some(10.0), ..Options::new(verb) };
        let summary = world.run(&selection, &options).await;
        let actions = world.sent("InstanceAction") + world.sent("TerminateInstance") - before.0;
        let reads = world.sent_in_all() - before.1 - actions;
        println!("{verb:?}: {actions} actions, {reads} reads, {} s", summary.elapsed_s);
        assert_eq!((summary.done, actions), (1000, 1000), "{verb:?}");
        assert!(reads <= 60, "{verb:?}: {reads} reads");
    }
}
