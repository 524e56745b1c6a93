//! The output before there is a run: unresponsive services, dry runs, and documents of commands that did not start a run.

use crate::program::Workplace;
use crate::sim_serve::Region;
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

/// A workplace with the key and config of a region that no longer runs.
fn with_key() -> Workplace {
    let place = Workplace::empty();
    drop(Region::start(&place, &[]));
    place
}

/// A server that gives every request the same response, and ends with the test's process.
fn serve(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream: TcpStream = stream.unwrap();
            let mut request = [0; 8192];
            // The client may have disconnected.
            let _ = stream.read(&mut request);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    format!("http://{address}")
}

#[test]
fn a_refused_connection_fails_at_once() {
    let place = with_key();
    let ended = place.run(&["--config", "sim/config.yaml", "--output", "json"]);
    assert_eq!(ended.code, 4, "{}", ended.stderr);
    assert!(ended.stderr.contains("cannot reach 127.0.0.1:"), "{}", ended.stderr);
    assert!(ended.stderr.contains("hint: check the network"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("resume"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("attempts in"), "asked once: {}", ended.stderr);
    let document = ended.json();
    assert_eq!((&document["run_id"], &document["schema_version"]), (&Value::Null, &1.into()));
    let error = &document["error"];
    assert_eq!(
        (error["class"].as_str(), error["code"].as_str()),
        (Some("network"), Some("ConnectionRefused"))
    );
    let keys: Vec<&str> = error.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys.join(" "), "class code message opc_request_id hint");
}

#[test]
fn each_retry_is_reported_with_its_reason() {
    let busy = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 46\r\nconnection: close\r\n\r\n{\"code\": \"ServiceUnavailable\", \"message\": \"x\"}";
    let endpoint = serve(busy);
    let place = with_key();
    let mut child = place
        .command(&["--config", "sim/config.yaml", "--endpoint", &endpoint])
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = std::io::BufReader::new(child.stderr.take().unwrap());
    let mut told = String::new();
    std::io::BufRead::read_line(&mut lines, &mut told).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let wanted = "waiting: ListInstances: 503 ServiceUnavailable: x; try 2 of 8 in ";
    assert!(told.starts_with(wanted), "{told}");
}

#[test]
fn an_answer_that_is_not_oci_s_is_blamed_on_the_way_there() {
    let endpoint = serve(
        "HTTP/1.1 302 Found\r\nlocation: https://login.example.com/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
    );
    let ended = with_key().run(&["--config", "sim/config.yaml", "--endpoint", &endpoint]);
    assert_eq!(ended.code, 4, "{}", ended.stderr);
    assert!(ended.stderr.contains("hint: the response did not come from OCI"), "{}", ended.stderr);
}

#[test]
fn a_refused_login_is_a_document_as_well() {
    let place = Workplace::empty();
    let region = Region::start(&place, &[]);
    let stranger = with_key();
    let config = std::fs::read_to_string(stranger.path().join("sim/config.yaml")).unwrap();
    place.write("sim/stranger.yaml", config);
    std::fs::copy(stranger.path().join("sim/oci_api_key.pem"), place.path().join("sim/oci_api_key.pem"))
        .unwrap();
    let asked = ["--config", "sim/stranger.yaml", "--endpoint", &region.endpoint, "--output", "json"];
    let ended = place.run(&asked);
    assert_eq!(ended.code, 5, "{}", ended.stderr);
    assert_eq!(ended.json()["error"]["class"], "authentication");
    let mut dry = asked.to_vec();
    dry.push("--dry-run");
    let ended = place.run(&dry);
    assert_eq!(ended.code, 5, "a dry run tells a refused login by its code: {}", ended.stderr);
    assert!(ended.stderr.contains("error: ListAvailabilityDomains: 401"), "{}", ended.stderr);
    assert_eq!(ended.json()["dry_run"], true);
}

#[test]
fn a_dry_run_asks_the_service_and_launches_nothing() {
    let place = Workplace::empty();
    let region = Region::start(&place, &[]);
    let ended = place.run(&["--config", "sim/config.yaml", "--dry-run", "--count", "2"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(
        ended.stdout.starts_with("DRY RUN of sim/config.yaml: nothing will be launched\n"),
        "{}",
        ended.stdout
    );
    assert!(
        ended.stdout.contains("\"availabilityDomain\": \"") && ended.stdout.contains("AD-1\","),
        "{}",
        ended.stdout
    );
    assert!(!ended.stdout.contains("\"availabilityDomain\": \"AD-1\""), "in full: {}", ended.stdout);
    assert!(
        ended.stdout.contains("The other requests differ in: displayName; the tag oci-insta-scale-slot"),
        "{}",
        ended.stdout
    );
    assert!(
        ended.stdout.contains("credentials: accepted") && ended.stdout.contains("cost in USD"),
        "{}",
        ended.stdout
    );
    let document = place.run(&["--config", "sim/config.yaml", "--dry-run", "--output", "json"]).json();
    assert_eq!(document["preflight"]["authenticated"], true);
    assert!(document["cost"]["total"]["hour"].as_f64().unwrap() > 0.0);
    assert!(document["body"]["availabilityDomain"].as_str().unwrap().contains(':'), "{}", document["body"]);
    let listed = place.run(&["instances", "list", "--config", "sim/config.yaml", "--output", "json"]);
    assert_eq!(listed.json()["instances"].as_array().map(Vec::len), Some(0), "{}", listed.stdout);
    assert!(!place.path().join("state").exists(), "a dry run keeps no state");
    drop(region);
}

#[test]
fn a_foreign_availability_domain_is_reported_in_place() {
    let place = Workplace::empty();
    let region = Region::start(&place, &[]);
    let config = std::fs::read_to_string(place.path().join("sim/config.yaml")).unwrap();
    let key =
        config.lines().find(|line| line.trim_start().starts_with("availability_domain:")).unwrap().to_owned();
    place.write("sim/config.yaml", config.replace(&key, "  availability_domain: xYzA:PHX-AD-1"));
    let ended = place.run(&["--config", "sim/config.yaml", "--count", "5"]);
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    assert_eq!(
        ended.stderr.matches("xYzA:PHX-AD-1` has the prefix of another tenancy").count(),
        1,
        "{}",
        ended.stderr
    );
    assert!(
        ended.stderr.contains("sim/config.yaml:") && ended.stderr.contains("^^^^^^^^^^^^^"),
        "{}",
        ended.stderr
    );
    drop(region);
}
