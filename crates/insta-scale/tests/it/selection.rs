//! Commands act only on what a person meant: blank selectors, wildcards, active runs, expiries, and the messages at the end of
//! a command.

use crate::program::{Ended, Workplace};
use crate::sim_serve::{Region, region_at};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Stdio};

const MANAGE: &str = env!("CARGO_BIN_EXE_manage-instances");
const MANAGER: &str = env!("CARGO_BIN_EXE_capacity-manager");

/// A region whose time runs 600 times as fast.
fn region(more: &[&str]) -> (Workplace, Region) {
    region_at("600", more)
}

fn launched(place: &Workplace, arguments: &[&str]) -> Value {
    let ended = place.run(&[arguments, &["--output", "json"]].concat());
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    ended.json()
}

/// Instances that are not terminating.
fn living(place: &Workplace) -> Vec<Value> {
    let listed = place.run(&["instances", "list", "--no-ips", "--output", "json"]);
    assert_eq!(listed.code, 0, "{}", listed.stderr);
    let mut rows = listed.json()["instances"].as_array().unwrap().clone();
    rows.retain(|row| !row["state"].as_str().unwrap().starts_with("TERMINAT"));
    rows
}

/// A launch of 40 that takes ten seconds, after it has launched three.
fn at_work(place: &Workplace) -> Child {
    at_work_with(place, &[])
}

fn at_work_with(place: &Workplace, more: &[&str]) -> Child {
    let arguments = [&["--count", "40", "--rate", "4"], more].concat();
    let mut child = place.command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    let mut told = String::new();
    while !told.contains("[3/40] launched") {
        assert_ne!(lines.read_line(&mut told).unwrap(), 0, "{told}");
    }
    // A full pipe must not block the program.
    std::thread::spawn(move || lines.read_to_string(&mut String::new()));
    child
}

#[test]
fn a_blank_selector_is_refused_everywhere() {
    let place = Workplace::empty();
    let ours: [&[&str]; 14] = [
        &["instances", "terminate", "--run", "", "-y"],
        &["instances", "stop", "--run", " ", "-y"],
        &["instances", "list", "--run", ""],
        &["instances", "stop", "--ad", "", "-y"],
        &["instances", "stop", "--shape", "", "-y"],
        &["instances", "stop", "--prefix", "", "-y"],
        &["instances", "stop", "-c", "", "--all", "-y"],
        &["instances", "stop", "--file", "", "-y"],
        &["instances", "stop", "", "-y"],
        &["instances", "extend", "--run", "", "--ttl", "8h", "-y"],
        &["cleanup", "--run", "", "-y"],
        &["export", "json", "--run", ""],
        &["show", ""],
        &["resume", ""],
    ];
    let theirs: [(&str, &[&str]); 5] = [
        (MANAGE, &["terminate", "-c", "", "-y"]),
        (MANAGE, &["stop", "-c", "ocid1.compartment.oc1..a", "-p", "", "-y"]),
        (MANAGER, &["-delete", "-id", "", "-y"]),
        (MANAGER, &["-create", "-name", "", "-ad", "AD-1", "-shape", "S", "-count", "1"]),
        (MANAGER, &["-create", "-name", "prod", "-ad", "", "-shape", "S", "-count", "1"]),
    ];
    let ours = ours.map(|words| (env!("CARGO_BIN_EXE_oci-insta-scale"), words));
    for (program, words) in ours.into_iter().chain(theirs) {
        let ended: Ended = place.command_of(program, words).output().unwrap().into();
        assert_eq!(ended.code, 2, "{words:?}: {}", ended.stderr);
        let said = ended.stderr.contains("is blank") || ended.stderr.contains("a value is required");
        assert!(said, "{words:?}: {}", ended.stderr);
    }
}

#[test]
fn an_empty_variable_is_one_that_is_not_set() {
    let place = Workplace::empty();
    for name in ["OCI_INSTA_SCALE_CONFIG", "OCI_INSTA_SCALE_ENDPOINT", "OCI_INSTA_SCALE_STATE_DIR"] {
        let ended: Ended = place.command(&["runs"]).env(name, "").output().unwrap().into();
        assert_eq!((ended.code, ended.stderr.as_str()), (0, "no runs yet\n"), "{name}");
    }
}

