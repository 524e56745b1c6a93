//! Policies of the simulated region with the real program: what `policy` prints is enough, and what happens when it is taken away.

use crate::program::Workplace;
use crate::reliability::books::stats_at;
use crate::sim_serve::{Region, region};
use serde_json::{Value, json};

/// The statements that `policy` prints: those that a launch needs, and the optional ones.
fn statements(place: &Workplace) -> (Vec<String>, Vec<String>) {
    let document = place.run(&["policy", "--group", "launchers", "--output", "json"]).json();
    let of = |optional: bool| -> Vec<String> {
        let all = document["statements"].as_array().unwrap().iter();
        let all = all.filter(|one| one["optional"] == optional);
        all.map(|one| one["text"].as_str().unwrap().to_owned()).collect()
    };
    (of(false), of(true))
}

/// Lets the user of the config do what the statements say, and nothing else.
fn allow(region: &Region, statements: &[String]) {
    let group = json!({"name": "launchers", "users": ["user-2"]});
    region.post("/_sim/policies", &json!({"groups": [group], "statements": statements}));
}

fn state_of<'a>(document: &'a Value, check: &str) -> &'a Value {
    let mut checks = document["checks"].as_array().unwrap().iter();
    &checks.find(|one| one["check"] == check).unwrap_or_else(|| panic!("{check} is not in {document}"))["state"]
}

#[test]
fn what_policy_prints_is_needed_and_enough() {
    let (place, region) = region(&[]);
    let (needed, optional) = statements(&place);
    for (at, missing) in needed.iter().enumerate() {
        let rest: Vec<String> = [&needed[..at], &needed[at + 1..], &optional[..]].concat();
        allow(&region, &rest);
        let ended = place.run(&["launch", "--count", "1", "--yes"]);
        assert_eq!(ended.code, 4, "without {missing}: {}", ended.stderr);
        assert!(ended.stderr.contains("404 NotAuthorizedOrNotFound"), "without {missing}: {}", ended.stderr);
    }
    allow(&region, &needed);
    let ended = place.run(&["launch", "--count", "2", "--yes", "--output", "json"]);
    assert_eq!((ended.code, &ended.json()["running"]), (0, &json!(2)), "{}", ended.stderr);

    allow(&region, &[needed, optional].concat());
    let document = place.run(&["doctor", "--output", "json"]).json();
    for check in ["login", "image", "subnet", "policy", "limits", "capacity", "leftovers"] {
        assert_eq!(state_of(&document, check), "ok", "{check}: {document}");
    }
}

#[test]
fn a_policy_taken_in_mid_run_is_resumed_when_given_back() {
    let (place, region) = region(&[]);
    let (needed, optional) = statements(&place);
    let all = [needed, optional].concat();
    allow(&region, &all);
    // Only three launches are admitted until the policy is gone.
    let throttled = json!({"answer": {"status": 429, "code": "TooManyRequests", "message": "busy"}});
    let nth: Vec<u32> = (4..=9999).collect();
    let rule = json!({"operations": ["LaunchInstance"], "nth": nth, "fault": throttled});
    region.post("/_sim/faults", &json!({"replace": [rule]}));
    let mut launch = place.command(&["launch", "--count", "8", "--yes", "--output", "json"]);
    let launch = launch.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let child = launch.spawn().unwrap();
    let launches =
        |what: &str| stats_at(&region.endpoint)["operations"]["LaunchInstance"][what].as_u64().unwrap_or(0);
    while launches("ok") < 3 || launches("throttled") < 1 {
        std::thread::yield_now();
    }
    let lost: Vec<String> =
        all.iter().map(|text| text.replace("to manage instances in", "to read instances in")).collect();
    assert_ne!(lost, all);
    allow(&region, &lost);
    region.post("/_sim/faults", &json!({"replace": []}));
    let ended = crate::program::Ended::from(child.wait_with_output().unwrap());
    let document = ended.json();
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    assert_eq!((&document["launched"], &document["failed"]), (&json!(3), &json!(5)), "{document}");
    let rows = document["instances"].as_array().unwrap().iter();
    let refused = rows.filter(|row| row["error"]["code"] == "NotAuthorizedOrNotFound").count();
    assert_eq!(refused, 5, "each slot has its reason: {document}");
    let warnings = document["warnings"].to_string();
    assert!(warnings.contains("to manage instances in compartment"), "{warnings}");

    allow(&region, &all);
    let resumed = place.run(&["resume", "--yes", "--output", "json"]);
    assert_eq!((resumed.code, &resumed.json()["running"]), (0, &json!(8)), "{}", resumed.stderr);
    let instances = &stats_at(&region.endpoint)["instances"];
    assert_eq!(instances, &json!({"RUNNING": 8}), "none is lost or doubled");
}

#[test]
fn a_policy_that_is_not_understood_starts_no_region() {
    let place = Workplace::empty();
    for (text, told) in [
        (
            "policies: {statements: [Allow group x to use vnics in tenancy]}",
            "policies.statements[0]: column 7: there is no group `x`",
        ),
        (
            "policies: {statements: [Allow any-user to use vnics in compartment nowhere]}",
            "a compartment that does not exist: nowhere",
        ),
        // A key without a value must not allow everybody everything.
        ("policies:\n", "scenario.yaml:1:9: expected mapping"),
    ] {
        place.write("scenario.yaml", text);
        let words =
            ["sim", "serve", "--scenario", "scenario.yaml", "--listen", "127.0.0.1:0", "--home", "sim"];
        let ended = place.run(&words);
        assert_eq!(ended.code, 2, "{text}: {}", ended.stderr);
        assert!(ended.stderr.contains(told), "{text}: {}", ended.stderr);
    }
}
