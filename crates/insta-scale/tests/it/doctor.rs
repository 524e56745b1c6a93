//! `doctor` with the real program: a healthy set-up, and each kind of fault at its line.

use crate::program::{Ended, Workplace};
use crate::reliability::books::stats_at;
use crate::sim_serve::{Region, region};
use serde_json::Value;

fn doctor(place: &Workplace) -> (Ended, Value) {
    let ended = place.run(&["doctor", "--output", "json"]);
    let document = ended.json();
    (ended, document)
}

/// The check of this name that ended worst.
fn check<'a>(document: &'a Value, name: &str) -> &'a Value {
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
    assert!(check(&document, "network")["remedy"].as_str().unwrap().contains("DNS"));
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
