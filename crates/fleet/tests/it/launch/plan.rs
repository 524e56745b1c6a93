//! Plans: names, placements, tags and tokens.

use super::world::World;
use fleet::naming::{NamePattern, Naming};
use fleet::{Plan, PlanError, plan, retry_token};
use ledger::RunId;
use proptest::prelude::*;

fn findings(error: &PlanError) -> Vec<String> {
    match error {
        PlanError::Findings(findings) => findings.iter().map(ToString::to_string).collect(),
        PlanError::Failure(failure) => panic!("{failure}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_short_name_of_a_domain_is_resolved_in_any_case() {
    let world = World::of("roomy");
    let full = world.fleet(1, &[2]).placements[0].availability_domain.clone();
    let suffix = full.split(':').nth(1).unwrap().to_owned();
    for written in ["AD-2", "ad-2", &suffix.to_lowercase(), &full] {
        let mut fleet = world.fleet(1, &[1]);
        written.clone_into(&mut fleet.placements[0].availability_domain);
        let plan = plan(&world.environment().client, fleet).await.unwrap();
        assert_eq!(plan.fleet.placements.len(), 1, "{written}");
        assert_eq!(plan.fleet.placements[0].availability_domain, full, "{written}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_domain_means_every_domain_in_order() {
    let world = World::of("roomy");
    let plan = plan(&world.environment().client, world.fleet(1, &[])).await.unwrap();
    assert_eq!(plan.fleet.placements, world.fleet(1, &[1, 2, 3]).placements);
}

#[tokio::test(start_paused = true)]
async fn a_misspelt_shape_is_found_before_any_launch() {
    let world = World::of("roomy");
    let planned = async |shape: &str| {
        let mut fleet = world.fleet(3, &[1]);
        shape.clone_into(&mut fleet.placements[0].shape);
        let env = world.environment();
        let planned = plan(&env.client, fleet).await;
        (planned, env.requests.unwrap().snapshot()["ListShapes"].ok)
    };
    let (good, asked) = planned("VM.Standard.E5.Flex").await;
    assert!(good.is_ok());
    assert_eq!(asked, 1, "one request, if the shape is right");
    let (typo, _) = planned("VM.Standard.E5.Flx").await;
    let told = findings(&typo.unwrap_err());
    assert_eq!(
        told,
        ["shape: `VM.Standard.E5.Flx` is not offered in this region; did you mean `VM.Standard.E5.Flex`?"]
    );
}

#[tokio::test(start_paused = true)]
async fn an_unknown_domain_is_told_with_those_that_there_are() {
    let world = World::of("roomy");
    let mut fleet = world.fleet(0, &[1]);
    "AD-7".clone_into(&mut fleet.placements[0].availability_domain);
    fleet.template.freeform_tags = Some((0..9).map(|n| (format!("tag{n}"), String::new())).collect());
    let error = plan(&world.environment().client, fleet).await.unwrap_err();
    let all = findings(&error);
    assert_eq!(all.len(), 3, "all findings at once: {all:#?}");
    assert!(all[0].starts_with("count: 0 instances"), "{}", all[0]);
    assert!(all[1].contains("9 tags") && all[1].contains("make 11; OCI allows 10"), "{}", all[1]);
    assert!(all[2].contains("`AD-7`") && all[2].contains("AD-1") && all[2].contains("AD-3"), "{}", all[2]);
}

#[test]
fn users_get_eight_tags_and_cannot_set_ours() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let _inside = runtime.enter();
    let world = World::of("roomy");
    let mut fleet = world.fleet(1, &[1]);
    fleet.template.freeform_tags = Some((0..8).map(|n| (format!("tag{n}"), String::new())).collect());
    Plan::offline(fleet.clone()).unwrap();
    fleet.template.freeform_tags = Some([(fleet::plan::SLOT_TAG.to_owned(), "9".to_owned())].into());
    assert_eq!(Plan::offline(fleet).unwrap_err().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_plan_offline_needs_full_names() {
    let world = World::of("roomy");
    let mut fleet = world.fleet(1, &[1]);
    Plan::offline(fleet.clone()).unwrap();
    "AD-1".clone_into(&mut fleet.placements[0].availability_domain);
    let all = Plan::offline(fleet).unwrap_err();
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].field, "placements[0].availability_domain");
}

#[tokio::test(start_paused = true)]
async fn a_request_names_its_run_and_slot_and_is_the_same_every_time() {
    let world = World::of("roomy");
    let mut plan = world.plan(3, &[1, 2]);
    plan.fleet.first_number = 41;
    let run = RunId::new("2026-11-22T12:00:00Z".parse().unwrap(), [7; 10]);
    let request = plan.request(run, 2, 2);
    assert_eq!(request.display_name.as_deref(), Some("web-42"));
    assert_eq!(request.availability_domain, plan.fleet.placements[1].availability_domain);
    let tags = request.freeform_tags.clone().unwrap();
    assert_eq!(
        (tags[fleet::plan::RUN_TAG].clone(), tags[fleet::plan::SLOT_TAG].as_str()),
        (run.to_string(), "2")
    );
    assert_eq!(request, plan.request(run, 2, 2));
    let kept: Plan = serde_json::from_value(serde_json::to_value(&plan).unwrap()).unwrap();
    assert_eq!(kept.request(run, 2, 2), request, "also after the ledger has kept the plan");
    assert_eq!(plan.placement(2, 3), plan.placement(2, 1), "the placements are gone through again");
}

proptest! {
    #[test]
    fn a_retry_token_is_short_enough_and_names_one_attempt(slot: u32, attempt: u32, other_slot: u32, other_attempt: u32) {
        let run = RunId::new("2026-11-22T12:00:00Z".parse().unwrap(), [7; 10]);
        let token = retry_token(run, slot, attempt);
        prop_assert!(token.len() <= 64);
        let same = (slot, attempt) == (other_slot, other_attempt);
        prop_assert_eq!(token == retry_token(run, other_slot, other_attempt), same);
    }
}

#[tokio::test(start_paused = true)]
async fn names_and_host_names_follow_the_pattern() {
    let world = World::of("roomy");
    let pattern = |text: &str| NamePattern::parse(text).unwrap();
    let mut fleet = world.fleet(2, &[1, 2]);
    fleet.naming = Some(Naming::Pattern(pattern("{prefix}-{ad}-{n:02}")));
    fleet.hostname = Some(pattern("{name}-x"));
    fleet.first_number = 9;
    let plan = Plan::offline(fleet).unwrap();
    let sent = |slot, attempt| {
        let body = plan.request(RunId::new("2026-11-22T12:00:00Z".parse().unwrap(), [7; 10]), slot, attempt);
        (body.display_name.unwrap(), body.create_vnic_details.unwrap().hostname_label.unwrap())
    };
    assert_eq!(sent(1, 1), ("web-ad1-09".to_owned(), "web-ad1-09-x".to_owned()));
    assert_eq!(sent(2, 2), ("web-ad2-10".to_owned(), "web-ad2-10-x".to_owned()));
    // A plan of an older version has neither field, and a plan with them is read back unchanged.
    let kept = serde_json::to_value(&plan).unwrap();
    assert_eq!(serde_json::from_value::<Plan>(kept).unwrap(), plan);
}

#[tokio::test(start_paused = true)]
async fn an_extension_beyond_the_listed_names_is_refused() {
    let world = World::of("roomy");
    let mut fleet = world.fleet(1, &[1]);
    fleet.naming = Some(Naming::List(vec!["db-a".to_owned(), "db-b".to_owned()]));
    fleet.first_number = 3;
    let told = Plan::offline(fleet).unwrap_err();
    assert_eq!(told[0].to_string(), "names: only 2 names are listed, so instance 3 has none: add names");
}

#[tokio::test(start_paused = true)]
async fn an_extension_goes_on_after_the_highest_name() {
    let world = World::of("roomy");
    let env = world.environment();
    let mut fleet = world.fleet(3, &[1]);
    fleet.naming = Some(Naming::Pattern(NamePattern::parse("db{n:03}").unwrap()));
    world.launch(&Plan::offline(fleet.clone()).unwrap()).await;
    let taken = fleet::taken(&env.client, &fleet).await.unwrap();
    assert_eq!((taken.living, taken.highest), (3, 3));
}
