//! The wire behaviour on which other programs rely: each of them was seen to fail when the region responded differently.

use super::support::open_region;
use axum::body::Body;
use http::Request;
use oci_simulator::server::Region;
use oci_simulator::world::Known;
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
    let (status, instance) = launched_with(region, &json!({})).await;
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

/// The body of a launch, which a test changes.
fn launch_body(region: &Region) -> Value {
    let known = defaults(region);
    json!({
        "compartmentId": known.compartment,
        "availabilityDomain": known.availability_domains[0],
        "shape": "VM.Standard.E4.Flex",
        "shapeConfig": {"ocpus": 1, "memoryInGBs": 6},
        "createVnicDetails": {"subnetId": known.public_subnet},
        "sourceDetails": {"sourceType": "image", "imageId": known.image},
    })
}

async fn launched_with(region: &Region, changed: &Value) -> (u16, Value) {
    let mut body = launch_body(region);
    for (key, value) in changed.as_object().unwrap() {
        body[key] = value.clone();
    }
    call(region, "POST", "/20160918/instances", &body.to_string()).await
}

/// Registers the tag `Costs.Center`.
fn know_costs(region: &Region) {
    let tag = Known::DefinedTag { namespace: "Costs".into(), key: "Center".into() };
    region.register(&tag).unwrap();
}

