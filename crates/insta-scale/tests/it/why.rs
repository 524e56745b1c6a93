//! `show --why` and the summary of a launch with the real program: the responses of each target.

use crate::program::Workplace;
use crate::sim_serve::region;

/// Launches one instance in AD-1, which has no hosts.
fn refused(place: &Workplace) -> crate::program::Ended {
    let config = std::fs::read_to_string(place.path().join("config.yaml")).unwrap();
    let domain = config.lines().find(|line| line.trim_start().starts_with("availability_domain:")).unwrap();
    place.write("config.yaml", config.replace(domain, "  availability_domain: AD-1"));
    place.run(&["launch", "--count", "1", "--new", "--output", "json"])
}

#[test]
fn show_why_agrees_with_the_document_of_the_launch() {
    let (place, _region) = region(&["--scenario", "stockout"]);
    let launched = refused(&place);
    assert_eq!(launched.code, 4, "{}", launched.stderr);
    let document = launched.json();
    let target = &document["targets"][0];
    let id = target["error"]["opc_request_id"].as_str().unwrap();
    assert_eq!((&target["obtained"], &target["attempts"]), (&0.into(), &target["refused"]));
    assert!(target["given_up"]["at"].is_string() && target["first_at"].is_string(), "{target}");
    assert!(launched.stderr.contains("by target:") && launched.stderr.contains(id), "{}", launched.stderr);
    assert_eq!(place.run(&["show", "--output", "json"]).json()["targets"], document["targets"]);
    let why = place.run(&["show", "--why", "--output", "json"]).json();
    assert_eq!(why["targets"], document["targets"]);
    assert_eq!(why["slots"][0]["given_up"]["why"], "no capacity in the time or tries allowed", "{why}");
    let table = place.run(&["show", "--why"]).stdout;
    assert!(table.contains("TARGET") && table.contains("AD-1") && table.contains(id), "{table}");
    assert!(table.contains("Out of host capacity."), "{table}");
    let last = table.lines().last().unwrap();
    assert!(
        last.contains("0 launched, 0 running, 1 failed"),
        "the last line agrees with the exit code: {last}"
    );
}

#[test]
fn why_is_asked_of_launches_only() {
    let (place, _region) = region(&[]);
    assert_eq!(place.run(&["launch", "--count", "1", "--new"]).code, 0);
    assert_eq!(place.run(&["instances", "stop", "--run", "last"]).code, 0);
    let stopped =
        place.run(&["runs", "--output", "json"]).json()["runs"][0]["run"].as_str().unwrap().to_owned();
    let refused = place.run(&["show", &stopped, "--why"]);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    assert!(refused.stderr.contains("--why explains launches"), "{}", refused.stderr);
    // Without a run, the last launch is meant.
    let launch = place.run(&["show", "--why", "--output", "json"]).json();
    assert_eq!((&launch["requested"], launch["run_id"] != stopped.as_str()), (&1.into(), true));
}