#[test]
fn a_run_at_work_keeps_its_instances() {
    let (place, _region) = region(&[]);
    let mut launch = at_work(&place);
    let one = living(&place)[0].clone();
    let (name, ocid) = (one["name"].as_str().unwrap(), one["ocid"].as_str().unwrap());
    let prefix = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let process = format!("is still active: process {} on", launch.id());
    for words in [
        &["terminate", "--run", "last"][..],
        &["terminate", "--prefix", prefix],
        &["terminate", ocid],
        &["stop", name],
        &["reboot", "--tag", "oci-insta-scale-slot=1"],
        &["terminate", "--all"],
    ] {
        let refused = place.run(&[&["instances"], words].concat());
        assert_eq!(refused.code, 2, "{words:?}: {}", refused.stderr);
        assert!(refused.stderr.contains(&process), "{words:?}: {}", refused.stderr);
        assert!(refused.stderr.contains("--stop-run"), "{words:?}: {}", refused.stderr);
    }
    // Nothing was confirmed, so nothing is stopped.
    let unconfirmed: Ended = place
        .unconfirmed(&["instances", "terminate", "--run", "last", "--stop-run"])
        .output()
        .unwrap()
        .into();
    assert_eq!(unconfirmed.code, 2, "{}", unconfirmed.stderr);
    assert_eq!(launch.try_wait().unwrap(), None);

    let started = place.run(&["instances", "start", "--run", "last", "--stop-run"]);
    assert_eq!(started.code, 0, "{}", started.stderr);
    assert_eq!(launch.wait().unwrap().code(), Some(130));

    // A request left by a requester that died stops no run.
    let run = place.run(&["runs", "--output", "json"]).json()["runs"].clone();
    let run = run.as_array().unwrap().iter().find(|run| run["kind"] == "launch").unwrap().clone();
    let run = run["run"].as_str().unwrap();
    place.write(&format!("state/runs/{run}.stop"), "");
    let resumed = place.run(&["resume", run]);
    assert_eq!(resumed.code, 0, "{}", resumed.stderr);
    assert_eq!(living(&place).len(), 40);
}

/// The run of the newest launch, as `runs` lists it.
fn last_launch(place: &Workplace) -> Value {
    let runs = place.run(&["runs", "--output", "json"]).json()["runs"].clone();
    runs.as_array().unwrap().iter().find(|run| run["kind"] == "launch").unwrap().clone()
}

/// Checks that a run is over: it cannot be resumed, and another launch may begin.
fn is_over(place: &Workplace, launched: u64) {
    let run = last_launch(place);
    assert_eq!((&run["outcome"], &run["launched"]), (&"stopped".into(), &launched.into()), "{run}");
    let run = run["run"].as_str().unwrap();
    for words in [&["resume"][..], &["resume", run]] {
        let refused = place.run(words);
        assert_eq!(refused.code, 2, "{words:?}: {}", refused.stderr);
        let said = format!("`instances terminate --stop-run` ended run {run}");
        assert!(refused.stderr.contains(&said), "{words:?}: {}", refused.stderr);
    }
    assert!(living(place).is_empty());
}

