//! `hunt` with the real program: its flags, its consent, one probe at a time, and resuming.

use crate::program::Workplace;
use crate::sim_serve::region;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A config that needs no key.
const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config.example.yaml");

fn heartbeat(folder: &Path) -> Option<(PathBuf, Value)> {
    for entry in std::fs::read_dir(folder).ok()?.flatten() {
        let name = entry.file_name().into_string().ok()?;
        if name.starts_with("hunt-") && name.contains(".json") {
            let text = std::fs::read_to_string(entry.path()).unwrap();
            return Some((entry.path(), serde_json::from_str(&text).unwrap()));
        }
        if entry.path().is_dir()
            && let Some(found) = heartbeat(&entry.path())
        {
            return Some(found);
        }
    }
    None
}

#[test]
fn a_simulated_hunt_ends_when_all_instances_run() {
    let place = Workplace::empty();
    let scenario = "world: {hosts: {per_fault_domain: 0}, \
                    crumbs: [{availability_domain: 1, every_seconds: 900, hosts: 3, ocpus_per_host: 4, times: 1}]}";
    place.write("late.yaml", scenario);
    let scenario = format!("--simulate={}", place.path().join("late.yaml").display());
    let words = ["hunt", "--config", EXAMPLE, &scenario, "--speed", "300", "--count", "3"];
    let hunted = place.run(&[&words[..], &["--yes", "--output", "json"]].concat());
    assert_eq!((hunted.code, &hunted.json()["running"]), (0, &3.into()), "{}", hunted.stderr);
    let said = hunted.stderr.lines().filter(|line| line.contains("Out of host capacity")).count();
    assert!((1..=6).contains(&said), "one line per target and answer: {}", hunted.stderr);
}

#[test]
fn a_floor_below_ten_seconds_is_refused_everywhere() {
    let (place, _region) = region(&[]);
    for floor in ["9s", "0s", "9999ms", "", "-10s", "10", "0", "soon"] {
        let flag = format!("--floor={floor}");
        for words in [["hunt", &flag, "--yes"].as_slice(), &["launch", "--until", "1d", &flag, "--yes"]] {
            let refused = place.run(words);
            assert_eq!(refused.code, 2, "{words:?}: {}", refused.stderr);
            assert!(refused.stderr.contains("--floor"), "{words:?}: {}", refused.stderr);
        }
    }
    let config = std::fs::read_to_string(place.path().join("config.yaml")).unwrap();
    for floor in ["9s", "0s", "", "''", "-60s", "60", "0", "[10s]", "~"] {
        place.write("config.yaml", format!("{config}\nhunt:\n  floor: {floor}\n"));
        let refused = place.run(&["hunt", "--yes", "--once"]);
        assert_eq!(refused.code, 2, "{floor:?}: {}", refused.stderr);
        assert!(refused.stderr.contains("hunt.floor"), "{floor:?}: {}", refused.stderr);
        assert!(refused.stderr.contains("config.yaml:"), "{floor:?}: {}", refused.stderr);
    }
}

#[test]
fn a_hunt_refuses_the_flags_of_other_launches() {
    let (place, _region) = region(&[]);
    let cases = [
        (vec!["hunt", "--retry-for", "2h", "--yes"], "--retry-for"),
        (vec!["hunt", "--deadline", "2h", "--yes"], "--deadline"),
        (vec!["launch", "--until", "1d", "--reserve", "--yes"], "--reserve"),
        (vec!["launch", "--floor", "60s", "--yes"], "--until"),
        (vec!["hunt", "--until", "0s", "--yes"], "--until"),
        (vec!["hunt", "--ttl", "8h", "--yes"], "--ttl"),
        (vec!["hunt", "--until", "400d", "--yes"], "--until"),
    ];
    for (words, said) in cases {
        let refused = place.run(&words);
        assert_eq!(refused.code, 2, "{words:?}: {}", refused.stderr);
        assert!(refused.stderr.contains(said), "{words:?}: {}", refused.stderr);
    }
    let unasked = place.run(&["hunt"]);
    assert_eq!(unasked.code, 2, "{}", unasked.stderr);
    assert!(unasked.stderr.contains("--yes"), "{}", unasked.stderr);
}

#[test]
fn one_probe_leaves_a_hunt_that_the_next_takes_up() {
    let scenario = "world: {hosts: {per_fault_domain: 0}}";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dry.yaml");
    std::fs::write(&file, scenario).unwrap();
    let (place, _region) = region(&["--scenario", file.to_str().unwrap()]);
    let metrics = folder.path().join("hunt.prom");
    let words =
        ["hunt", "--once", "--count", "2", "--output", "json", "--metrics", metrics.to_str().unwrap()];
    let first = place.run(&[&words[..], &["--yes"]].concat());
    assert_eq!(first.code, 6, "{}", first.stderr);
    let run = first.json()["run_id"].clone();
    assert_eq!(
        (&first.json()["failed"], &first.json()["instances"][0]["waiting"]),
        (&0.into(), &true.into())
    );
    assert!(
        first.stderr.contains("the hunt is not over; last answer: 500 InternalError"),
        "{}",
        first.stderr
    );
    // A concurrent launch of the same names would create them twice when the hunt finds capacity.
    let beside = place.run(&["launch", "--count", "1", "--yes"]);
    assert_eq!(beside.code, 2, "{}", beside.stderr);
    assert!(beside.stderr.contains("is unfinished"), "{}", beside.stderr);
    let (_, beat) = heartbeat(place.path()).unwrap();
    assert_eq!(
        (&beat["run_id"], &beat["wanted"], &beat["had"], &beat["probes"]),
        (&run, &2.into(), &0.into(), &1.into())
    );
    assert!(beat["last_answer"].as_str().unwrap().contains("capacity"), "{beat}");
    let metrics = std::fs::read_to_string(&metrics).unwrap();
    assert!(metrics.contains("oci_insta_scale_hunt_probes_total{fleet=\""), "{metrics}");
    // Consent covered all of it, and the floor does not allow another probe yet.
    let second = place.run(&words);
    assert_eq!((second.code, &second.json()["run_id"]), (6, &run), "{}", second.stderr);
    let shown = place.run(&["show", run.as_str().unwrap()]);
    assert!(shown.stdout.contains("2 × waiting"), "{}", shown.stdout);
    assert_eq!(heartbeat(place.path()).unwrap().1["probes"], 1);
    let runs = place.run(&["runs", "--output", "json"]).stdout;
    assert_eq!(runs.matches("\"created_at\"").count(), 1, "{runs}");
}

#[test]
fn the_unit_of_a_hunt_repeats_its_flags() {
    let place = Workplace::empty();
    let words = ["hunt", "--print-unit", "--floor", "30s", "--count", "4", "--config", "fleet.yaml"];
    let printed = place.run(&words);
    assert_eq!(printed.code, 0, "{}", printed.stderr);
    let command = printed.stdout.lines().find(|line| line.starts_with("ExecStart=/")).unwrap();
    assert!(command.contains(" hunt --yes --config /"), "{command}");
    assert!(command.contains(" --until 2592000s --floor 30s --count 4"), "{command}");
    assert!(printed.stdout.contains("oci-insta-scale-hunt.service"), "{}", printed.stdout);
    assert!(printed.stdout.contains("Restart=on-failure\n"), "{}", printed.stdout);
}
