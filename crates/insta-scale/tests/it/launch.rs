//! Whole launches of the real program against the simulated region.

use crate::bad_config::GOOD;
use crate::program::Workplace;
use serde_json::Value;
use std::collections::BTreeSet;

/// Fast enough that an instance boots in tenths of a second.
const SPEED: &str = "300";

#[test]
fn a_rehearsal_launches_names_and_remembers_every_instance() {
    let place = Workplace::with_config(GOOD);
    let ended = place.run(&["--simulate", "--speed", SPEED, "--count", "12", "--output", "json"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let document = ended.json();
    let instances = document["instances"].as_array().unwrap();
    let names: Vec<&str> = instances.iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(names, (1..=12).map(|n| format!("web-{n}")).collect::<Vec<_>>());
    let ocids: BTreeSet<&str> = instances.iter().map(|row| row["ocid"].as_str().unwrap()).collect();
    assert_eq!(ocids.len(), 12);
    assert!(instances.iter().all(|row| row["state"] == "RUNNING" && row["error"].is_null()));

    let run = document["run_id"].as_str().unwrap();
    let listed = place.run(&["runs", "--simulated"]).stdout;
    assert!(listed.contains(run) && listed.contains("complete"), "{listed}");
    assert_eq!(place.run(&["runs"]).stdout, "", "a rehearsal is kept apart from real runs");
    let shown = place.run(&["show", &run[..13], "--simulated", "--output", "json"]).json();
    assert_eq!(shown, without_what_was_read_once(document), "a run is shown as it was summed up");
}

/// The document as `show` prints it later: addresses and prices are not stored.
fn without_what_was_read_once(mut document: Value) -> Value {
    for key in ["price_per_hour", "price_per_30_days", "currency"] {
        assert!(!document[key].is_null(), "{key}");
        document[key] = Value::Null;
    }
    for row in document["instances"].as_array_mut().unwrap() {
        for key in ["private_ip", "public_ip"] {
            assert!(row[key].is_string(), "{row}");
            row[key] = Value::Null;
        }
    }
    document
}

#[test]
fn a_stockout_in_a_single_domain_region_is_explained() {
    let place = Workplace::with_config(
        &GOOD.replace("us-phoenix-1", "us-sanjose-1").replace(".phx.", ".us-sanjose-1."),
    );
    let arguments = ["--simulate=stockout", "--speed", SPEED, "--count", "1"];
    let ended = place.run(&arguments);
    assert_eq!(ended.code, 4, "{}", ended.stderr);
    let warning = "warning: the scenario leaves no host in us-sanjose-1, whose one availability domain is full: no \
         launch will find capacity\n";
    assert!(ended.stderr.contains(warning), "{}", ended.stderr);
    let ended = place.run(&["--simulate", "--speed", SPEED, "--count", "1"]);
    assert!(ended.code == 0 && !ended.stderr.contains("warning: the scenario"), "{}", ended.stderr);
}

#[test]
fn the_document_has_exactly_the_fields_that_are_documented() {
    let place = Workplace::with_config(GOOD);
    let text = GOOD.replace("availability_domain: AD-1", "availability_domain: [AD-1]");
    place.write("config.yaml", text);
    let arguments = ["--simulate=stockout", "--speed", SPEED, "--count", "1", "--output", "json"];
    let ended = place.run(&arguments);
    assert_eq!(ended.code, 4, "{}", ended.stderr);
    let document = ended.json();
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
    assert_eq!(
        keys(&document),
        "schema_version simulated run_id requested launched running failed given_back obtained strategy warnings elapsed_s requests price_per_hour price_per_30_days currency expires targets instances"
    );
    let row = &document["instances"][0];
    assert_eq!(
        keys(row),
        "slot name ocid state availability_domain fault_domain shape ocpus memory_gb capacity_type attempts launched_at running_at ready_in_s private_ip public_ip waited_s given_up error"
    );
    assert_eq!(keys(&row["error"]), "class code message opc_request_id hint");
    assert_eq!(row["error"]["class"], "capacity");
    assert_eq!(keys(&document["requests"]["LaunchInstance"]), "ok throttled failed");
    let described = include_str!("../../../../docs/output.md");
    for key in keys(&document).split(' ').chain(keys(row).split(' ')) {
        assert!(described.contains(&format!("`{key}`")), "docs/output.md does not describe {key}");
    }
    assert!(ended.stderr.contains("hint: create a capacity reservation"), "{}", ended.stderr);
}

#[test]
fn json_lines_stream_events_and_end_with_the_summary() {
    let place = Workplace::with_config(GOOD);
    let ended = place.run(&["--simulate", "--speed", SPEED, "--output", "jsonl"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let lines: Vec<Value> = ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let types: Vec<&str> = lines.iter().map(|line| line["type"].as_str().unwrap()).collect();
    assert_eq!((types[0], *types.last().unwrap()), ("run_started", "summary"));
    assert_eq!(types.iter().filter(|kind| **kind == "running").count(), 3);
    assert_eq!(lines.last().unwrap()["running"], 3);
    let intended = types.iter().position(|kind| *kind == "launch_intended").unwrap();
    let launched = types.iter().position(|kind| *kind == "launched").unwrap();
    assert!(intended < launched, "an intent comes before what it announces: {types:?}");
}

#[test]
fn off_a_terminal_progress_is_plain_lines_on_stderr() {
    let place = Workplace::with_config(GOOD);
    let ended = place.run(&["--simulate", "--speed", SPEED]);
    assert!(ended.stderr.contains("[3/3] launched web-"), "{}", ended.stderr);
    assert!(ended.stderr.contains("[3/3] running web-"), "{}", ended.stderr);
    assert!(
        !ended.stderr.contains('\u{1b}') && !ended.stdout.contains('\u{1b}'),
        "no escapes off a terminal"
    );
    assert!(
        ended.stdout.contains("3 instances requested: 3 launched, 3 running, 0 failed"),
        "{}",
        ended.stdout
    );
    let quiet = place.run(&["--simulate", "--speed", SPEED, "--quiet"]);
    assert_eq!((quiet.code, quiet.stderr.as_str()), (0, ""));
}

#[test]
fn without_the_wait_a_launch_is_done_when_all_are_launched() {
    let place = Workplace::with_config(GOOD);
    let ended = place.run(&["--simulate", "--speed", "0.1", "--no-wait", "--output", "json"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!((&ended.json()["launched"], &ended.json()["running"]), (&3.into(), &0.into()));
}

#[test]
fn a_wait_that_ends_too_early_is_told_and_loses_nothing() {
    let place = Workplace::with_config(GOOD);
    let ended = place.run(&["--simulate", "--speed", "0.1", "--wait-timeout", "1s", "--output", "json"]);
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    let document = ended.json();
    assert_eq!(
        (&document["launched"], &document["running"], &document["failed"]),
        (&3.into(), &0.into(), &3.into())
    );
    assert_eq!(document["instances"][0]["error"]["class"], "wait_timeout");
    assert!(document["instances"][0]["ocid"].is_string());
}

#[test]
fn a_placement_without_capacity_makes_way_for_the_next() {
    let text = GOOD.replace("availability_domain: AD-1", "availability_domain: [AD-1, AD-2]");
    let place = Workplace::with_config(&text);
    let ended = place.run(&["--simulate=stockout", "--speed", SPEED, "--output", "json"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    for row in ended.json()["instances"].as_array().unwrap() {
        assert!(row["availability_domain"].as_str().unwrap().ends_with("AD-2"), "{row}");
    }
}

#[test]
fn an_unknown_availability_domain_is_a_config_mistake() {
    let place = Workplace::with_config(&GOOD.replace("AD-1", "AD-7"));
    let ended = place.run(&["--simulate"]);
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    let place = "config.yaml:16:24: availability_domain: `AD-7` is not an availability domain";
    assert!(ended.stderr.contains(place), "{}", ended.stderr);
    assert!(ended.stderr.contains("config.yaml: 1 mistake; nothing was launched"), "{}", ended.stderr);
}

#[test]
fn the_users_reservation_exists_in_a_rehearsal() {
    let reserved = "  capacity_reservation_id: ocid1.capacityreservation.oc1.phx.aaaaexample\n";
    let place = Workplace::with_config(&format!("{GOOD}{reserved}"));
    let ended = place.run(&["--simulate", "--speed", SPEED, "--output", "json"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
}
