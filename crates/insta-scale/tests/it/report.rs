//! `report` with the real program: pages, Markdown and JSON of runs and fleets.

use crate::hunt::EXAMPLE;
use crate::program::Workplace;
use crate::sim_serve::region;
use std::path::Path;

/// The only line of stdout, which names the file.
fn written(place: &Workplace, arguments: &[&str]) -> String {
    let ended = place.run(arguments);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    std::fs::read_to_string(ended.stdout.trim_end()).unwrap()
}

#[test]
fn a_report_follows_a_run_until_its_instances_end() {
    let (place, _region) = region(&[]);
    let launched = place.run(&["launch", "--count", "3", "--new", "--output", "json"]).json();
    let run = launched["run_id"].as_str().unwrap();
    let page = written(&place, &["report", run]);
    assert!(page.starts_with("<!doctype html>") && page.contains(run), "{page}");
    assert!(place.path().join(format!("report-{run}.html")).exists());
    let document = place.run(&["report", "--output", "json"]).json();
    assert_eq!(document["schema_version"], 1);
    let slots = document["slots"].as_array().unwrap();
    assert_eq!(slots.len(), 3);
    for (slot, instance) in slots.iter().zip(launched["instances"].as_array().unwrap()) {
        assert_eq!((&slot["name"], &slot["ocid"]), (&instance["name"], &instance["ocid"]));
        assert_eq!((&slot["result"], &slot["ready_in_s"]), (&"running".into(), &instance["ready_in_s"]));
    }
    assert_eq!(document["requests"]["LaunchInstance"]["ok"], 3);
    let hour = document["spent"]["per_hour"].as_f64().unwrap();
    assert!(hour > 0.0, "{document}");
    assert_eq!(place.run(&["instances", "terminate", "--run", run, "--yes"]).code, 0);
    let after = place.run(&["report", run, "--output", "json"]).json();
    assert_eq!(
        (&after["slots"][0]["result"], &after["spent"]["per_hour"]),
        (&"terminated".into(), &0.0.into())
    );
    assert_eq!(after["spent"]["lines"][0]["still"], 0, "{after}");
    let action = place.run(&["report", "--output", "json"]).json();
    assert_eq!(
        (&action["runs"][0]["kind"], &action["slots"][0]["result"]),
        (&"terminate".into(), &"done".into())
    );
}

#[test]
fn a_report_of_a_fleet_holds_all_its_launches() {
    let (place, _region) = region(&[]);
    for count in ["2", "1"] {
        assert_eq!(place.run(&["launch", "--count", count, "--extend"]).code, 0);
    }
    let runs = place.run(&["runs", "--output", "json"]).json()["runs"].clone();
    let prefix = runs[0]["name_prefix"].as_str().unwrap();
    let document = place.run(&["report", prefix, "--output", "json"]).json();
    assert_eq!(document["runs"].as_array().unwrap().len(), 2, "{document}");
    assert_eq!(
        (&document["runs"][0]["requested"], &document["runs"][1]["requested"]),
        (&2.into(), &1.into())
    );
    assert_eq!(document["slots"].as_array().unwrap().len(), 3);
    let text = place.run(&["report", prefix, "--format", "md"]).stdout;
    assert!(text.contains("2 launches") && text.contains("### Time to ready"), "{text}");
    // What is true of every launch is said once.
    assert_eq!(text.matches("nothing here is real").count(), 1, "{text}");
    for wrong in ["", " ", "nobody"] {
        let refused = place.run(&["report", wrong]);
        assert_eq!((refused.code, refused.stdout.as_str()), (2, ""), "{wrong:?}: {}", refused.stderr);
    }
}

#[test]
fn the_last_launch_is_meant_after_a_fleet_was_scaled() {
    let (place, _region) = region(&[]);
    assert_eq!(place.run(&["scale", "2", "--yes"]).code, 0);
    let runs = place.run(&["runs", "--output", "json"]).json()["runs"].clone();
    let of_kind = |kind: &str| {
        let found = runs.as_array().unwrap().iter().find(|run| run["kind"] == kind);
        found.unwrap()["run"].as_str().unwrap().to_owned()
    };
    let (scale, launch) = (of_kind("scale"), of_kind("launch"));
    for words in [&["report"][..], &["report", "last"], &["report", &launch]] {
        let report = place.run(&[words, &["--output", "json"]].concat()).json();
        assert_eq!(report["runs"][0]["run_id"], launch.as_str(), "{words:?}");
        assert_eq!(report["slots"].as_array().unwrap().len(), 2, "{words:?}");
    }
    for words in [&["show", "last"][..], &["show", "--why"], &["show", "last", "--why"]] {
        let shown = place.run(&[words, &["--output", "json"]].concat());
        assert_eq!(shown.json()["run_id"], launch.as_str(), "{words:?}: {}", shown.stderr);
    }
    // The record of the scaling itself launched nothing.
    let refused = place.run(&["report", &scale]);
    assert_eq!((refused.code, refused.stdout.as_str()), (2, ""), "{}", refused.stderr);
    assert!(refused.stderr.contains(&format!("run {scale} set the size")), "{}", refused.stderr);
    assert_eq!(place.run(&["resume", "last"]).code, 0);
}

