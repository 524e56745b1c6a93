//! Limit increase requests: their states, and what they do to the limits.

use super::region::Region;
use oci_api::Operation;
use oci_simulator::world::settings::{LimitIncreaseOutcome, LimitIncreases, LimitSetting, Seconds};
use oci_simulator::world::{ApiError, SavedWorld, World, WorldSettings};
use serde_json::{Value, json};

const CORES: &str = "standard-e4-core-count";
const MEMORY: &str = "standard-e4-memory-count";

/// A region with 2 cores of E4 per availability domain. A decision takes 10 minutes and begins after one.
fn tight(increases: LimitIncreases) -> Region {
    let mut settings = WorldSettings {
        limit_increases: LimitIncreases { decide_seconds: Seconds { min: 600.0, max: 600.0 }, ..increases },
        ..WorldSettings::default()
    };
    settings.limits.named = vec![LimitSetting { name: CORES.into(), availability_domain: None, value: 2 }];
    Region::new(settings)
}

fn item(region: &Region, limit: &str, value: i64) -> Value {
    json!({"serviceName": "compute", "limitName": limit, "region": "us-phoenix-1",
           "scope": region.defaults.availability_domains[0], "value": value})
}

fn create(region: &mut Region, items: &[Value]) -> Result<Value, ApiError> {
    let request = region.request(Operation::CreateLimitsIncreaseRequest).body(json!({
        "displayName": "more", "compartmentId": region.defaults.tenancy, "justification": "a larger fleet",
        "limitsIncreaseItemRequests": items,
    }));
    region.world.handle(&request).map(|answer| answer.json())
}

fn file(region: &mut Region, items: &[Value]) -> String {
    create(region, items).unwrap()["id"].as_str().unwrap().to_owned()
}

fn show(region: &mut Region, id: &str) -> Value {
    region.get(Operation::GetLimitsIncreaseRequest, "limitsIncreaseRequestId", id).unwrap().json()
}

fn state(region: &mut Region, id: &str) -> String {
    show(region, id)["lifecycleState"].as_str().unwrap().to_owned()
}

fn available(region: &mut Region, ad: usize) -> i64 {
    let request = region
        .request(Operation::GetResourceAvailability)
        .path("serviceName", "compute")
        .path("limitName", CORES)
        .query("compartmentId", region.defaults.compartment.clone())
        .query("availabilityDomain", region.defaults.availability_domains[ad].clone());
    region.world.handle(&request).unwrap().json()["available"].as_i64().unwrap()
}

fn comment(region: &mut Region, id: &str, text: &str) -> Result<Value, ApiError> {
    let request = region
        .request(Operation::PatchLimitsIncreaseRequest)
        .path("limitsIncreaseRequestId", id)
        .body(json!({"items": [
            {"operation": "INSERT", "selection": "customerComments", "value": {"message": text}},
        ]}));
    region.world.handle(&request).map(|answer| answer.json())
}

#[test]
fn a_granted_increase_is_what_launches_obey() {
    let mut region = tight(LimitIncreases::default());
    let details = region.details("a");
    for _ in 0..2 {
        region.launch(&details).unwrap();
    }
    assert_eq!(region.launch(&details).unwrap_err().code, "LimitExceeded");
    let wanted = item(&region, CORES, 3);
    let id = file(&mut region, &[wanted]);
    assert_eq!(state(&mut region, &id), "ACCEPTED");
    region.advance(61.0);
    assert_eq!(state(&mut region, &id), "IN_PROGRESS");
    assert_eq!(region.launch(&details).unwrap_err().code, "LimitExceeded");
    region.advance(600.0);
    let shown = show(&mut region, &id);
    assert_eq!(shown["lifecycleState"], "SUCCEEDED");
    let first = &shown["limitsIncreaseItemRequests"][0];
    assert_eq!((&first["currentValue"], &first["value"]), (&json!(2), &json!(3)));
    assert_eq!((available(&mut region, 0), available(&mut region, 1)), (1, 2), "only its domain is raised");
    region.launch(&details).unwrap();
    assert_eq!(region.launch(&details).unwrap_err().code, "LimitExceeded");
    region.world.check_invariants().unwrap();
}

#[test]
fn a_request_may_be_granted_in_part_or_rejected() {
    for (outcome, share, decided, cores) in [
        (LimitIncreaseOutcome::Partly, 1.0, "PARTIALLY_SUCCEEDED", 10),
        (LimitIncreaseOutcome::Rejected, 1.0, "FAILED", 2),
        (LimitIncreaseOutcome::Granted, 0.5, "SUCCEEDED", 6),
    ] {
        let mut region = tight(LimitIncreases { outcome, granted_share: share, ..LimitIncreases::default() });
        let items = [item(&region, CORES, 10), item(&region, MEMORY, 3_000_000)];
        let id = file(&mut region, &items);
        region.advance(700.0);
        assert_eq!((state(&mut region, &id).as_str(), available(&mut region, 0)), (decided, cores));
    }
}

