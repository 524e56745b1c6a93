use super::support::{COMPARTMENT, open_region, refusal};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame};
use oci_simulator::server::Region;
use serde_json::{Value, json};
use std::fmt::Write;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tower::ServiceExt;

async fn ask(region: &Region, method: &str, target: &str, body: Bytes) -> Response<Bytes> {
    region.exchange(Request::builder().method(method).uri(target).body(body).unwrap()).await.unwrap()
}

pub async fn get(region: &Region, target: &str) -> Value {
    let response = ask(region, "GET", target, Bytes::new()).await;
    assert_eq!(response.status(), 200, "{target}: {:?}", response.body());
    serde_json::from_slice(response.body()).unwrap()
}

/// The body of a launch that the region accepts.
pub async fn launch_body(region: &Region) -> Bytes {
    use oci_simulator::world::Known;
    let subnet = "ocid1.subnet.oc1.phx.rehearsal".to_owned();
    let image = "ocid1.image.oc1.phx.rehearsal".to_owned();
    let compartment = Some(COMPARTMENT.to_owned());
    region.register(&Known::Subnet { ocid: subnet.clone(), compartment, public: true }).unwrap();
    region.register(&Known::Image { ocid: image.clone(), arm: None }).unwrap();
    let domains = get(region, &format!("/20160918/availabilityDomains?compartmentId={COMPARTMENT}")).await;
    let body = json!({
        "compartmentId": COMPARTMENT,
        "availabilityDomain": domains[0]["name"],
        "displayName": "rehearsal-1",
        "shape": "VM.Standard.E4.Flex",
        "shapeConfig": {"ocpus": 1, "memoryInGBs": 6},
        "sourceDetails": {"sourceType": "image", "imageId": image},
        "createVnicDetails": {"subnetId": subnet},
    });
    body.to_string().into()
}

#[tokio::test(start_paused = true)]
async fn an_instance_boots_in_virtual_time() {
    let region = open_region("");
    let body = launch_body(&region).await;
    let response = ask(&region, "POST", "/20160918/instances", body).await;
    assert_eq!(response.status(), 200, "{:?}", response.body());
    assert!(response.headers().contains_key("etag"));
    assert!(response.headers().contains_key("opc-work-request-id"));
    let instance: Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!(instance["lifecycleState"], "PROVISIONING");
    let target = format!("/20160918/instances/{}", instance["id"].as_str().unwrap());
    tokio::time::sleep(Duration::from_secs(200)).await;
    assert_eq!(get(&region, &target).await["lifecycleState"], "RUNNING");
    assert_eq!(region.stats().instances["RUNNING"], 1);
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_identical_bytes() {
    async fn history() -> String {
        let region = open_region(
            "{faults: [{probability: 0.3, fault: {answer: {status: 500}}}], latency: {max_ms: 50}}",
        );
        let body = launch_body(&region).await;
        let mut history = String::new();
        for _ in 0..30 {
            let response = ask(&region, "POST", "/20160918/instances", body.clone()).await;
            writeln!(history, "{} {:?} {:?}", response.status(), response.headers(), response.body())
                .unwrap();
            tokio::time::sleep(Duration::from_secs(7)).await;
        }
        for event in region.events(0, usize::MAX) {
            history += &serde_json::to_string(&event).unwrap();
            history.push('\n');
        }
        history
    }
    let (first, second) = (history().await, history().await);
    assert!(first.contains("500 Internal") && first.contains("200 OK"), "{first}");
    assert_eq!(first, second);
}

#[tokio::test]
async fn wrong_methods_paths_and_bodies_are_refused_with_oracles_body() {
    let region = open_region("unknown_fields: refused");
    let refused = async |method, target, body: &str| {
        let response = ask(&region, method, target, body.to_owned().into()).await;
        assert!(response.headers().contains_key("opc-request-id"));
        refusal(&response)
    };
    let error = |status, code: &str| (status, code.to_owned());
    assert_eq!(refused("GET", "/", "").await, error(404, "NotFound"));
    assert_eq!(refused("PATCH", "/20160918/instances", "").await, error(405, "MethodNotAllowed"));
    assert_eq!(refused("GET", "/20160918/instances", "").await, error(400, "MissingParameter"));
    assert_eq!(
        refused("GET", "/20160918/instances?compartmentId=a&limit=-1", "").await,
        error(400, "InvalidParameter")
    );
    assert_eq!(refused("POST", "/20160918/instances", "{").await, error(400, "CannotParseRequest"));
    assert_eq!(refused("POST", "/20160918/instances", "").await, error(400, "MissingParameter"));
    let body = format!(r#"{{"compartmentId":"{COMPARTMENT}","availabilityDomain":"a","shap":"x"}}"#);
    assert_eq!(refused("POST", "/20160918/instances", &body).await, error(400, "InvalidParameter"));
    assert_eq!(
        refused("GET", "/20160918/instances/ocid1.instance.oc1.phx.nobody", "").await,
        error(404, "NotAuthorizedOrNotFound")
    );
}

#[tokio::test]
async fn sane_request_ids_are_kept_and_others_seeded() {
    let with_id = async |id: &str| {
        let request = Request::get("/").header("opc-request-id", id).body(Bytes::new()).unwrap();
        let response = open_region("").exchange(request).await.unwrap();
        response.headers()["opc-request-id"].to_str().unwrap().to_owned()
    };
    assert_eq!(with_id("7F3A/2").await, "7F3A/2");
    let made = with_id("not sane!").await;
    assert_eq!(made.len(), 32);
    assert_eq!(with_id(&"A".repeat(5000)).await, made, "the same seed gives the same id");
}

/// A body that stalls or breaks off.
enum Unfinished {
    Waits,
    Breaks,
}

impl Body for Unfinished {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match *self {
            Self::Waits => Poll::Pending,
            Self::Breaks => Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into()))),
        }
    }
}