#[tokio::test(start_paused = true)]
async fn new_resources_name_their_creator_and_time() {
    let region = open_region("");
    know_costs(&region);
    let (status, instance) =
        launched_with(&region, &json!({"definedTags": {"Costs": {"Center": "7"}}})).await;
    assert_eq!(status, 200, "{instance}");
    let tags = &instance["definedTags"];
    assert_eq!(
        (&tags["Costs"], &tags["Oracle-Tags"]["CreatedBy"]),
        (&json!({"Center": "7"}), &json!("default/user-2"))
    );
    assert_eq!(tags["Oracle-Tags"]["CreatedOn"], json!("2026-11-22T12:00:00.000Z"));
    assert_eq!(instance["timeCreated"], json!("2026-11-22T12:00:00Z"));
    call(&region, "POST", "/_sim/advance", r#"{"seconds": 600}"#).await;
    let compartment = defaults(&region).compartment;
    for list in ["bootVolumes", "vnicAttachments"] {
        let rows = get(&region, &format!("/20160918/{list}?compartmentId={compartment}")).await;
        let row = match rows[0]["vnicId"].as_str() {
            Some(vnic) => get(&region, &format!("/20160918/vnics/{vnic}")).await,
            None => rows[0].clone(),
        };
        assert_eq!(row["definedTags"]["Oracle-Tags"]["CreatedBy"], "default/user-2", "{row}");
    }
    // They are found like other tags.
    let found = async |value: &str| {
        let query = format!(
            "query instance, bootvolume resources where (definedTags.namespace = 'Oracle-Tags' \
             && definedTags.key = 'CreatedBy' && definedTags.value = '{value}')"
        );
        let body = json!({"type": "Structured", "query": query}).to_string();
        call(&region, "POST", "/20180409/resources", &body).await.1["items"].as_array().unwrap().len()
    };
    assert_eq!((found("default/user-2").await, found("default/user-3").await), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn an_update_replaces_the_automatic_tags_too() {
    let region = open_region("");
    know_costs(&region);
    let instance = launch(&region).await;
    call(&region, "POST", "/_sim/advance", r#"{"seconds": 600}"#).await;
    let path = format!("/20160918/instances/{}", instance["id"].as_str().unwrap());
    let (_, named) = call(&region, "PUT", &path, r#"{"displayName": "b"}"#).await;
    assert_eq!(named["definedTags"], instance["definedTags"]);
    // A client that reads, changes and writes them keeps them.
    let kept = json!({"definedTags": instance["definedTags"]}).to_string();
    assert_eq!(call(&region, "PUT", &path, &kept).await.1["definedTags"], instance["definedTags"]);
    let (_, retagged) = call(&region, "PUT", &path, r#"{"definedTags": {"Costs": {"Center": "7"}}}"#).await;
    assert_eq!(retagged["definedTags"], json!({"Costs": {"Center": "7"}}));
    let off = open_region("world: {automatic_tags: false}");
    assert_eq!(launch(&off).await["definedTags"], json!({}));
}

#[tokio::test(start_paused = true)]
async fn pools_and_reservations_name_their_creator() {
    let region = open_region("");
    let known = defaults(&region);
    let create = async |path: &str, body: Value| {
        let (status, made) = call(&region, "POST", path, &body.to_string()).await;
        assert!((200..300).contains(&status), "{made}");
        assert_eq!(made["definedTags"]["Oracle-Tags"]["CreatedBy"], "default/user-2", "{made}");
        made["id"].as_str().unwrap().to_owned()
    };
    let details = json!({"instanceType": "compute", "launchDetails": launch_body(&region)});
    let configuration = json!({"compartmentId": known.compartment, "instanceDetails": details});
    let configuration = create("/20160918/instanceConfigurations", configuration).await;
    let placement =
        json!({"availabilityDomain": known.availability_domains[0], "primarySubnetId": known.public_subnet});
    let pool = json!({"compartmentId": known.compartment, "instanceConfigurationId": configuration, "size": 1,
                      "placementConfigurations": [placement]});
    create("/20160918/instancePools", pool).await;
    let reservation =
        json!({"compartmentId": known.compartment, "availabilityDomain": known.availability_domains[0]});
    create("/20160918/computeCapacityReservations", reservation).await;
    call(&region, "POST", "/_sim/advance", r#"{"seconds": 600}"#).await;
    let members = get(&region, &format!("/20160918/instances?compartmentId={}", known.compartment)).await;
    assert_eq!(members[0]["definedTags"]["Oracle-Tags"]["CreatedBy"], "default/user-2", "{members}");
}

#[tokio::test(start_paused = true)]
async fn unknown_fields_of_a_body_are_ignored_and_counted() {
    let misspelt = json!({"shapeConfig": {"ocpus": 2, "memoryInGbs": 64}, "colour": "red",
                          "launchVolumeAttachments": [{"type": "iscsi", "devise": 1}, {"type": "iscsi", "devise": 2}]});
    let region = open_region("");
    let (status, instance) = launched_with(&region, &misspelt).await;
    // The default memory, as users of the service report.
    assert_eq!((status, &instance["shapeConfig"]["memoryInGBs"]), (200, &json!(32.0)), "{instance}");
    let stats = get(&region, "/_sim/stats").await;
    let counted = json!({"LaunchInstance colour": 1, "LaunchInstance shapeConfig.memoryInGbs": 1,
                         "LaunchInstance launchVolumeAttachments[].devise": 2});
    assert_eq!(stats["unknown_fields"], counted);
    let strict = open_region("unknown_fields: refused");
    let (status, refused) = launched_with(&strict, &misspelt).await;
    assert_eq!(status, 400);
    assert!(refused["message"].as_str().unwrap().contains("colour is not a known field"), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn a_launch_must_fit_the_hardware_of_its_shape() {
    let region = open_region("");
    let said = async |changed: Value| {
        let (status, answer) = launched_with(&region, &changed).await;
        let message = answer["message"].as_str().unwrap_or("taken").to_owned();
        assert_eq!(status, if message == "taken" { 200 } else { 400 }, "{answer}");
        message
    };
    let platform = async |shape: &str, kind: &str| {
        let size = if shape.starts_with("VM.") { json!({"ocpus": 1, "memoryInGBs": 6}) } else { Value::Null };
        said(json!({"shape": shape, "shapeConfig": size, "platformConfig": {"type": kind}})).await
    };
    assert_eq!(platform("VM.Standard.E4.Flex", "AMD_VM").await, "taken");
    assert_eq!(platform("BM.Standard.E4.128", "AMD_MILAN_BM").await, "taken");
    assert_eq!(platform("BM.Standard.E5.192", "GENERIC_BM").await, "taken");
    assert_eq!(platform("VM.Standard3.Flex", "INTEL_VM").await, "taken");
    for (shape, kind) in [
        ("VM.Standard.E4.Flex", "AMD_MILAN_BM"),
        ("VM.Standard.E4.Flex", "GENERIC_BM"),
        ("VM.Standard.E4.Flex", "INTEL_VM"),
        ("BM.Standard.E4.128", "AMD_VM"),
    ] {
        let refused = format!("Invalid PlatformConfig: type {kind} is not supported by shape {shape}");
        assert_eq!(platform(shape, kind).await, refused);
    }
    let drives = async |shape: &str, ocpus: u32, nvmes: u32| {
        let memory = if shape == "VM.DenseIO.E4.Flex" { 16 * ocpus } else { 6 };
        said(json!({"shape": shape, "shapeConfig": {"ocpus": ocpus, "memoryInGBs": memory, "nvmes": nvmes}}))
            .await
    };
    assert_eq!(drives("VM.DenseIO.E4.Flex", 16, 2).await, "taken");
    assert_eq!(
        drives("VM.DenseIO.E4.Flex", 16, 1).await,
        "Invalid ShapeConfig: shape VM.DenseIO.E4.Flex with 16 ocpus has nvmes 2, not 1"
    );
    assert_eq!(
        drives("VM.Standard.E4.Flex", 1, 1).await,
        "Invalid ShapeConfig: nvmes is not supported by shape VM.Standard.E4.Flex"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_is_named_in_the_stats() {
    let region = open_region("");
    for _ in 0..2 {
        let path = "/20160918/drgs/ocid1.drg.oc1.phx.a";
        assert_eq!(call(&region, "GET", path, "").await.0, 404);
    }
    let stats = get(&region, "/_sim/stats").await;
    assert_eq!(stats["unknown_paths"], json!({"GET /20160918/drgs/{ocid}": 2}));
}