#[test]
fn a_question_waits_for_an_answer() {
    let mut region = tight(LimitIncreases { asks: true, ..LimitIncreases::default() });
    let wanted = item(&region, CORES, 10);
    let id = file(&mut region, &[wanted]);
    region.advance(7200.0);
    let shown = show(&mut region, &id);
    assert_eq!(shown["lifecycleState"], "IN_PROGRESS");
    assert_eq!(shown["customerComments"][0]["senderType"], "ORACLE");
    assert_eq!(comment(&mut region, &id, " ").unwrap_err().status, 400);
    assert_eq!(
        comment(&mut region, &id, "a render farm").unwrap()["customerComments"][1]["message"],
        "a render farm"
    );
    region.advance(601.0);
    assert_eq!(state(&mut region, &id), "SUCCEEDED");
    assert_eq!(comment(&mut region, &id, "thanks").unwrap_err().code, "IncorrectState");
}

#[test]
fn a_canceled_request_is_never_granted() {
    let mut region = tight(LimitIncreases::default());
    let wanted = item(&region, CORES, 10);
    let id = file(&mut region, &[wanted]);
    let ends = |region: &Region, operation| region.request(operation).path("limitsIncreaseRequestId", &id);
    let delete = ends(&region, Operation::DeleteLimitsIncreaseRequest);
    assert_eq!(region.world.handle(&delete).unwrap_err().code, "IncorrectState");
    let cancel = ends(&region, Operation::CancelLimitsIncreaseRequest);
    assert_eq!(region.world.handle(&cancel).unwrap().json()["lifecycleState"], "CANCELED");
    assert_eq!(region.world.handle(&cancel).unwrap_err().code, "IncorrectState");
    region.advance(7200.0);
    assert_eq!((state(&mut region, &id).as_str(), available(&mut region, 0)), ("CANCELED", 2));
    region.world.handle(&delete).unwrap();
    assert_eq!(region.world.handle(&delete).unwrap_err().status, 404);
}

#[test]
fn a_senseless_increase_is_refused_with_its_reason() {
    let mut region = tight(LimitIncreases::default());
    let fine = item(&region, CORES, 10);
    let with = |key: &str, value: Value| {
        let mut item = fine.clone();
        item[key] = value;
        item
    };
    for (wrong, part) in [
        (with("value", json!(2)), "is not an increase"),
        (with("limitName", json!("no-such-count")), "no-such-count not found"),
        (with("serviceName", json!("vcn")), "not found"),
        (with("scope", json!("AD-9")), "AD-9"),
        (with("scope", json!("")), "must name an availability domain"),
        (with("region", json!("uk-london-1")), "uk-london-1"),
    ] {
        let error = create(&mut region, &[wrong]).unwrap_err();
        assert!(error.message.contains(part), "{}", error.message);
    }
    assert_eq!(create(&mut region, &[]).unwrap_err().status, 400);
}

#[test]
fn a_repeated_token_files_one_limit_request() {
    let mut region = tight(LimitIncreases::default());
    let wanted = item(&region, CORES, 10);
    let request = region
        .request(Operation::CreateLimitsIncreaseRequest)
        .body(json!({
            "displayName": "more", "compartmentId": region.defaults.compartment, "justification": "a larger fleet",
            "limitsIncreaseItemRequests": [wanted],
        }))
        .retry_token("once");
    let first = region.world.handle(&request).unwrap().json();
    assert_eq!(region.world.handle(&request).unwrap().json()["id"], first["id"]);
    let list = region
        .request(Operation::ListLimitsIncreaseRequests)
        .query("compartmentId", region.defaults.compartment.clone());
    let listed = region.world.handle(&list).unwrap().json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
}

#[test]
fn an_open_limit_request_survives_a_saved_region() {
    let mut region = tight(LimitIncreases::default());
    let wanted = item(&region, CORES, 10);
    let id = file(&mut region, &[wanted]);
    let text = serde_json::to_string(&region.world.snapshot()).unwrap();
    region.world = World::restore(serde_json::from_str::<SavedWorld>(&text).unwrap()).unwrap();
    region.advance(700.0);
    assert_eq!((state(&mut region, &id).as_str(), available(&mut region, 0)), ("SUCCEEDED", 10));
}
