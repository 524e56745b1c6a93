use super::support::{Call, closing, open_region, server, shapes_target, talk};
use axum::body::Body;
use http::{Request, StatusCode};
use oci_simulator::server::Region;
use serde_json::{Value, json};
use tower::ServiceExt;

async fn page(region: &Region, request: Request<Body>) -> (StatusCode, String) {
    let response = region.router().oneshot(request).await.unwrap();
    let status = response.status();
    let body = axum::body::to_bytes(response.into_body(), 1_000_000).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

fn get(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

fn post(path: &str, body: &Value) -> Request<Body> {
    Request::post(path).body(Body::from(body.to_string())).unwrap()
}

#[tokio::test]
async fn stats_count_requests_by_operation_and_outcome() {
    let server = server("").await;
    for call in [Call::get(shapes_target()), Call::get(shapes_target()), Call::get("/20160918/instances")] {
        talk(server.address, &closing(call).wire_now()).await.unwrap();
    }
    talk(server.address, b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    let request = b"GET /_sim/stats HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    let answer = talk(server.address, request).await.unwrap();
    let stats: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!((&stats["requests"], &stats["throttled"]), (&json!(4), &json!(0)));
    assert_eq!(stats["operations"]["ListShapes"]["ok"], 2);
    assert_eq!(stats["operations"]["ListInstances"]["by_status"]["400"], 1);
    assert_eq!(stats["operations"]["unknown"]["by_status"]["401"], 1);
    assert_eq!(stats["peak_concurrency"], 1);
    server.shutdown().await.unwrap();
}

#[tokio::test]
async fn metrics_count_what_the_statistics_count() {
    let region = open_region("");
    for _ in 0..3 {
        assert_eq!(page(&region, get(&shapes_target())).await.0, 200);
    }
    let rule = json!({"operations": ["ListShapes"], "fault": {"answer": {"status": 503}}});
    assert_eq!(page(&region, post("/_sim/faults", &json!({"add": [rule]}))).await.0, 200);
    assert_eq!(page(&region, get(&shapes_target())).await.0, 503);
    let (status, text) = page(&region, get("/_sim/metrics")).await;
    assert_eq!(status, 200);
    for line in [
        "oci_insta_scale_sim_requests_total{operation=\"ListShapes\",outcome=\"ok\"} 3",
        "oci_insta_scale_sim_requests_total{operation=\"ListShapes\",outcome=\"failed\"} 1",
        "oci_insta_scale_sim_fault_rules 1",
        "oci_insta_scale_sim_concurrent_requests_peak 1",
    ] {
        assert!(text.lines().any(|written| written == line), "{line}: {text}");
    }
    assert_eq!(page(&region, post("/_sim/metrics", &json!({}))).await.0, 405);
}

#[tokio::test(start_paused = true)]
async fn time_is_advanced_on_request() {
    let region = open_region("");
    let (status, body) = page(&region, post("/_sim/advance", &json!({"seconds": 3600}))).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["simulated_time"], "2026-11-22T13:00:00Z");
    for bad in [json!({"seconds": -1}), json!({"seconds": 1e12}), json!({"second": 1}), json!([])] {
        assert_eq!(page(&region, post("/_sim/advance", &bad)).await.0, 400, "{bad}");
    }
}

#[tokio::test]
async fn faults_are_added_and_replaced_while_the_region_runs() {
    let region = open_region("");
    let shapes = async || page(&region, get(&shapes_target())).await.0;
    assert_eq!(shapes().await, 200);
    let rule = json!({"operations": ["ListShapes"], "fault": {"answer": {"status": 503}}});
    assert_eq!(page(&region, post("/_sim/faults", &json!({"add": [rule]}))).await.0, 200);
    assert_eq!(shapes().await, 503);
    let (_, rules) = page(&region, get("/_sim/faults")).await;
    assert_eq!(serde_json::from_str::<Value>(&rules).unwrap()[0]["operations"][0], "ListShapes");
    assert_eq!(page(&region, post("/_sim/faults", &json!({"replace": []}))).await.0, 200);
    assert_eq!(shapes().await, 200);
    let bad = json!({"add": [{"probability": 2, "fault": "hang"}]});
    let (status, body) = page(&region, post("/_sim/faults", &bad)).await;
    assert_eq!(status, 400);
    assert!(body.contains("probability must be between 0 and 1, not 2"), "{body}");
}

#[tokio::test]
async fn events_come_as_lines_from_a_number_on() {
    let region = open_region("");
    let body = super::in_process::launch_body(&region).await;
    let request = Request::post("/20160918/instances").body(Body::from(body)).unwrap();
    assert_eq!(page(&region, request).await.0, 200);
    assert_eq!(page(&region, post("/_sim/advance", &json!({"seconds": 600}))).await.0, 200);
    let (_, all) = page(&region, get("/_sim/events")).await;
    let (_, rest) = page(&region, get("/_sim/events?since=1")).await;
    assert!(all.lines().count() >= 2, "{all}");
    assert!(all.ends_with(&rest) && rest.lines().count() + 1 == all.lines().count());
    assert_eq!(page(&region, get("/_sim/events?from=1")).await.0, 400);
}

#[tokio::test]
async fn only_its_own_page_and_programs_steer_the_region() {
    let region = open_region("");
    let asked = async |host: &str, origin: Option<&str>| {
        let mut request = post("/_sim/advance", &json!({"seconds": 1}));
        request.headers_mut().insert("host", host.parse().unwrap());
        if let Some(origin) = origin {
            request.headers_mut().insert("origin", origin.parse().unwrap());
        }
        page(&region, request).await.0
    };
    for own in [None, Some("http://localhost:12620"), Some("http://LOCALHOST:12620")] {
        assert_eq!(asked("localhost:12620", own).await, 200, "{own:?}");
    }
    for other in [
        "http://example.com",
        "http://localhost:12621",
        "http://localhost",
        "http://localhost:12620.example.com",
        "null",
        "localhost:12620",
        "",
    ] {
        assert_eq!(asked("localhost:12620", Some(other)).await, 403, "{other:?}");
    }
    assert_eq!(asked("example.com", Some("http://example.com")).await, 403, "a name that leads here");
    let (status, body) = page(&region, get("/_sim/nothing")).await;
    assert_eq!(status, 404);
    assert!(body.contains("GET /_sim/stats"), "{body}");
    assert_eq!(page(&region, get("/_sim/advance")).await.0, 405);
}

#[tokio::test]
async fn the_page_loads_nothing_but_its_own_files() {
    let region = open_region("");
    for path in ["/_sim", "/_sim/", "/_sim/page.js", "/_sim/page.css"] {
        let response = region.router().oneshot(get(path)).await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        let policy = response.headers()["content-security-policy"].to_str().unwrap();
        assert!(
            policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
    }
    let (_, html) = page(&region, get("/_sim/")).await;
    for tag in ["<script>", "style=", "onclick", "http:", "https:"] {
        assert!(!html.contains(tag), "{tag}");
    }
    assert_eq!(page(&region, post("/_sim/", &json!({}))).await.0, 405);
    assert_eq!(page(&region, get("/_sim/page.html")).await.0, 404);
}

#[tokio::test]
async fn the_overview_counts_hosts_and_instances() {
    let region = open_region("world: {hosts: {per_fault_domain: 2}}");
    let free = async || {
        let (_, text) = page(&region, get("/_sim/world")).await;
        let world: Value = serde_json::from_str(&text).unwrap();
        let hosts = world["hosts"].as_array().unwrap();
        assert!(hosts.iter().all(|row| row["hosts"] == 6 && row["outage"] == false), "{text}");
        let sum: f64 = hosts.iter().map(|row| row["free_ocpus"].as_f64().unwrap()).sum();
        (sum, world["instances"].clone())
    };
    let (before, none) = free().await;
    assert_eq!(none, json!([]));
    let body = super::in_process::launch_body(&region).await;
    let size: Value = serde_json::from_slice(&body).unwrap();
    let request = Request::post("/20160918/instances").body(Body::from(body)).unwrap();
    assert_eq!(page(&region, request).await.0, 200);
    let (after, instances) = free().await;
    assert_eq!(json!(before - after), json!(size["shapeConfig"]["ocpus"].as_f64().unwrap()));
    assert_eq!((&instances[0]["shape"], &instances[0]["count"]), (&size["shape"], &json!(1)));
}

#[tokio::test]
async fn policies_are_replaced_shown_and_removed() {
    let region = open_region("");
    assert_eq!(page(&region, get("/_sim/policies")).await.1.trim(), "null");
    let delete = || Request::delete("/_sim/policies").body(Body::empty()).unwrap();
    let may_list = || async { page(&region, get(&shapes_target())).await.0 == 200 };
    assert!(may_list().await, "everybody may do everything at first");

    let statements = json!({"statements": ["Allow any-user to inspect instances in tenancy"]});
    let (status, shown) = page(&region, post("/_sim/policies", &statements)).await;
    assert_eq!((status, shown.contains("Allow any-user to inspect")), (StatusCode::OK, true), "{shown}");
    assert!(may_list().await);
    for (body, told) in [
        (json!({"statements": ["Allow nobody"]}), "statements[0]: column 7"),
        (json!({"statements": ["Allow any-user to use vnics in compartment x:y"]}), "does not exist: x:y"),
        (json!({"statments": []}), "statments"),
        (json!([]), "it is an array"),
        (json!(null), "invalid type"),
    ] {
        let (status, text) = page(&region, post("/_sim/policies", &body)).await;
        assert_eq!((status, text.contains(told)), (StatusCode::BAD_REQUEST, true), "{body}: {text}");
        assert!(may_list().await, "a refused policy changes nothing");
    }
    assert_eq!(page(&region, post("/_sim/policies", &json!({}))).await.0, 200);
    assert!(!may_list().await, "no statement allows nothing");
    assert_eq!(page(&region, delete()).await.0, 200);
    assert!(may_list().await);
}

#[tokio::test]
async fn a_search_shows_what_may_be_inspected() {
    let region = open_region("");
    let found = || async {
        let search = json!({"type": "Structured", "query": "query subnet, compartment resources"});
        let request = Request::post("/20180409/resources")
            .header("content-type", "application/json")
            .body(Body::from(search.to_string()));
        let (status, text) = page(&region, request.unwrap()).await;
        assert_eq!(status, 200, "{text}");
        let found: Value = serde_json::from_str(&text).unwrap();
        let items = found["items"].as_array().unwrap().iter();
        items
            .map(|item| item["resourceType"].as_str().unwrap().to_owned())
            .collect::<std::collections::BTreeSet<_>>()
    };
    let types = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(found().await, types(&["Compartment", "Subnet"]));
    let statements = json!({"statements": ["Allow any-user to inspect subnets in compartment compute"]});
    assert_eq!(page(&region, post("/_sim/policies", &statements)).await.0, 200);
    assert_eq!(found().await, types(&["Subnet"]));
}

#[tokio::test]
async fn the_token_of_a_function_names_its_type() {
    let region = open_region("");
    let key = oci_simulator::server::Identity::generate(None, "us-phoenix-1").unwrap().public_key.to_pem();
    let body = json!({"type": "fnfunc", "public_key": key});
    let (status, text) = page(&region, post("/_sim/resource_token", &body)).await;
    let answer: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(status, 200, "{text}");
    assert!(answer["id"].as_str().unwrap().starts_with("ocid1.fnfunc."), "{text}");
    for (body, told) in [
        (json!({"type": "user", "public_key": key}), "not the type"),
        (json!({"type": "fnfunc", "public_key": "x"}), "public_key"),
        (json!({"type": "fnfunc"}), "missing field"),
    ] {
        let (status, text) = page(&region, post("/_sim/resource_token", &body)).await;
        assert_eq!((status, text.contains(told)), (StatusCode::BAD_REQUEST, true), "{body}: {text}");
    }
}
