//! A fleet over several regions of one tenancy: its size counts over all of them, each member is compared with the part of the
//! config that is about its region, and a region that does not answer loses nobody.

use super::fleets::{keep_at, options, scale_to};
use super::world::{SHAPE, World};
use fleet::action::{Options, Verb};
use fleet::fleets::{
    CensusError, FleetKey, KeepEnd, ReplaceOptions, Told, drift, replace, settle_unfinished, take_census,
    unlisted_members,
};
use fleet::{FleetSpec, LaunchOptions, Plan};
use ledger::Outcome;
use oci_api::Operation;
use oci_simulator::scenario::Scenario;
use oci_simulator::server::Region;
use oci_simulator::world::ApiRequest;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Three regions with room for three instances each.
const SMALL: &str = "{world: {limits: {named: [{name: standard-e5-core-count, value: 1}]}}, regions: [
  {world: {region: us-ashburn-1, limits: {named: [{name: standard-e5-core-count, value: 1}]}}},
  {world: {region: uk-london-1, availability_domains: 3, limits: {named: [{name: standard-e5-core-count, value: 1}]}}}]}";

fn regions(world: &World) -> impl Iterator<Item = &Region> {
    std::iter::once(&world.region).chain(world.further.iter().map(|(region, _)| region))
}

/// The names of the live instances in each region.
fn live(world: &World) -> Vec<Vec<String>> {
    let names = |region: &Region| {
        let mut names: Vec<String> = region.world().live_instances().map(|entry| entry.name).collect();
        names.sort();
        names
    };
    regions(world).map(names).collect()
}

fn names(live: &[Vec<String>]) -> Vec<String> {
    let mut all: Vec<String> = live.iter().flatten().cloned().collect();
    all.sort();
    all
}

fn fleet(world: &World, size: u32) -> FleetSpec {
    world.fleet_everywhere(SHAPE, size)
}

/// From now on, a region answers lists of instances like this.
fn lists(region: &Region, faults: &str) {
    region.replace_faults(&Scenario::from_yaml(&format!("faults: [{faults}]"), "test").unwrap().faults);
}

const SILENT: &str = "{operations: [ListInstances], fault: {answer: {status: 503}}}";

fn end(world: &World, region: &Region, name: &str) {
    let ocid = region.world().live_instances().find(|entry| entry.name == name).unwrap().id;
    let request = ApiRequest::new(Operation::TerminateInstance, world.caller()).path("instanceId", &ocid);
    region.world().handle(&request).unwrap();
}

/// An image for the shape of the fleet, other than the one that it has.
fn another_image(world: &World, region: &Region) -> String {
    let home = region.world().defaults();
    let request = ApiRequest::new(Operation::ListImages, world.caller())
        .query("compartmentId", &home.compartment)
        .query("shape", SHAPE);
    let images = region.world().handle(&request).unwrap().json();
    let mut ocids = images.as_array().unwrap().iter().map(|image| image["id"].as_str().unwrap().to_owned());
    ocids.find(|ocid| *ocid != home.image).unwrap()
}

fn sent(world: &World, name: &str) -> u64 {
    let of = |region: &Region| region.stats().operations.get(name).map_or(0, |operation| operation.ok);
    regions(world).map(of).sum()
}

#[tokio::test(start_paused = true)]
async fn a_fleet_grows_and_shrinks_over_all_regions() {
    let world = World::of(SMALL);
    for size in [5, 8, 4, 9, 0] {
        tokio::time::sleep(Duration::from_mins(20)).await;
        assert_eq!(scale_to(&world, fleet(&world, size), true).await.0, Outcome::Complete, "to {size}");
        let live = live(&world);
        assert!(live.iter().all(|names| names.len() <= 3), "to {size}: {live:?}");
        let mut expected: Vec<String> = (1..=size).map(|number| format!("web-{number}")).collect();
        expected.sort();
        assert_eq!(names(&live), expected);
    }
}

