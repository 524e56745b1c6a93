//! `doctor` with the real program: a healthy set-up, and each kind of fault at its line.

use crate::program::{Ended, Workplace};
use crate::reliability::books::stats_at;
use crate::sim_serve::{Region, region};
use serde_json::Value;

pub fn doctor(place: &Workplace) -> (Ended, Value) {
    doctor_with(place, &[])
}

/// The same with more arguments.
pub fn doctor_with(place: &Workplace, more: &[&str]) -> (Ended, Value) {
    let ended = place.run(&[&["doctor", "--output", "json"], more].concat());
    let document = ended.json();
    (ended, document)
}

/// The check of this name that ended worst.
pub fn check<'a>(document: &'a Value, name: &str) -> &'a Value {
    let checks = document["checks"].as_array().unwrap().iter().filter(|one| one["check"] == name);
    let rank =
        |one: &&Value| ["ok", "warning", "failed", "skipped"].iter().position(|state| one["state"] == *state);
    checks.max_by_key(rank).unwrap_or_else(|| panic!("{name} is not in {document}"))
}

/// How many requests the region has had.
fn requests(region: &Region) -> u64 {
    let stats = stats_at(&region.endpoint);
    stats["operations"].as_object().unwrap().values().filter_map(|counts| counts["requests"].as_u64()).sum()
}

#[test]
fn a_healthy_set_up_passes_in_twenty_requests() {
    let (place, region) = region(&[]);
    let launched = place.run(&["launch", "--count", "2", "--yes"]);
    assert_eq!(launched.code, 0, "{}", launched.stderr);
    let before = requests(&region);
    let (ended, document) = doctor(&place);
    assert_eq!((ended.code, &document["ready"]), (0, &true.into()), "{}", ended.stdout);
    for name in [
        "version",
        "records",
        "runs",
        "config",
        "proxy",
        "certificates",
        "dns",
        "network",
        "clock",
        "login",
        "image",
        "subnet",
        "policy",
        "limits",
        "capacity",
        "leftovers",
    ] {
        assert_eq!(check(&document, name)["state"], "ok", "{}", check(&document, name));
    }
    // The request without a signature is none of an operation.
    let asked = requests(&region) - before + 1;
    assert!(asked <= 20, "{asked} requests");
    let page = place.run(&["doctor"]);
    assert!(page.stderr.contains("a launch can go"), "{}", page.stderr);
    assert!(
        page.stdout.lines().all(|line| line.starts_with("ok ") || line.starts_with(' ')),
        "{}",
        page.stdout
    );
}

#[test]
fn each_fault_is_told_at_its_check_with_a_remedy() {
    let (place, _region) = region(&[]);
    let config = std::fs::read_to_string(place.path().join("config.yaml")).unwrap();
    let broken = |from: &str, to: &str| {
        assert!(config.contains(from), "{from} is not in {config}");
        place.write("config.yaml", config.replace(from, to));
        doctor(&place)
    };
    let (ended, document) = broken("VM.Standard.E4.Flex", "VM.Standard.E44.Flex");
    assert_ne!(ended.code, 0);
    assert_eq!(document["ready"], false);
    assert_eq!(check(&document, "shape")["state"], "failed", "{document}");
    let (ended, document) = broken("ocid1.subnet.", "ocid1.subnet.oc1.phx.aaaaaaaano-such-subnet #");
    assert_eq!(ended.code, 4, "{}", ended.stdout);
    assert_eq!(check(&document, "subnet")["state"], "failed", "{document}");
    let (ended, document) = broken("  count:", "  cuont:");
    assert_eq!(ended.code, 2);
    assert_eq!(check(&document, "config")["state"], "failed", "{document}");
    assert_eq!(check(&document, "login")["state"], "ok", "later checks go on");
    let (ended, document) = broken("endpoint: http://127.0.0.1:", "endpoint: http://127.0.0.1:1 #");
    assert_eq!(ended.code, 4);
    assert_eq!(check(&document, "network")["state"], "failed", "{document}");
    place.write("config.yaml", &config);
    let ended = Ended::from(
        place
            .command(&["doctor", "--output", "json"])
            .env("HTTPS_PROXY", "nonsense://::::")
            .output()
            .unwrap(),
    );
    assert_eq!(ended.code, 2);
    assert_eq!(check(&ended.json(), "proxy")["state"], "failed");
    let file = place.write("no-folder", "");
    let ended = place.run(&["doctor", "--output", "json", "--state-dir", file.to_str().unwrap()]);
    assert_eq!(ended.code, 2, "{}", ended.stdout);
    assert_eq!(check(&ended.json(), "records")["state"], "failed");
}