#[test]
fn a_terminated_run_launches_nothing_more() {
    let (place, _region) = region(&[]);
    let mut launch = at_work(&place);
    let ended = place.run(&["instances", "terminate", "--run", "last", "--stop-run"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(launch.wait().unwrap().code(), Some(130));
    let count = last_launch(&place)["launched"].as_u64().unwrap();
    assert!(
        ended.stderr.contains(&format!("will not launch the remaining {} instances", 40 - count)),
        "{}",
        ended.stderr
    );
    is_over(&place, count);
    // Nothing blocks the next launch.
    let next = launched(&place, &["--count", "2"]);
    assert_eq!(next["running"], 2);

    // An interrupted run without a process ends in the same way, and so does one without instances.
    let cut = ["--new", "--count", "6", "--rate", "1", "--deadline", "2s", "--no-wait"];
    assert_eq!(place.run(&cut).code, 3);
    let count = last_launch(&place)["launched"].as_u64().unwrap();
    let terminated = place.run(&["instances", "terminate", "--all"]);
    assert_eq!(terminated.code, 0, "{}", terminated.stderr);
    assert_eq!(last_launch(&place)["outcome"], "cut_short");
    let ended = place.run(&["instances", "terminate", "--run", "last", "--stop-run", "--output", "json"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    is_over(&place, count);
}

#[test]
fn extending_a_launch_at_work_is_told() {
    let (place, _region) = region(&[]);
    let mut launch = at_work_with(&place, &["--ttl", "2h"]);
    let extended = place.run(&["instances", "extend", "--run", "last", "--ttl", "4h"]);
    assert_eq!(extended.code, 0, "{}", extended.stderr);
    let said = format!("is still active (process {} on", launch.id());
    assert!(extended.stderr.contains(&said), "{}", extended.stderr);
    assert_eq!(launch.wait().unwrap().code(), Some(0));
    // Follows the hint word for word: the same command now reaches all of them and has nothing more to report.
    let again = place.run(&["instances", "extend", "--run", "last", "--ttl", "4h", "--output", "json"]);
    assert_eq!(again.code, 0, "{}", again.stderr);
    assert_eq!(again.json()["instances"].as_array().unwrap().len(), 40);
    assert!(!again.stderr.contains("still active"), "{}", again.stderr);
}

#[test]
fn a_wildcard_is_named_and_never_a_success() {
    let (place, _region) = region(&[]);
    let document = launched(&place, &["--count", "4"]);
    let name = document["instances"][0]["name"].as_str().unwrap();
    let prefix = name.strip_suffix('1').unwrap();
    let upper = prefix.to_uppercase();
    for (given, code, said) in [
        (format!("{prefix}*"), 2, format!("`*` is no wildcard; 4 names begin with `{prefix}`")),
        (format!("{prefix}?"), 2, format!("`?` is no wildcard; 4 names begin with `{prefix}`")),
        (
            format!("{prefix} "),
            2,
            format!("blanks are taken as part of the name; 4 names begin with `{prefix}`"),
        ),
        (
            format!("'{prefix}'"),
            2,
            format!("quotes are taken as part of the name; 4 names begin with `{prefix}`"),
        ),
        (upper, 4, format!("names are compared with case; 4 names begin with `{prefix}`")),
    ] {
        let ended = place.run(&["instances", "stop", "--prefix", &given]);
        assert_eq!(ended.code, code, "{given}: {}", ended.stderr);
        assert!(ended.stderr.contains(&said), "{given}: {}", ended.stderr);
    }
    // As a name it is missing, which is already a failure.
    let named = place.run(&["instances", "stop", &format!("{prefix}*")]);
    assert_eq!(named.code, 4, "{}", named.stderr);
    assert!(named.stderr.contains(&format!("(--prefix {prefix})")), "{}", named.stderr);
    // `--allow-empty` does not cover a mistaken selector.
    let allowed = place.run(&["instances", "stop", "--prefix", &format!("{prefix}*"), "--allow-empty"]);
    assert_eq!(allowed.code, 2, "{}", allowed.stderr);
    assert!(living(&place).iter().all(|row| row["state"] == "RUNNING"));
}

#[test]
fn an_extension_never_brings_the_end_nearer() {
    let (place, _region) = region(&[]);
    let before = launched(&place, &["--count", "2", "--ttl", "8h"])["expires"].clone();
    let listed = place.run(&["instances", "list"]);
    assert!(listed.stdout.contains("EXPIRES"), "{}", listed.stdout);
    assert!(living(&place).iter().all(|row| row["expires"] == before), "{before}");

    let refused = place.run(&["instances", "extend", "--run", "last", "--ttl", "4h"]);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    assert!(refused.stderr.contains("with an expiry after"), "{}", refused.stderr);
    assert!(living(&place).iter().all(|row| row["expires"] == before));

    let name = living(&place)[0]["name"].as_str().unwrap().to_owned();
    let longer = place.run(&["instances", "extend", &name, "--ttl", "2d"]);
    assert_eq!(longer.code, 0, "{}", longer.stderr);
    // One is extended; the other already expires later.
    let both = place.run(&["instances", "extend", "--run", "last", "--ttl", "1d", "--output", "json"]);
    assert_eq!(both.code, 0, "{}", both.stderr);
    assert_eq!(both.json()["instances"].as_array().unwrap().len(), 1);
    assert!(both.stderr.contains("left alone: 1 instance with a later expiry"), "{}", both.stderr);
    let shorter = place.run(&["instances", "extend", "--run", "last", "--ttl", "4h", "--shorten"]);
    assert_eq!(shorter.code, 0, "{}", shorter.stderr);
    assert!(living(&place).iter().all(|row| row["expires"].as_str() < before.as_str()));
    let nobody = place.run(&["instances", "extend", "--prefix", "zzz", "--ttl", "4h"]);
    assert_eq!(nobody.code, 4, "{}", nobody.stderr);
}

#[test]
fn the_end_of_a_launch_tells_what_comes_next() {
    let (place, _region) = region(&[]);
    let ended = place.run(&["--config", "config.yaml", "--count", "2"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stdout.contains("PUBLIC IP") && ended.stdout.contains("129.146.0."), "{}", ended.stdout);
    assert!(ended.stdout.contains("per hour, ") && ended.stdout.contains("(720 hours)"), "{}", ended.stdout);
    let run = ended.stdout.lines().find_map(|line| line.strip_prefix("run ")).unwrap();
    let next: Vec<&str> = ended
        .stderr
        .lines()
        .filter_map(|line| line.split_once(" oci-insta-scale "))
        .map(|(_, words)| words)
        .collect();
    assert_eq!(next.len(), 2, "{}", ended.stderr);
    assert!(next.iter().all(|words| words.contains(run)), "{next:?}");
    for words in next {
        let words: Vec<&str> = words.split(" > ").next().unwrap().split(' ').collect();
        let followed: Ended = place
            .unconfirmed(&words)
            .args(words.contains(&"terminate").then_some("-y"))
            .output()
            .unwrap()
            .into();
        assert_eq!(followed.code, 0, "{words:?}: {}", followed.stderr);
    }
    assert!(living(&place).is_empty());
}

#[test]
fn a_dry_run_exits_as_the_launch_would() {
    let (place, _region) = region(&[]);
    let dry = |more: &[&str]| place.run(&[&["--dry-run"], more].concat());
    assert_eq!(dry(&[]).code, 0);
    assert_eq!(dry(&["--max-cost-per-hour", "0.0001"]).code, 2);
    let config = std::fs::read_to_string(place.path().join("config.yaml")).unwrap();
    // Larger than any limit, so every launch is refused.
    place.write("huge.yaml", config.replace("ocpus: 1", "ocpus: 100000"));
    let huge = dry(&["--config", "huge.yaml"]);
    assert!([2, 4].contains(&huge.code), "{} {}", huge.code, huge.stderr);

    let key = std::fs::read_dir(place.path().join("sim")).unwrap().filter_map(|file| {
        let path = file.unwrap().path();
        (path.extension()? == "pem").then_some(path)
    });
    let key = key.min().unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    for more in [&[][..], &["--offline"]] {
        let open = dry(more);
        assert_eq!(open.code, 0, "{}", open.stderr);
        assert!(open.stderr.contains("can be read by others"), "{more:?}: {}", open.stderr);
    }
    std::fs::remove_file(&key).unwrap();
    for more in [&[][..], &["--offline"]] {
        let gone = dry(more);
        assert_eq!(gone.code, 2, "{}", gone.stderr);
        assert!(gone.stderr.contains("a launch would stop here"), "{more:?}: {}", gone.stderr);
    }
    let launch = place.run(&[]);
    assert_eq!(launch.code, 2, "{}", launch.stderr);
}
