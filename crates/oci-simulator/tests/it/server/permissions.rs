//! What requests need of a policy, as Oracle's table of permissions for each operation says.

use super::support::open_region;
use axum::body::Body;
use http::Request;
use oci_simulator::server::Region;
use serde_json::{Value, json};
use tower::ServiceExt;

async fn send(region: &Region, method: &str, path: &str, body: &Value) -> (u16, http::HeaderMap, Value) {
    let text = if body.is_null() { String::new() } else { body.to_string() };
    let request = Request::builder().method(method).uri(path).body(Body::from(text)).unwrap();
    let (parts, body) = region.router().oneshot(request).await.unwrap().into_parts();
    let bytes = axum::body::to_bytes(body, 10_000_000).await.unwrap();
    (parts.status.as_u16(), parts.headers, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}

/// Lets everybody do this, and nothing else.
async fn allow(region: &Region, grants: &[&str]) {
    let statements: Vec<String> =
        grants.iter().map(|grant| format!("Allow any-user to {grant} in tenancy")).collect();
    let (status, _, answer) =
        send(region, "POST", "/_sim/policies", &json!({"statements": statements})).await;
    assert_eq!(status, 200, "{answer}");
}

/// A region with an instance, its work request, a configuration and a pool; their OCIDs.
async fn furnished() -> (Region, [String; 4]) {
    let region = open_region("");
    let known = region.world().defaults();
    let launch = json!({
        "compartmentId": known.compartment,
        "availabilityDomain": known.availability_domains[0],
        "shape": "VM.Standard.E4.Flex",
        "shapeConfig": {"ocpus": 1, "memoryInGBs": 6},
        "createVnicDetails": {"subnetId": known.public_subnet},
        "sourceDetails": {"sourceType": "image", "imageId": known.image},
    });
    let (_, headers, instance) = send(&region, "POST", "/20160918/instances", &launch).await;
    let details = json!({"instanceType": "compute", "launchDetails": launch});
    let configuration = json!({"compartmentId": known.compartment, "instanceDetails": details});
    let (_, _, configuration) =
        send(&region, "POST", "/20160918/instanceConfigurations", &configuration).await;
    let place =
        json!({"availabilityDomain": known.availability_domains[0], "primarySubnetId": known.public_subnet});
    let pool = json!({"compartmentId": known.compartment, "instanceConfigurationId": configuration["id"], "size": 1,
                      "placementConfigurations": [place]});
    let (_, _, pool) = send(&region, "POST", "/20160918/instancePools", &pool).await;
    assert_eq!(send(&region, "POST", "/_sim/advance", &json!({"seconds": 600})).await.0, 200);
    let work = headers["opc-work-request-id"].to_str().unwrap().to_owned();
    let ocid = |made: &Value| made["id"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
    (region, [ocid(&instance), work, ocid(&configuration), ocid(&pool)])
}

/// A request, what is enough for it, and what lacks one permission.
type Case = ((&'static str, String, Value), &'static [&'static str], &'static [&'static str]);

async fn check(region: &Region, cases: Vec<Case>) {
    for ((method, path, body), enough, lacking) in cases {
        allow(region, lacking).await;
        let (status, _, answer) = send(region, method, &path, &body).await;
        assert_eq!(
            (status, &answer["code"]),
            (404, &json!("NotAuthorizedOrNotFound")),
            "{path} by {lacking:?}"
        );
        allow(region, enough).await;
        let (status, _, answer) = send(region, method, &path, &body).await;
        assert!((200..300).contains(&status), "{method} {path} by {enough:?}: {status} {answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn reading_needs_what_oracles_table_says() {
    let (region, [_, work, ..]) = furnished().await;
    let known = region.world().defaults();
    let of = |list: &str| format!("/20160918/{list}?compartmentId={}", known.compartment);
    let ephemeral = format!(
        "{}&scope=AVAILABILITY_DOMAIN&availabilityDomain={}&lifetime=EPHEMERAL",
        of("publicIps"),
        known.availability_domains[0]
    );
    let get = |path: String| ("GET", path, Value::Null);
    let cases: Vec<Case> = vec![
        (get(format!("/20160918/images/{}", known.image)), &["inspect instance-images"], &["read instances"]),
        (get(of("images")), &["inspect instance-images"], &["read instances"]),
        (
            get(of("vnicAttachments")),
            &["inspect vnic-attachments", "inspect instances"],
            &["inspect vnic-attachments"],
        ),
        // A family with permissions of other types.
        (get(of("vnicAttachments")), &["inspect instance-family"], &["manage virtual-network-family"]),
        (
            get(of("volumeAttachments")),
            &["inspect volume-attachments", "inspect volumes", "inspect instances"],
            &["manage instances", "inspect volume-attachments"],
        ),
        (
            get(of("networkSecurityGroups")),
            &["read network-security-groups"],
            &["inspect network-security-groups"],
        ),
        (get(ephemeral), &["inspect private-ips"], &["manage public-ips"]),
        (get(of("publicIps") + "&scope=REGION"), &["read public-ips"], &["manage private-ips"]),
        (
            get(format!("/20160918/tenancies/{}", known.tenancy)),
            &["inspect tenancies"],
            &["manage compartments"],
        ),
        (get(of("workRequests")), &["inspect work-requests"], &["manage instances"]),
        // Who may read it is who may do what it does.
        (
            get(format!("/20160918/workRequests/{work}")),
            &["manage instances"],
            &["manage work-requests", "use instances"],
        ),
        (
            get(format!("/20160918/workRequests/{work}/errors")),
            &["manage instances"],
            &["manage work-requests"],
        ),
    ];
    check(&region, cases).await;
}

#[tokio::test(start_paused = true)]
async fn changing_needs_what_oracles_table_says() {
    let (region, [instance, _, configuration, pool]) = furnished().await;
    let cases: Vec<Case> = vec![
        (
            ("POST", format!("/20160918/instances/{instance}?action=SOFTRESET"), Value::Null),
            &["use instances"],
            &["read instances"],
        ),
        (
            ("PUT", format!("/20160918/instancePools/{pool}"), json!({"displayName": "other"})),
            &["manage instance-pools"],
            &["use instance-pools"],
        ),
        (
            ("POST", format!("/20160918/instancePools/{pool}/actions/stop"), Value::Null),
            &["use instance-pools", "use instances"],
            &["use instance-pools"],
        ),
        (
            (
                "POST",
                format!("/20160918/instanceConfigurations/{configuration}/actions/launch"),
                json!({"instanceType": "compute"}),
            ),
            &["manage instance-configurations", "manage instances"],
            &["use instance-configurations", "manage instances"],
        ),
        (
            ("DELETE", format!("/20160918/instances/{instance}"), Value::Null),
            &["manage instances", "use subnets", "use vnics"],
            &["manage instances", "use subnets"],
        ),
        (
            ("DELETE", format!("/20160918/instancePools/{pool}"), Value::Null),
            &["manage instance-pools", "manage instance-family", "use virtual-network-family", "use volumes"],
            &["manage instance-pools", "manage instance-family", "use volumes"],
        ),
    ];
    check(&region, cases).await;
}