#[test]
fn only_a_report_is_overwritten() {
    let place = Workplace::empty();
    assert_eq!(place.run(&["report"]).code, 2, "there is no run");
    assert!(!place.path().join("state").exists(), "nothing was created");
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config.example.yaml");
    let example = example.to_str().unwrap();
    assert_eq!(place.run(&["--config", example, "--simulate", "--count", "2", "--speed", "300"]).code, 0);
    let to = |file: &str| place.run(&["report", "--simulated", "--output-file", file]);
    place.write("notes.html", "my notes");
    let refused = to("notes.html");
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    assert!(refused.stderr.contains("exists and is no report") && refused.stderr.contains("--force"));
    assert_eq!(std::fs::read_to_string(place.path().join("notes.html")).unwrap(), "my notes");
    assert_eq!([to("page.html").code, to("page.html").code], [0, 0], "a report replaces a report");
    let forced = place.run(&["report", "--simulated", "--output-file", "notes.html", "--force"]);
    assert_eq!(forced.code, 0, "{}", forced.stderr);
    let page = std::fs::read_to_string(place.path().join("notes.html")).unwrap();
    assert!(page.contains("nothing here is real"), "the page of a simulated run says so");
    let missing = to("nowhere/page.html");
    assert_eq!(missing.code, 2);
    assert!(missing.stderr.contains("nowhere/page.html"), "{}", missing.stderr);
    let stdout = place.run(&["report", "--simulated", "--output-file", "-"]).stdout;
    assert!(stdout.starts_with("<!doctype html>"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_leaves_the_old_report() {
    let place = Workplace::empty();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config.example.yaml");
    let example = example.to_str().unwrap();
    assert_eq!(place.run(&["--config", example, "--simulate", "--count", "2", "--speed", "300"]).code, 0);
    let page = place.write("page.html", "<!doctype html>\n<!-- oci-insta-scale report -->\nold");
    // A limit of the file size stands for the disk.
    let mut shell = place.command_of(
        "/bin/sh",
        &["-c", "ulimit -S -f 16; exec \"$PROGRAM\" report --simulated --output-file page.html"],
    );
    let ended = shell.env("PROGRAM", env!("CARGO_BIN_EXE_oci-insta-scale")).output().unwrap();
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    assert!(std::fs::read_to_string(page).unwrap().ends_with("old"));
    let names: Vec<_> = place.path().read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!names.iter().any(|name| name.to_string_lossy().ends_with(".new")), "{names:?}");
}

#[test]
fn costs_are_those_of_the_report() {
    let place = Workplace::empty();
    assert_eq!(place.run(&["cost", "--simulated"]).code, 2, "there is no run yet");
    let words =
        ["launch", "--config", EXAMPLE, "--simulate", "--speed", "1000", "--count", "2", "--output", "json"];
    let launched = place.run(&words);
    assert_eq!(launched.code, 0, "{}", launched.stderr);
    let run = launched.json()["run_id"].as_str().unwrap().to_owned();
    let report = place.run(&["report", "--simulated", "--output", "json"]).json();
    let fleet = report["runs"][0]["fleet"].as_str().unwrap().to_owned();
    for named in [&["--run", &run] as &[&str], &["--run", &run[..13]], &["--fleet", &fleet], &[]] {
        let cost = place.run(&[&["cost", "--simulated", "--output", "json"], named].concat());
        assert_eq!(cost.code, 0, "{named:?}: {}", cost.stderr);
        let cost = cost.json();
        assert_eq!(cost["runs"], serde_json::json!([run]), "{named:?}");
        for field in ["currency", "spent_at_most", "per_hour", "lines", "prices_as_of", "unknown_prices"] {
            assert_eq!(cost[field], report["spent"][field], "{named:?} {field}");
        }
    }
    let shown = place.run(&["cost", "--simulated"]).stdout;
    assert!(shown.contains("WHAT") && shown.contains(" USD per hour\n"), "{shown}");
    assert!(shown.contains(", at most: ") && shown.contains("price list of "), "{shown}");
    let table = place.run(&["cost", "--simulated", "--output", "csv"]).stdout;
    assert_eq!(table.lines().next(), Some("what,count,still,hours,spent,cost_per_hour"), "{table}");
    // A fleet is no run, a run is no fleet, and nothing is neither.
    for wrong in [
        ["--run", &fleet],
        ["--fleet", &run],
        ["--fleet", ""],
        ["--fleet", " "],
        ["--run", ""],
        ["--run", "zz"],
    ] {
        let refused = place.run(&[&["cost", "--simulated"], &wrong[..]].concat());
        assert_eq!(refused.code, 2, "{wrong:?}: {}", refused.stderr);
    }
    assert_eq!(place.run(&["cost", "--simulated", "--run", &run, "--fleet", &fleet]).code, 2);
}