/// The command in a remedy: what follows `start` up to a separator.
pub fn command_in(remedy: &str, start: &str) -> Vec<String> {
    let (_, rest) = remedy.split_once(start).unwrap_or_else(|| panic!("{start} is not in {remedy}"));
    let command = rest.split([';', '`']).next().unwrap();
    command.split_whitespace().map(str::to_owned).collect()
}

pub fn remedy<'a>(document: &'a Value, name: &str) -> &'a str {
    check(document, name)["remedy"].as_str().unwrap_or_else(|| panic!("{name} has no remedy in {document}"))
}

#[test]
fn the_remedy_for_a_run_that_blocks_heals() {
    let (place, _region) = region(&[]);
    let words = ["launch", "--count", "8", "--rate", "4", "--deadline", "1s", "--no-wait", "--yes"];
    assert_eq!(place.run(&words).code, 3);
    let (ended, document) = doctor(&place);
    assert_eq!((ended.code, &document["ready"]), (2, &false.into()), "{document}");
    assert_eq!(check(&document, "runs")["state"], "failed", "{document}");
    assert_eq!(place.run(&["launch", "--yes"]).code, 2, "a launch would be stopped by it");
    let command = command_in(remedy(&document, "runs"), "oci-insta-scale ");
    let words: Vec<&str> = command.iter().map(String::as_str).chain(["--yes"]).collect();
    let resumed = place.run(&words);
    assert_eq!(resumed.code, 0, "{}", resumed.stderr);
    let (ended, document) = doctor(&place);
    assert_eq!((ended.code, &check(&document, "runs")["state"]), (0, &"ok".into()), "{document}");
}

#[test]
fn the_remedy_for_low_limits_heals() {
    let place = Workplace::empty();
    place.write("low.yaml", "world: {limits: {cores: 0}}\n");
    let _region = Region::start(&place, &["--scenario", "low.yaml", "--speed", "300"]);
    crate::sim_serve::configure(&place);
    let (ended, document) = doctor(&place);
    assert_eq!(ended.code, 4, "{document}");
    assert_eq!(check(&document, "limits")["state"], "failed", "{document}");
    assert!(remedy(&document, "limits").contains("`limits request` asks for higher ones"));
    let asked = place.run(&["limits", "request", "--wait", "--every", "1s", "--yes"]);
    assert_eq!(asked.code, 0, "{}", asked.stderr);
    let (ended, document) = doctor(&place);
    assert_eq!((ended.code, &check(&document, "limits")["state"]), (0, &"ok".into()), "{document}");
}

#[test]
fn the_remedy_for_open_permissions_heals() {
    use std::os::unix::fs::PermissionsExt as _;
    let (place, _region) = region(&[]);
    let launched = place.run(&["launch", "--count", "1", "--yes"]);
    assert_eq!(launched.code, 0, "{}", launched.stderr);
    let folder = place.path().join("state");
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o777)).unwrap();
    let (_, document) = doctor(&place);
    assert_eq!(check(&document, "permissions")["state"], "warning", "{document}");
    let typed = std::process::Command::new("sh").args(["-c", remedy(&document, "permissions")]).status();
    assert!(typed.unwrap().success());
    let (_, document) = doctor(&place);
    assert!(!document.to_string().contains("\"permissions\""), "{document}");
}

/// The checks that were not made, and why.
fn skipped(document: &Value) -> Vec<(&str, &str)> {
    let checks = document["checks"].as_array().unwrap().iter().filter(|one| one["state"] == "skipped");
    checks.map(|one| (one["check"].as_str().unwrap(), one["found"].as_str().unwrap())).collect()
}