/// The response to a launch with such a body, through the router that a server would call.
async fn unfinished(region: &Region, target: &str, body: Unfinished) -> Response<Bytes> {
    let request = Request::post(target).body(axum::body::Body::new(body)).unwrap();
    let (parts, body) = region.router().oneshot(request).await.unwrap().into_parts();
    Response::from_parts(parts, body.collect().await.unwrap().to_bytes())
}

#[tokio::test(start_paused = true)]
async fn a_slow_body_gets_408_and_a_closed_connection() {
    let region = open_region("");
    let start = tokio::time::Instant::now();
    let response = unfinished(&region, "/20160918/instances", Unfinished::Waits).await;
    assert_eq!(refusal(&response), (408, "RequestTimeout".to_owned()));
    assert_eq!(start.elapsed().as_secs(), 30);
    assert_eq!(response.headers()["connection"], "close");
    assert!(response.headers().contains_key("opc-request-id"));
    let stats = region.stats();
    assert_eq!((stats.requests, stats.operations["LaunchInstance"].by_status[&408]), (1, 1));
    let response = unfinished(&region, "/_sim/faults", Unfinished::Waits).await;
    assert_eq!(refusal(&response).0, 408);
    assert_eq!(region.stats().requests, 1, "pages about the simulation are not counted");
}

#[tokio::test]
async fn a_body_that_breaks_off_is_answered_400_and_takes_no_effect() {
    let region = open_region("");
    let response = unfinished(&region, "/20160918/instances", Unfinished::Breaks).await;
    assert_eq!(refusal(&response), (400, "CannotParseRequest".to_owned()));
    assert_eq!(super::support::message(&response), "The body did not arrive whole.");
    assert_eq!(response.headers()["connection"], "close");
    assert!(response.headers().contains_key("opc-request-id"));
    assert_eq!(region.stats().operations["LaunchInstance"].by_status[&400], 1);
    assert_eq!(region.world().instances().count(), 0);
}
