//! What somebody makes in a tenancy takes effect: policies on what callers may do, and everything in all regions.

use super::support::open_region;
use axum::body::Body;
use http::Request;
use oci_simulator::scenario::{Scenario, Signatures};
use oci_simulator::server::{Region, ScaledClock, SimClock};
use oci_simulator::world::Caller;
use serde_json::{Value, json};
use std::sync::Arc;
use tower::ServiceExt;

async fn send(region: &Region, method: &str, path: &str, body: Value) -> (u16, Value) {
    let text = if body.is_null() { String::new() } else { body.to_string() };
    let request = Request::builder().method(method).uri(path).body(Body::from(text)).unwrap();
    let (parts, body) = region.router().oneshot(request).await.unwrap().into_parts();
    let bytes = axum::body::to_bytes(body, 10_000_000).await.unwrap();
    (parts.status.as_u16(), serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}

/// Makes something with a name, and returns it.
async fn make(region: &Region, collection: &str, name: &str, mut body: Value) -> Value {
    if body["compartmentId"].is_null() {
        body["compartmentId"] = region.world().defaults().tenancy.into();
    }
    body["name"] = name.into();
    body["description"] = "for a test".into();
    let (status, made) = send(region, "POST", &format!("/20160918/{collection}"), body).await;
    assert_eq!(status, 200, "{made}");
    made
}

async fn lists_vcns(region: &Region, compartment: &str) -> u16 {
    send(region, "GET", &format!("/20160918/vcns?compartmentId={compartment}"), Value::Null).await.0
}

/// Everybody may manage what is about the tenancy, and nothing else.
async fn only_identity(region: &Region) {
    let kinds = ["policies", "groups", "users", "compartments"];
    let statements: Vec<String> =
        kinds.iter().map(|kind| format!("Allow any-user to manage {kind} in tenancy")).collect();
    let (status, shown) = send(region, "POST", "/_sim/policies", json!({"statements": statements})).await;
    assert_eq!(status, 200, "{shown}");
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_somebody_makes_allows_what_it_says() {
    let region = open_region("");
    let (root, compartment) = {
        let defaults = region.world().defaults();
        (defaults.tenancy, defaults.compartment)
    };
    let user = region.world().defaults().user;
    only_identity(&region).await;
    assert_eq!(lists_vcns(&region, &compartment).await, 404);
    let group = make(&region, "groups", "readers", json!({})).await["id"].clone();
    let statement =
        format!("Allow group id {} to inspect vcns in compartment compute", group.as_str().unwrap());
    let policy = make(&region, "policies", "reading", json!({"statements": [statement]})).await;
    // Nobody is in the group yet.
    assert_eq!(lists_vcns(&region, &compartment).await, 404);
    let body = json!({"groupId": group, "userId": region_user(&region, &user).await});
    let (status, member) = send(&region, "POST", "/20160918/userGroupMemberships", body).await;
    assert_eq!(status, 200, "{member}");
    assert_eq!((lists_vcns(&region, &compartment).await, lists_vcns(&region, &root).await), (200, 404));
    let (_, shown) = send(&region, "GET", "/_sim/policies", Value::Null).await;
    assert_eq!(shown["groups"][0]["name"], "readers");
    assert!(shown["statements"].as_array().unwrap().contains(&json!(statement)), "{shown}");
    let path = format!("/20160918/policies/{}", policy["id"].as_str().unwrap());
    assert_eq!(send(&region, "DELETE", &path, Value::Null).await.0, 204);
    assert_eq!(lists_vcns(&region, &compartment).await, 404);
    // Given policies replace everything, and without any, everybody may do everything.
    assert_eq!(send(&region, "DELETE", "/_sim/policies", Value::Null).await, (200, Value::Null));
    assert_eq!(lists_vcns(&region, &root).await, 200);
}

/// The OCID of the user who sends requests here.
async fn region_user(region: &Region, known: &str) -> String {
    let root = region.world().defaults().tenancy;
    let (_, users) = send(region, "GET", &format!("/20160918/users?compartmentId={root}"), Value::Null).await;
    let newest = users[0]["id"].as_str().unwrap().to_owned();
    if newest.is_empty() { known.to_owned() } else { newest }
}

#[tokio::test(start_paused = true)]
async fn a_policy_applies_at_and_below_its_compartment() {
    let region = open_region("");
    let compartment = region.world().defaults().compartment;
    only_identity(&region).await;
    let inner =
        make(&region, "compartments", "inner", json!({"compartmentId": compartment})).await["id"].clone();
    let inner = inner.as_str().unwrap();
    let body = |place: &str, statement: &str| json!({"compartmentId": place, "statements": [statement]});
    let outside = body(inner, "Allow any-user to inspect vcns in tenancy");
    let outside = {
        let mut outside = outside;
        (outside["name"], outside["description"]) = ("outside".into(), "for a test".into());
        outside
    };
    assert_eq!(send(&region, "POST", "/20160918/policies", outside).await.0, 400);
    make(
        &region,
        "policies",
        "inside",
        body(&compartment, "Allow any-user to inspect vcns in compartment inner"),
    )
    .await;
    assert_eq!((lists_vcns(&region, inner).await, lists_vcns(&region, &compartment).await), (200, 404));
}

#[tokio::test(start_paused = true)]
async fn a_made_policy_restricts_nobody_in_an_open_region() {
    let region = open_region("");
    let compartment = region.world().defaults().compartment;
    let statements = json!({"statements": ["Allow any-user to inspect users in tenancy"]});
    make(&region, "policies", "one", statements).await;
    assert_eq!(lists_vcns(&region, &compartment).await, 200);
    assert_eq!(send(&region, "GET", "/_sim/policies", Value::Null).await, (200, Value::Null));
    // It counts from the moment when policies are given.
    let given = json!({"statements": ["Allow any-user to inspect vcns in tenancy"]});
    send(&region, "POST", "/_sim/policies", given).await;
    assert_eq!(lists_vcns(&region, &compartment).await, 200);
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_has_its_own_policies() {
    let region = open_region("");
    let compartment = region.world().defaults().compartment;
    let (status, _) = send(&region, "POST", "/_sim/snapshots", json!({"name": "open"})).await;
    assert_eq!(status, 200);
    only_identity(&region).await;
    assert_eq!(lists_vcns(&region, &compartment).await, 404);
    assert_eq!(send(&region, "POST", "/_sim/restore", json!({"name": "open"})).await.0, 200);
    assert_eq!(lists_vcns(&region, &compartment).await, 200);
}

fn two_regions() -> Vec<Region> {
    let scenario = Scenario::from_yaml("regions: [{world: {region: us-ashburn-1}}]", "test").unwrap();
    let scenario = Scenario { signatures: Signatures::Unchecked, ..scenario };
    let clock: Arc<dyn SimClock> = Arc::new(ScaledClock::in_process("2026-11-22T12:00:00Z".parse().unwrap()));
    let regions = Region::all(&scenario, 7, &clock);
    for region in &regions {
        let defaults = region.world().defaults();
        region.set_anonymous_caller(Caller { tenancy: defaults.tenancy, user: defaults.user });
    }
    regions
}

#[tokio::test(start_paused = true)]
async fn a_tenancy_is_changed_in_its_home_region_and_seen_everywhere() {
    let regions = two_regions();
    let (home, away) = (&regions[0], &regions[1]);
    let body = json!({"compartmentId": home.world().defaults().tenancy, "name": "team", "description": "x"});
    let (status, refused) = send(away, "POST", "/20160918/compartments", body).await;
    assert_eq!((status, &refused["code"]), (403, &json!("NotAllowed")), "{refused}");
    assert!(refused["message"].as_str().unwrap().contains("home region PHX"), "{refused}");
    let team = make(home, "compartments", "team", json!({})).await["id"].as_str().unwrap().to_owned();
    let path = format!("/20160918/compartments/{team}");
    assert_eq!(send(away, "GET", &path, Value::Null).await.1["name"], "team");
    // What another region has in it keeps it.
    let vcn = json!({"compartmentId": team, "cidrBlock": "10.0.0.0/16"});
    let (status, vcn) = send(away, "POST", "/20160918/vcns", vcn).await;
    assert_eq!(status, 200, "{vcn}");
    let delete = async || {
        assert_eq!(send(home, "DELETE", &path, Value::Null).await.0, 202);
        send(home, "POST", "/_sim/advance", json!({"seconds": 120})).await;
        send(away, "GET", &path, Value::Null).await.1["lifecycleState"].clone()
    };
    assert_eq!(delete().await, "ACTIVE");
    let gone = format!("/20160918/vcns/{}", vcn["id"].as_str().unwrap());
    assert_eq!(send(away, "DELETE", &gone, Value::Null).await.0, 204);
    assert_eq!(delete().await, "DELETED");
    let group = make(home, "groups", "people", json!({})).await;
    let groups = format!("/20160918/groups?compartmentId={}", away.world().defaults().tenancy);
    assert_eq!(send(away, "GET", &groups, Value::Null).await.1[0]["id"], group["id"]);
}
