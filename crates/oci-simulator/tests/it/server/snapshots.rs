//! Snapshots of a running region: a test begins where the one before it began.

use super::in_process::launch_body;
use super::support::open_region;
use axum::body::Body;
use bytes::Bytes;
use http::Request;
use oci_simulator::server::Region;
use serde_json::{Value, json};
use std::time::Duration;
use tower::ServiceExt as _;

async fn ask(region: &Region, method: &str, target: &str, body: Bytes) -> (u16, Value) {
    let request = Request::builder().method(method).uri(target).body(Body::from(body)).unwrap();
    let response = region.router().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = axum::body::to_bytes(response.into_body(), 10_000_000).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

async fn named(region: &Region, path: &str, name: &str) -> (u16, Value) {
    ask(region, "POST", path, json!({"name": name}).to_string().into()).await
}

#[tokio::test(start_paused = true)]
async fn a_restored_region_has_its_world_its_time_and_its_faults() {
    let region = open_region("faults: [{operations: [GetInstance], fault: {answer: {status: 500}}}]");
    let body = launch_body(&region).await;
    ask(&region, "POST", "/20160918/instances", body.clone()).await;
    tokio::time::sleep(Duration::from_secs(200)).await;
    let before = region.stats();
    let kept = named(&region, "/_sim/snapshots", "one-running").await;
    assert_eq!((kept.0, &kept.1["simulated_time"]), (200, &json!(before.simulated_time)));
    ask(&region, "POST", "/20160918/instances", body.clone()).await;
    region.replace_faults(&[]);
    tokio::time::sleep(Duration::from_hours(3)).await;
    assert_eq!(region.stats().instances["RUNNING"], 2);
    let (status, restored) = named(&region, "/_sim/restore", "one-running").await;
    assert_eq!((status, &restored["simulated_time"]), (200, &json!(before.simulated_time)));
    assert_eq!(region.stats().instances["RUNNING"], 1);
    assert_eq!(region.faults().len(), 1);
    // It lives on, and the snapshot stays what it was.
    ask(&region, "POST", "/20160918/instances", body).await;
    tokio::time::sleep(Duration::from_secs(200)).await;
    assert_eq!(region.stats().instances["RUNNING"], 2);
    named(&region, "/_sim/restore", "one-running").await;
    assert_eq!(region.stats().instances["RUNNING"], 1);
    let (_, all) = ask(&region, "GET", "/_sim/snapshots", Bytes::new()).await;
    assert_eq!((&all[0]["name"], &all[0]["instances"]), (&json!("one-running"), &json!(1)));
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_that_cannot_be_is_refused() {
    let region = open_region("");
    for name in ["", "a b", "../x", &"x".repeat(65)] {
        assert_eq!(named(&region, "/_sim/snapshots", name).await.0, 400, "{name:?}");
    }
    let (status, refusal) = named(&region, "/_sim/restore", "nothing").await;
    assert_eq!(status, 404);
    assert!(refusal["message"].as_str().unwrap().contains("no snapshot `nothing`"));
    assert_eq!(ask(&region, "POST", "/_sim/restore", "[]".into()).await.0, 400);
    assert_eq!(ask(&region, "DELETE", "/_sim/snapshots", Bytes::new()).await.0, 405);
    for number in 0..100 {
        assert_eq!(named(&region, "/_sim/snapshots", &format!("s{number}")).await.0, 200);
    }
    assert_eq!(named(&region, "/_sim/snapshots", "one-more").await.0, 409);
    assert_eq!(named(&region, "/_sim/snapshots", "s7").await.0, 200, "an older one is replaced");
}
