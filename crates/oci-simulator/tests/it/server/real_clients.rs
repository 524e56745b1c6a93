//! The wire behaviour on which other programs rely: each of them was seen to fail when the region responded differently.

use super::support::open_region;
use axum::body::Body;
use http::Request;
use oci_simulator::server::Region;
use serde_json::{Value, json};
use tower::ServiceExt;

async fn call(region: &Region, method: &str, path: &str, body: &str) -> (u16, Value) {
    let request = Request::builder().method(method).uri(path).body(Body::from(body.to_owned())).unwrap();
    let response = region.router().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = axum::body::to_bytes(response.into_body(), 10_000_000).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

async fn get(region: &Region, path: &str) -> Value {
    let (status, body) = call(region, "GET", path, "").await;
    assert_eq!(status, 200, "{path}: {body}");
    body
}

fn defaults(region: &Region) -> oci_simulator::world::Defaults {
    region.world().defaults()
}

async fn launch(region: &Region) -> Value {
    let known = defaults(region);
    let body = json!({
        "compartmentId": known.compartment,
        "availabilityDomain": known.availability_domains[0],
        "shape": "VM.Standard.E4.Flex",
        "shapeConfig": {"ocpus": 1, "memoryInGBs": 6},
        "createVnicDetails": {"subnetId": known.public_subnet},
        "sourceDetails": {"sourceType": "image", "imageId": known.image},
    });
    let (status, instance) = call(region, "POST", "/20160918/instances", &body.to_string()).await;
    assert_eq!(status, 200, "{instance}");
    instance
}

#[tokio::test(start_paused = true)]
async fn an_action_with_a_null_body_is_taken() {
    let region = open_region("");
    let id = launch(&region).await["id"].as_str().unwrap().to_owned();
    call(&region, "POST", "/_sim/advance", r#"{"seconds": 600}"#).await;
    let stop = format!("/20160918/instances/{id}?action=STOP");
    let (status, answer) = call(&region, "POST", &stop, " null\n").await;
    assert_eq!((status, &answer["lifecycleState"]), (200, &json!("STOPPING")), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn a_page_is_as_large_as_its_list_allows() {
    let region = open_region("");
    let known = defaults(&region);
    let instances = |limit| format!("/20160918/instances?compartmentId={}&limit={limit}", known.compartment);
    for _ in 0..101 {
        launch(&region).await;
    }
    for limit in [100, 1000, 2000] {
        assert_eq!(get(&region, &instances(limit)).await.as_array().unwrap().len(), 100, "{limit}");
    }
    for limit in ["0", "-1", "ten", "99999999999999999999"] {
        let path = format!("/20160918/instances?compartmentId={}&limit={limit}", known.compartment);
        assert_eq!(call(&region, "GET", &path, "").await.0, 400, "{limit}");
    }
    // Lists of limits have their own maximum of 1000 rows.
    let limits =
        format!("/20190729/limitValues?compartmentId={}&serviceName=compute&limit=1000", known.tenancy);
    get(&region, &limits).await;
    let strict = open_region("world: {refuse_large_pages: true}");
    let (status, refused) = call(&strict, "GET", &instances(101), "").await;
    assert_eq!((status, &refused["message"]), (400, &json!("limit must be between 1 and 100, not '101'")));
}

#[tokio::test(start_paused = true)]
async fn maps_of_tags_are_never_absent() {
    let region = open_region("");
    let known = defaults(&region);
    let instance = launch(&region).await;
    let subnet = get(&region, &format!("/20160918/subnets/{}", known.public_subnet)).await;
    let vcn = get(&region, &format!("/20160918/vcns/{}", subnet["vcnId"].as_str().unwrap())).await;
    let image = get(&region, &format!("/20160918/images/{}", known.image)).await;
    let compartment = get(&region, &format!("/20160918/compartments/{}", known.compartment)).await;
    let tenancy = get(&region, &format!("/20160918/tenancies/{}", known.tenancy)).await;
    for shown in [&instance, &subnet, &vcn, &image, &compartment, &tenancy] {
        for map in ["freeformTags", "definedTags"] {
            assert!(shown[map].is_object(), "{map} of {shown}");
        }
    }
    for map in ["systemTags", "securityAttributes"] {
        assert_eq!(instance[map], json!({}), "{map}");
    }
    assert_eq!(instance["securityAttributesState"], "STABLE");
    assert_eq!(instance["availabilityConfig"]["recoveryAction"], "RESTORE_INSTANCE");
    assert_eq!(instance["instanceOptions"]["areLegacyImdsEndpointsDisabled"], false);
    assert_eq!(instance["agentConfig"]["isMonitoringDisabled"], false);
}

#[tokio::test(start_paused = true)]
async fn the_tenancy_has_no_parent_to_climb_to() {
    let region = open_region("");
    let known = defaults(&region);
    let root = get(&region, &format!("/20160918/compartments/{}", known.tenancy)).await;
    assert!(
        root.as_object().unwrap().contains_key("compartmentId") && root["compartmentId"].is_null(),
        "{root}"
    );
    let child = get(&region, &format!("/20160918/compartments/{}", known.compartment)).await;
    assert_eq!(child["compartmentId"], json!(known.tenancy));
}

#[tokio::test(start_paused = true)]
async fn a_platform_image_is_in_no_compartment() {
    let region = open_region("");
    let known = defaults(&region);
    let images = get(&region, &format!("/20160918/images?compartmentId={}", known.compartment)).await;
    let platform = &images.as_array().unwrap()[0];
    assert!(platform["compartmentId"].is_null(), "{platform}");
    assert!(platform["listingType"].is_null() && platform["launchOptions"].is_object(), "{platform}");
}

#[tokio::test(start_paused = true)]
async fn optional_parameters_may_be_left_out() {
    let region = open_region("");
    let known = defaults(&region);
    launch(&region).await;
    call(&region, "POST", "/_sim/advance", r#"{"seconds": 600}"#).await;
    let volumes = get(&region, &format!("/20160918/bootVolumes?compartmentId={}", known.compartment)).await;
    assert_eq!(volumes.as_array().unwrap().len(), 1);
    let configuration = json!({
        "compartmentId": known.compartment,
        "instanceDetails": {"instanceType": "compute", "launchDetails": {}},
    });
    let path = "/20160918/instanceConfigurations";
    let (status, made) = call(&region, "POST", path, &configuration.to_string()).await;
    assert_eq!(status, 200, "{made}");
}

#[tokio::test(start_paused = true)]
async fn a_capacity_report_may_ask_for_a_child_compartment() {
    let report = async |region: &Region, compartment: &str, entries: usize| {
        let entry = json!({"instanceShape": "VM.Standard.E4.Flex",
                           "instanceShapeConfig": {"ocpus": 1, "memoryInGBs": 6}});
        let body = json!({
            "compartmentId": compartment,
            "availabilityDomain": defaults(region).availability_domains[0],
            "shapeAvailabilities": vec![entry; entries],
        });
        call(region, "POST", "/20160918/computeCapacityReports", &body.to_string()).await
    };
    let region = open_region("");
    let child = defaults(&region).compartment;
    assert_eq!(report(&region, &child, 10).await.0, 200);
    let (status, refused) = report(&region, &child, 11).await;
    assert_eq!(status, 400, "{refused}");
    let strict = open_region("world: {capacity_report_root_only: true, capacity_report_entries: 40}");
    let known = defaults(&strict);
    assert_eq!(report(&strict, &known.compartment, 1).await.0, 404);
    assert_eq!(report(&strict, &known.tenancy, 40).await.0, 200);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_is_named_in_the_stats() {
    let region = open_region("");
    for _ in 0..2 {
        let path = "/20160918/dhcps/ocid1.dhcpoptions.oc1.phx.a";
        assert_eq!(call(&region, "GET", path, "").await.0, 404);
    }
    let stats = get(&region, "/_sim/stats").await;
    assert_eq!(stats["unknown_paths"], json!({"GET /20160918/dhcps/{ocid}": 2}));
}