/// What a process that died has left behind is found out, as `scale` does it first.
async fn settle(world: &World, fleet: &FleetSpec) {
    tokio::time::sleep(Duration::from_mins(2)).await;
    let env = world.environment();
    let census = take_census(&env, fleet, &FleetKey::new(fleet, None)).await.unwrap();
    settle_unfinished(&env, &census.unfinished, &CancellationToken::new()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_killed_scale_over_regions_ends_exactly() {
    for (seed, after) in (1..).zip([1, 2, 5, 20, 60, 150, 300]) {
        let world = World::seeded(SMALL, seed);
        for size in [8, 3, 7] {
            let killed = scale_to(&world, fleet(&world, size), true);
            let _ = tokio::time::timeout(Duration::from_secs(after), killed).await;
            let left = names(&live(&world));
            settle(&world, &fleet(&world, size)).await;
            let ended = scale_to(&world, fleet(&world, size), true).await.0;
            assert_eq!(ended, Outcome::Complete, "{after} s, to {size}, from {left:?}");
            let live = live(&world);
            let all: BTreeSet<String> = names(&live).into_iter().collect();
            assert_eq!(
                (all.len(), names(&live).len()),
                (size as usize, size as usize),
                "{after} s: {live:?}"
            );
            tokio::time::sleep(Duration::from_mins(20)).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_killed_maintain_over_regions_goes_on() {
    for (seed, after) in (1..).zip([1, 2, 5, 20, 60, 150]) {
        let world = World::seeded(SMALL, seed);
        let whole = fleet(&world, 8);
        assert_eq!(scale_to(&world, whole.clone(), true).await.0, Outcome::Complete);
        tokio::time::sleep(Duration::from_mins(20)).await;
        for (at, region) in regions(&world).enumerate() {
            if let Some(name) = live(&world)[at].first() {
                end(&world, region, name);
            }
        }
        let (forever, once) = (options(false), options(true));
        keep_at(&world, whole.clone(), &forever, Duration::from_secs(after)).await;
        // By then the request of the dead process has arrived, and lists are up to date.
        tokio::time::sleep(Duration::from_mins(2)).await;
        let (ended, told, _) = keep_at(&world, whole, &once, Duration::from_hours(6)).await;
        assert_eq!(ended, Some(KeepEnd::Kept), "{after} s: {told:?}");
        let live = names(&live(&world));
        let all: BTreeSet<&String> = live.iter().collect();
        assert_eq!((all.len(), live.len()), (8, 8), "{after} s: {live:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_region_makes_no_member_look_lost() {
    let world = World::of(SMALL);
    assert_eq!(scale_to(&world, fleet(&world, 8), true).await.0, Outcome::Complete);
    tokio::time::sleep(Duration::from_mins(20)).await;
    let ashburn = &world.further[0].0;
    lists(ashburn, SILENT);
    let env = world.environment();
    let whole = fleet(&world, 8);
    let census = take_census(&env, &whole, &FleetKey::new(&whole, None)).await;
    let Err(CensusError::Region { region, .. }) = &census else { panic!("{census:?}") };
    assert_eq!(region, "us-ashburn-1");
    // Somebody terminates a member elsewhere meanwhile. Nothing is done about it before all can be counted.
    end(&world, &world.region, &live(&world)[0][0]);
    let before = (sent(&world, "LaunchInstance"), sent(&world, "TerminateInstance"));
    let (ended, told, _) = keep_at(&world, whole.clone(), &options(false), Duration::from_hours(3)).await;
    assert_eq!(ended, None);
    assert_eq!((sent(&world, "LaunchInstance"), sent(&world, "TerminateInstance")), before, "{told:?}");
    let is_told =
        |one: &Told| matches!(one, Told::Trouble { text } if text.contains("the members in us-ashburn-1"));
    assert!(told.iter().all(is_told) && told.len() > 3, "{told:?}");
    let (once, ..) = keep_at(&world, whole.clone(), &options(true), Duration::from_hours(3)).await;
    assert_eq!(once, Some(KeepEnd::Short));

    lists(ashburn, "");
    let (once, told, _) = keep_at(&world, whole, &options(true), Duration::from_hours(3)).await;
    assert_eq!(once, Some(KeepEnd::Kept), "{told:?}");
    assert_eq!(names(&live(&world)).len(), 8);
    assert_eq!(sent(&world, "LaunchInstance"), before.0 + 1);
}

/// The region goes silent while the fleet is maintained, and answers again.
#[tokio::test(start_paused = true)]
async fn maintain_goes_on_when_the_region_answers_again() {
    let world = World::of(SMALL);
    assert_eq!(scale_to(&world, fleet(&world, 8), true).await.0, Outcome::Complete);
    tokio::time::sleep(Duration::from_mins(20)).await;
    let ashburn = &world.further[0].0;
    let lost = live(&world)[1][0].clone();
    let outage = async {
        tokio::time::sleep(Duration::from_mins(5)).await;
        lists(ashburn, SILENT);
        end(&world, ashburn, &lost);
        tokio::time::sleep(Duration::from_mins(45)).await;
        let during = sent(&world, "LaunchInstance");
        lists(ashburn, "");
        tokio::time::sleep(Duration::from_hours(1)).await;
        during
    };
    let before = sent(&world, "LaunchInstance");
    let options = options(false);
    let during = tokio::select! {
        during = outage => during,
        kept = keep_at(&world, fleet(&world, 8), &options, Duration::from_hours(9)) => panic!("{kept:?}"),
    };
    assert_eq!(during, before, "a launch during the outage");
    assert_eq!(sent(&world, "LaunchInstance"), before + 1);
    let live = live(&world);
    assert_eq!(names(&live).len(), 8);
    assert!(names(&live).contains(&lost), "{live:?}");
}

#[tokio::test(start_paused = true)]
async fn a_member_is_compared_with_its_own_region() {
    let world = World::of(SMALL);
    let own = fleet(&world, 8);
    assert_eq!(scale_to(&world, own.clone(), true).await.0, Outcome::Complete);
    tokio::time::sleep(Duration::from_mins(20)).await;
    let env = world.environment();
    let key = FleetKey::new(&own, None);
    let drifted = async |fleet: &FleetSpec| {
        let members = take_census(&env, fleet, &key).await.unwrap().members;
        let machines = members.iter().map(|member| &member.machine);
        let found = machines.filter(|machine| !drift(machine, fleet).is_empty());
        found
            .map(|machine| (machine.name.clone(), machine.region.as_deref().unwrap().to_owned()))
            .collect::<BTreeMap<_, _>>()
    };
    assert!(drifted(&own).await.is_empty(), "images differ between regions");
    let mut changed = own.clone();
    changed.regions[0].image = Some("ocid1.image.oc1.iad.another".to_owned());
    let there = live(&world).remove(1).into_iter().map(|name| (name, "us-ashburn-1".to_owned()));
    let there: BTreeMap<_, _> = there.collect();
    assert!(!there.is_empty());
    assert_eq!(drifted(&changed).await, there);
    // The plan has to look for the newest image first.
    (changed.regions[0].image, changed.regions[0].newest_image) =
        (None, Some(fleet::plan::ImageName::default()));
    assert!(changed.has_open_images() && drifted(&changed).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn only_members_of_the_changed_region_are_replaced() {
    let world = World::of(SMALL);
    let mut whole = fleet(&world, 8);
    assert_eq!(scale_to(&world, whole.clone(), true).await.0, Outcome::Complete);
    tokio::time::sleep(Duration::from_mins(20)).await;
    let before = live(&world);
    // Ashburn gets another image: its members are replaced where a launch finds room.
    whole.regions[0].image = Some(another_image(&world, &world.further[0].0));
    let plan = Plan::offline(whole).unwrap();
    let options = ReplaceOptions {
        max_unavailable: 1,
        size: 8,
        launch: LaunchOptions::default(),
        terminate: Options::new(Verb::Terminate),
        protect: Vec::new(),
    };
    let (env, key) = (world.environment(), FleetKey::new(&plan.fleet, None));
    let done = replace(&env, &plan, &key, &options, &|_| (), &CancellationToken::new()).await.unwrap();
    let differed = before[1].len();
    assert_eq!((done.ended as usize, done.left, done.stopped), (differed, 0, None));
    assert_eq!(names(&live(&world)), names(&before));
    let ended: Vec<u64> = regions(&world)
        .map(|region| region.stats().operations.get("TerminateInstance").map_or(0, |operation| operation.ok))
        .collect();
    assert_eq!(ended, [0, differed as u64, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_region_that_left_the_config_keeps_its_members() {
    let mut world = World::of(SMALL);
    let whole = fleet(&world, 8);
    assert_eq!(scale_to(&world, whole.clone(), true).await.0, Outcome::Complete);
    let mut less = whole.clone();
    less.placements.retain(|placement| placement.region.as_deref() != Some("us-ashburn-1"));
    less.regions.remove(0);
    let hidden = live(&world)[1].clone();
    let gone = world.further.remove(0);
    let key = FleetKey::new(&less, None);
    let found = unlisted_members(&world.store, &less, &key).await.unwrap();
    let is_there = |region: &str| region == "us-ashburn-1";
    assert!(found.iter().all(|(member, way)| is_there(&member.region) && is_there(&way.region)));
    let mut told: Vec<_> = found.into_iter().map(|(member, _)| member.name).collect();
    told.sort();
    assert!(!told.is_empty() && told == hidden, "{told:?}");

    // A `maintain` that began with the other config does nothing either, right after the launch and much later.
    let launches = sent(&world, "LaunchInstance");
    for wait in [0, 3] {
        tokio::time::sleep(Duration::from_mins(wait)).await;
        let env = world.environment();
        let census = take_census(&env, &less, &key).await.unwrap();
        let counts = (census.count() as usize, census.unlisted.len());
        assert_eq!(counts, (8 - hidden.len(), hidden.len()), "after {wait} minutes");
        let (ended, told, _) = keep_at(&world, less.clone(), &options(true), Duration::from_hours(1)).await;
        assert_eq!(ended, Some(KeepEnd::Short));
        let is_told =
            |one: &Told| matches!(one, Told::Trouble { text } if text.contains("is in us-ashburn-1"));
        assert!(told.iter().any(is_told), "{told:?}");
    }
    assert_eq!(sent(&world, "LaunchInstance"), launches);
    assert_eq!(gone.0.world().live_instances().count(), hidden.len());

    // Listed again, they count.
    world.further.insert(0, gone);
    assert_eq!(unlisted_members(&world.store, &whole, &key).await.unwrap(), []);
    assert_eq!(scale_to(&world, FleetSpec { count: 0, ..whole }, true).await.0, Outcome::Complete);
    assert_eq!(names(&live(&world)), Vec::<String>::new());
    assert_eq!(unlisted_members(&world.store, &less, &key).await.unwrap(), [], "a run has ended them");
}
