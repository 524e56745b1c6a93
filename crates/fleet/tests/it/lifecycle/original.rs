//! The bugs of the original tool, each as a promise that this one does not have them.

use super::world::World;
use fleet::action::{Options, Verb};
use fleet::select::Filter;

#[tokio::test(start_paused = true)]
async fn a_prefix_finds_all_that_begin_with_it_and_is_no_exact_filter() {
    let world = World::new("roomy");
    world.fleet("instance-", 12);
    world.launch("other-instance-1", |_| {});
    let selection = world.prefixed("instance-").await;
    assert_eq!(selection.len(), 12);
    // Numbers in names are compared as numbers.
    assert_eq!(selection.machines()[11].name, "instance-12");
}

#[tokio::test(start_paused = true)]
async fn the_list_is_read_to_its_last_page() {
    let mut scenario = oci_simulator::scenario::Scenario::named("roomy").unwrap();
    scenario.world.short_page_probability = 0.5;
    scenario.world.empty_page_probability = 0.3;
    let world = World::of(scenario);
    world.fleet("web-", 350);
    assert_eq!(world.prefixed("web-").await.len(), 350);
}

#[tokio::test(start_paused = true)]
async fn terminated_instances_are_not_shown_unless_asked_for() {
    let world = World::new("roomy");
    let made = world.fleet("web-", 3);
    world.terminate(&made[1]);
    world.settle();
    assert_eq!(world.prefixed("web-").await.len(), 2);
    let all = world.find(&Filter { terminated: true, ..Filter::default() }).await;
    assert_eq!(all.machines.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn waits_are_for_all_at_once_and_not_one_after_the_other() {
    let world = World::new("roomy");
    world.fleet("web-", 100);
    let summary = world.run(&world.prefixed("web-").await, &Options::new(Verb::Stop)).await;
    assert_eq!(summary.done, 100);
    // One stop takes 10 to 30 s.
    assert!(summary.elapsed_s < 60.0, "{}", summary.elapsed_s);
}

#[tokio::test(start_paused = true)]
async fn an_instance_whose_wait_ended_keeps_its_row_and_its_ocid() {
    let mut scenario = oci_simulator::scenario::Scenario::named("roomy").unwrap();
    scenario.world.stop_seconds.min = 3000.0;
    scenario.world.stop_seconds.max = 3000.0;
    let world = World::of(scenario);
    let made = world.fleet("web-", 2);
    let options =
        Options { wait_timeout: std::time::Duration::from_mins(1), grace: None, ..Options::new(Verb::Stop) };
    let summary = world.run(&world.prefixed("web-").await, &options).await;
    assert_eq!((summary.failed, summary.instances.len()), (2, 2));
    assert!(summary.instances.iter().all(|row| made.contains(&row.ocid)));
    assert_eq!(summary.instances[0].error.as_ref().unwrap().class, "wait_timeout");
}

#[tokio::test(start_paused = true)]
async fn boot_volumes_of_others_are_never_deleted() {
    let world = World::new("roomy");
    world.fleet("web-", 3);
    world.fleet("db-", 2);
    world.run(&world.prefixed("web-").await, &Options::new(Verb::Terminate)).await;
    assert_eq!(world.region.world().boot_volumes().count(), 2);
    assert!(world.region.world().boot_volumes().all(|volume| volume.used_by.is_some()));
    assert_eq!(world.sent("DeleteBootVolume"), 0);
}