#[test]
fn what_depends_on_a_failed_check_is_not_checked() {
    let (place, _region) = region(&[]);
    let config = std::fs::read_to_string(place.path().join("config.yaml")).unwrap();
    place.write("config.yaml", config.replace("ocid1.image.", "ocid1.image.oc1.phx.aaaaaaaano-such-image #"));
    let (ended, document) = doctor(&place);
    assert_eq!(ended.code, 4, "{document}");
    assert_eq!(check(&document, "image")["state"], "failed", "{document}");
    let of_image = "not checked: depends on image";
    assert_eq!(skipped(&document), [("limits", of_image), ("capacity", of_image)]);
    assert!(!document.to_string().contains("waits for capacity"), "{document}");

    place.write("config.yaml", config.replace("availability_domain: AD-1", "availability_domain: AD-9"));
    let (ended, document) = doctor(&place);
    assert_eq!(ended.code, 4, "{document}");
    assert!(remedy(&document, "placement").contains("`availability_domain`"), "{document}");
    let of_place = "not checked: depends on placement";
    let names = ["image", "subnet", "policy", "limits", "capacity"];
    assert_eq!(skipped(&document), names.map(|name| (name, of_place)));

    place.write("config.yaml", &config);
    let file = place.write("no-folder", "");
    let (ended, document) = doctor_with(&place, &["--state-dir", file.to_str().unwrap()]);
    assert_eq!(ended.code, 2, "{document}");
    let of_records = "not checked: depends on records";
    assert_eq!(skipped(&document), [("runs", of_records), ("leftovers", of_records)]);
    assert!(!ended.stderr.contains("prices reset"), "{}", ended.stderr);

    let (ended, document) = doctor_with(&place, &["--config", "nowhere.yaml"]);
    assert_eq!(ended.code, 2, "{document}");
    assert!(skipped(&document).contains(&("network", "not checked: depends on config")), "{document}");
    assert_eq!(check(&document, "proxy")["state"], "ok", "{document}");
}

#[test]
fn a_file_is_refused_as_state_directory_everywhere() {
    let place = Workplace::empty();
    place.write("file", "");
    for command in [&["runs"][..], &["show"], &["cost"], &["report"], &["capacity", "history"]] {
        let ended = place.run(&[command, &["--state-dir", "file"]].concat());
        assert_eq!(ended.code, 2, "{command:?}: {}", ended.stdout);
        assert!(ended.stderr.contains("file is not a directory"), "{command:?}: {}", ended.stderr);
    }
}

#[test]
fn a_state_directory_that_a_launch_creates_is_no_fault() {
    let (place, _region) = region(&[]);
    for folder in ["new", "new/below", "./new"] {
        let (ended, document) = doctor_with(&place, &["--state-dir", folder]);
        let records = check(&document, "records");
        assert_eq!((ended.code, &records["state"]), (0, &"ok".into()), "{folder}: {records}");
        assert!(records["found"].as_str().unwrap().starts_with("the first launch creates"), "{records}");
    }
    assert!(!place.path().join("new").exists());
}

#[test]
fn limits_below_the_count_fail_and_no_hunt_is_advised() {
    let place = Workplace::empty();
    place.write("low.yaml", "world: {limits: {cores: 20}}\n");
    let _region = Region::start(&place, &["--scenario", "low.yaml", "--speed", "300"]);
    crate::sim_serve::configure(&place);
    let many = ["--count", "40"];
    let (ended, document) = doctor_with(&place, &many);
    assert_eq!((ended.code, &document["ready"]), (3, &false.into()), "{document}");
    let limits = check(&document, "limits");
    assert_eq!(limits["state"], "failed", "{document}");
    assert!(limits["found"].as_str().unwrap().starts_with("room for 20 of 40 instances: "), "{limits}");
    assert_eq!(check(&document, "capacity")["state"], "ok", "{document}");
    assert!(!document.to_string().contains("hunt"), "{document}");
    let asked = place.run(&["limits", "request", "--count", "40", "--wait", "--every", "1s", "--yes"]);
    assert_eq!(asked.code, 0, "{}", asked.stderr);
    let (ended, document) = doctor_with(&place, &many);
    assert_eq!((ended.code, &check(&document, "limits")["state"]), (0, &"ok".into()), "{document}");
}
