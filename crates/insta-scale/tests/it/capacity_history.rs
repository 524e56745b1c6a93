//! `capacity history` with the real program: the memory of launches is shown, used by `plan`, and forgotten on request.

use crate::program::{Ended, Workplace};
use crate::sim_serve::region;
use std::path::PathBuf;

fn launch_three(place: &Workplace) -> Ended {
    let config = std::fs::read_to_string(place.path().join("config.yaml")).unwrap();
    let domain = config.lines().find(|line| line.trim_start().starts_with("availability_domain:")).unwrap();
    place.write("config.yaml", config.replace(domain, "  availability_domain: [AD-1, AD-2]"));
    place.run(&["launch", "--count", "3", "--no-wait", "--new", "--output", "json"])
}

fn history(place: &Workplace, more: &[&str]) -> Ended {
    place.run(&[&["capacity", "history"], more].concat())
}

fn memory_file(place: &Workplace) -> PathBuf {
    let mut folders = vec![place.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            if entry.file_name() == "capacity.db" {
                return entry.path();
            }
            if entry.path().is_dir() {
                folders.push(entry.path());
            }
        }
    }
    panic!("no capacity.db");
}

#[test]
fn answers_of_targets_are_shown_and_forgotten() {
    let (place, _region) = region(&["--scenario", "stockout"]);
    let before = history(&place, &[]);
    assert_eq!(before.code, 0, "{}", before.stderr);
    assert!(before.stderr.contains("no launch of this machine has asked for capacity"), "{}", before.stderr);
    let launched = launch_three(&place);
    assert_eq!((launched.code, &launched.json()["launched"]), (0, &3.into()), "{}", launched.stderr);
    let shown = history(&place, &["--output", "json"]).json();
    let targets = shown["targets"].as_array().unwrap();
    assert_eq!(targets.len(), 2, "{shown}");
    let dry = targets.iter().find(|target| !target["last_refusal"].is_null()).unwrap();
    assert_eq!(
        (&dry["kind"], &dry["last_refusal"]["class"], &dry["launch_budget"], &dry["score"]),
        (&"target".into(), &"capacity".into(), &1.into(), &0.0.into())
    );
    assert!(dry["availability_domain"].as_str().unwrap().ends_with("AD-1"), "{dry}");
    assert!(dry["last_refusal"]["opc_request_id"].is_string(), "{dry}");
    let rich = targets.iter().find(|target| target["last_refusal"].is_null()).unwrap();
    assert_eq!((&rich["score"], &rich["by_age"][0]["yielded"]), (&1.0.into(), &3.into()), "{rich}");
    assert!(history(&place, &[]).stdout.contains("AD-1"), "a table for people");
    let plan = place.run(&["plan"]);
    assert!(plan.stdout.contains("score 0.00, refused (capacity)"), "{}", plan.stdout);
    let plan = place.run(&["plan", "--output", "json"]).json();
    assert_eq!(plan["memory"].as_array().unwrap().len(), 2, "{plan}");
    let elsewhere = history(&place, &["--region", "eu-frankfurt-1", "--forget"]);
    assert!(elsewhere.stderr.contains("forgot 0 targets"), "{}", elsewhere.stderr);
    assert!(history(&place, &["--forget"]).stderr.contains("forgot 2 targets"));
    assert!(history(&place, &["--output", "json"]).json()["targets"].as_array().unwrap().is_empty());
}

#[test]
fn a_damaged_memory_stops_no_launch() {
    let (place, _region) = region(&[]);
    assert_eq!(launch_three(&place).code, 0);
    let file = memory_file(&place);
    std::fs::write(&file, "not a database, whatever its name says, and long enough to be one").unwrap();
    let again = launch_three(&place);
    assert_eq!(again.code, 0, "{}", again.stderr);
    let aside = file.with_file_name("capacity.db.damaged-1");
    assert!(again.stderr.contains("the capacity memory was damaged"), "{}", again.stderr);
    assert!(std::fs::read_to_string(aside).unwrap().starts_with("not a database"));
    assert!(!history(&place, &["--output", "json"]).json()["targets"].as_array().unwrap().is_empty());
}

#[test]
fn targets_of_two_tenancies_are_told_apart() {
    let (place, _region) = region(&[]);
    let (other, _another) = region(&[]);
    assert_eq!(place.run(&["launch", "--count", "1", "--yes"]).code, 0);
    let one = history(&place, &[]).stdout;
    let file = other.path().join("config.yaml");
    let config = file.to_str().unwrap();
    assert_eq!(place.run(&["launch", "--config", config, "--count", "1", "--new", "--yes"]).code, 0);
    let both = history(&place, &[]).stdout;
    let cells = |text: &str| -> Vec<String> {
        text.lines().skip(1).map(|line| line.split_whitespace().next().unwrap().to_owned()).collect()
    };
    assert_eq!((cells(&one).len(), cells(&both).len()), (1, 2), "{both}");
    assert!(both.starts_with("TENANCY ") && cells(&both)[0] != cells(&both)[1], "{both}");
}
