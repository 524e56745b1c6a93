//! `--min`, deadlines, cost limits, extensions, and unfinished runs, with the real program against a simulated region.

use crate::bad_config::GOOD;
use crate::program::{Ended, Workplace};
use crate::sim_serve::{Region, region};
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Stdio};

/// Live instances of the compartment, by name.
fn live(place: &Workplace) -> Vec<(String, String)> {
    let listed = place.run(&["instances", "list", "--output", "json"]);
    assert_eq!(listed.code, 0, "{}", listed.stderr);
    let document = listed.json();
    let rows = document["instances"].as_array().unwrap();
    let text = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
    let mut live: Vec<(String, String)> = rows
        .iter()
        .filter(|row| !row["state"].as_str().unwrap().starts_with("TERMINAT"))
        .map(|row| (text(row, "name"), text(row, "state")))
        .collect();
    live.sort();
    live
}

/// Starts a launch, waits until this many are launched, and kills it.
fn killed_after(place: &Workplace, launched: u32, arguments: &[&str]) -> String {
    let mut child = watched_until(place, &format!("[{launched}/"), arguments).0;
    child.kill().unwrap();
    child.wait().unwrap();
    last_run(place)
}

/// Starts a launch and waits until its stderr contains `mark`.
fn watched_until(place: &Workplace, mark: &str, arguments: &[&str]) -> (Child, String) {
    let mut child = place.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    let mut told = String::new();
    while !told.lines().any(|line| line.starts_with(mark) && line.contains("launched")) {
        assert_ne!(lines.read_line(&mut told).unwrap(), 0, "{told}");
    }
    // A full pipe must not block the program.
    std::thread::spawn(move || lines.read_to_string(&mut String::new()));
    (child, told)
}

fn last_run(place: &Workplace) -> String {
    place.run(&["runs", "--output", "json"]).json()["runs"][0]["run"].as_str().unwrap().to_owned()
}

fn names(ended: &Ended) -> Vec<String> {
    let document = ended.json();
    let rows = document["instances"].as_array().unwrap();
    rows.iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
}

/// The deadline passes before all of these are launched.
const LATE: [&str; 8] = ["--count", "30", "--rate", "4", "--deadline", "4s", "--output", "json"];

fn late(more: &[&str]) -> Vec<&'static str> {
    let more = more.iter().map(|word| &*(*word).to_owned().leak());
    LATE.into_iter().chain(more).collect()
}

#[test]
fn fewer_than_min_are_given_back_and_the_report_says_so() {
    let (place, _region) = region(&[]);
    let ended = place.run(&late(&["--min", "30"]));
    assert_eq!(ended.code, 4, "{}", ended.stderr);
    let document = ended.json();
    assert_eq!((&document["launched"], &document["running"]), (&0.into(), &0.into()));
    let given_back: BTreeSet<&str> =
        document["given_back"].as_array().unwrap().iter().map(|ocid| ocid.as_str().unwrap()).collect();
    let gone = given_back.len();
    assert!((2..30).contains(&gone), "{gone}");
    assert!(ended.stderr.contains("running is below the minimum of 30: "), "{}", ended.stderr);
    let said = format!("the minimum of 30: {gone} instances with their boot volumes");
    assert!(ended.stderr.contains(&said), "{}", ended.stderr);
    assert!(!ended.stderr.contains("continue with:"), "nothing is left to go on with: {}", ended.stderr);
    assert_eq!(live(&place), Vec::new());
    let table = place.run(&["show"]);
    assert!(table.stdout.contains(&format!(", {gone} rolled back")), "{}", table.stdout);
}

#[test]
fn what_a_launch_reserved_is_given_back_with_its_instances() {
    let (place, _region) = region(&[]);
    let ended = place.run(&late(&["--min", "30", "--reserve"]));
    assert_eq!((ended.code, &ended.json()["launched"]), (4, &0.into()), "{}", ended.stderr);
    assert_eq!(live(&place), Vec::new());
    let left = place.run(&["reservation", "list", "--output", "json"]).json();
    assert_eq!(left["reservations"], serde_json::json!([]), "{}", ended.stderr);
}

#[test]
fn what_a_launch_added_to_a_reservation_is_removed() {
    let (place, _region) = region(&[]);
    let made = place.run(&["reservation", "create", "--count", "2", "--write-config"]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    let ended = place.run(&late(&["--min", "30", "--reserve"]));
    assert_eq!((ended.code, &ended.json()["launched"]), (4, &0.into()), "{}", ended.stderr);
    assert!(ended.stderr.contains("reserved 30 of 30"), "{}", ended.stderr);
    let said = "; the addition to ocid1.capacityreservation.";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
    assert!(ended.stderr.contains(", which holds 2 again\n"), "{}", ended.stderr);
    let left = place.run(&["reservation", "list", "--output", "json"]).json();
    assert_eq!(left["reservations"][0]["reserved"], 2, "{left}");
}

#[test]
fn what_is_fewer_than_min_is_kept_when_that_is_wanted() {
    let (place, _region) = region(&[]);
    let ended = place.run(&late(&["--min", "30", "--keep-partial"]));
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    let launched = ended.json()["launched"].as_u64().unwrap();
    assert!((1..30).contains(&launched), "{launched}");
    assert_eq!(live(&place).len() as u64, launched);
    assert_eq!(ended.json()["given_back"], serde_json::json!([]));
}

#[test]
fn a_deadline_ends_a_launch_and_resume_goes_on_with_the_rest() {
    let (place, _region) = region(&[]);
    // Enough instances are kept, although some are missing.
    let ended = place.run(&late(&["--min", "1", "--no-wait"]));
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    let document = ended.json();
    let launched = document["launched"].as_u64().unwrap();
    assert!((1..30).contains(&launched), "{launched}");
    let late: Vec<&Value> = document["instances"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["error"]["class"] == "deadline")
        .collect();
    assert_eq!(late.len() as u64, 30 - launched);
    assert!(
        late[0]["error"]["hint"].as_str().unwrap().contains("`resume` launches the missing instances"),
        "{}",
        late[0]
    );
    let resumed = place.run(&["resume", "--output", "json"]);
    assert_eq!((resumed.code, &resumed.json()["running"]), (0, &30.into()), "{}", resumed.stderr);
}

#[test]
fn a_least_count_above_the_count_is_a_mistake() {
    let place = Workplace::with_config(GOOD);
    for arguments in [&["--min", "4"][..], &["--min", "4", "--dry-run"], &["--min", "2", "--count", "1"]] {
        let ended = place.run(arguments);
        assert_eq!(ended.code, 2, "{}", ended.stderr);
        assert!(ended.stderr.contains("requested instances"), "{}", ended.stderr);
    }
    let alone = place.run(&["--keep-partial"]);
    assert!(alone.code == 2 && alone.stderr.contains("--min"), "{}", alone.stderr);
}

#[test]
fn a_fleet_over_budget_is_refused_before_launching() {
    let place = Workplace::with_config(GOOD);
    let dear = ["--simulate", "--count", "10", "--max-cost-per-hour", "0.2"];
    let ended = place.run(&dear);
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    insta::assert_snapshot!(ended.stderr, @r"
        error: this costs 0.3686 USD per hour, which is more than --max-cost-per-hour 0.2
        10 × VM.Standard.E4.Flex, 1 OCPU, 6 GB: 0.3400
        10 × boot volume, 50 GB, 10 VPUs per GB: 0.0286
        hint: launch fewer instances (--count), choose a smaller shape, or raise the limit; nothing was created
        ");
    assert!(!place.path().join("state").exists(), "nothing was begun");
    let enough = ["--simulate", "--speed", "300", "--max-cost-per-hour", "5", "--output", "json"];
    assert_eq!(place.run(&enough).code, 0);

    let dry = place.run(&["--dry-run", "--offline", "--count", "10", "--max-cost-per-hour", "0.2"]);
    assert_eq!(dry.code, 2, "{}", dry.stderr);
    assert!(
        dry.stdout.contains("this costs 0.3686 USD per hour, MORE THAN --max-cost-per-hour 0.2"),
        "{}",
        dry.stdout
    );
    let dry = place.run(&["--dry-run", "--max-cost-per-hour", "1", "--output", "json"]).json();
    assert_eq!((&dry["max_cost_per_hour"], &dry["currency"]), (&1.0.into(), &"USD".into()));
    assert!(dry["cost_per_hour"].as_f64().is_some_and(|cost| cost > 0.1 && cost < 0.2), "{dry}");
}

#[test]
fn a_price_that_is_not_known_is_no_price_of_nothing() {
    let place = Workplace::with_config(&GOOD.replace("VM.Standard.E4.Flex", "VM.Standard99.Flex"));
    let ended = place.run(&["--simulate", "--max-cost-per-hour", "1000"]);
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    assert!(
        ended.stderr.contains("VM.Standard99.Flex") && ended.stderr.contains("prices:"),
        "{}",
        ended.stderr
    );
    let own = "prices:\n  shapes:\n    VM.Standard.E4.Flex: {ocpu: 1, memory_gb: 1}\n";
    place.write("config.yaml", format!("{GOOD}{own}"));
    let ended = place.run(&["--simulate", "--max-cost-per-hour", "20"]);
    assert!(ended.code == 2 && ended.stderr.contains("this costs 21.0"), "{}", ended.stderr);
}

#[test]
fn a_launch_does_not_pass_over_an_unfinished_run() {
    let (place, _region) = region(&[]);
    let run = killed_after(&place, 3, &["--count", "20", "--rate", "5"]);
    let again = place.run(&["--count", "20", "--rate", "50", "--output", "json"]);
    assert_eq!(again.code, 2, "{}", again.stderr);
    assert!(again.stderr.contains(&format!("a run of config.yaml is unfinished: {run}")), "{}", again.stderr);
    assert!(again.stderr.contains("20 instances: "), "{}", again.stderr);
    assert!(again.stderr.contains(&format!("oci-insta-scale resume {run}")), "{}", again.stderr);
    assert!(again.stderr.contains("launch --new"), "{}", again.stderr);
    // A fleet with other names, and a simulated launch of this one, are ignored.
    let config = std::fs::read_to_string(place.path().join("config.yaml")).unwrap();
    place.write("other.yaml", config.replace("display_name_prefix: rehearsal", "display_name_prefix: other"));
    assert_eq!(place.run(&["--config", "other.yaml", "--count", "1"]).code, 0);
    assert_eq!(place.run(&["--simulate", "--speed", "300", "--count", "1"]).code, 0);

    let beside = place.run(&["--new", "--count", "2", "--output", "json"]);
    assert_eq!((beside.code, &beside.json()["running"]), (0, &2.into()), "{}", beside.stderr);
    let resumed = place.run(&["resume", "--output", "json"]);
    assert_eq!((resumed.code, &resumed.json()["running"]), (0, &20.into()), "{}", resumed.stderr);
    assert_eq!(resumed.json()["run_id"], run.as_str());
    let extended = place.run(&["--extend", "--count", "1"]);
    assert_eq!(extended.code, 0, "what is finished stands in nobody's way: {}", extended.stderr);
}

#[test]
fn a_run_that_made_nothing_stands_in_nobodys_way() {
    let (place, region) = region(&[]);
    let stranger = Workplace::empty();
    let other = Region::start(&stranger, &[]);
    let refused = place.run(&["--endpoint", &other.endpoint]);
    assert_eq!(refused.code, 5, "{}", refused.stderr);
    drop(other);
    assert_eq!(place.run(&["--endpoint", &region.endpoint, "--count", "1"]).code, 0);
}

#[test]
fn a_second_process_on_a_run_is_refused_and_told_who_has_it() {
    let (place, _region) = region(&[]);
    let (mut child, _) = watched_until(&place, "[2/", &["--count", "30", "--rate", "2"]);
    let run = last_run(&place);
    let second = place.run(&["resume", &run]);
    assert_eq!(second.code, 2, "{}", second.stderr);
    let holder = format!("process {} on ", child.id());
    assert!(second.stderr.contains(&format!("run {run} is held by {holder}")), "{}", second.stderr);
    let launch = place.run(&["--count", "30"]);
    assert_eq!(launch.code, 2, "{}", launch.stderr);
    assert!(launch.stderr.contains(&format!("is active: {holder}")), "{}", launch.stderr);
    assert!(!launch.stderr.contains("resume"), "{}", launch.stderr);
    child.kill().unwrap();
    child.wait().unwrap();
    let resumed = place.run(&["resume", "--output", "json"]);
    assert_eq!((resumed.code, &resumed.json()["running"]), (0, &30.into()), "{}", resumed.stderr);
    assert_eq!(live(&place).len(), 30);
}

#[test]
fn an_extension_goes_on_after_the_highest_name() {
    let (place, _region) = region(&[]);
    let first = place.run(&["--count", "3", "--output", "json"]);
    assert_eq!(first.code, 0, "{}", first.stderr);
    let prefix = names(&first)[0].strip_suffix("-1").unwrap().to_owned();
    let more = place.run(&["--extend", "--count", "2", "--output", "json"]);
    assert_eq!(more.code, 0, "{}", more.stderr);
    assert_eq!(names(&more), [format!("{prefix}-4"), format!("{prefix}-5")]);
    // A name is taken as long as anything can see it.
    let gone = place.run(&["instances", "terminate", "--all", "--yes", "--output", "json"]);
    assert_eq!(gone.code, 0, "{} {}", gone.stdout, gone.stderr);
    let dry = place.run(&["--extend", "--count", "1", "--dry-run", "--output", "json"]).json();
    assert_eq!(dry["names"], serde_json::json!([format!("{prefix}-6")]));
}

#[test]
fn a_lost_ledger_is_rebuilt_from_the_tags_and_goes_on() {
    let (place, _region) = region(&[]);
    assert_eq!(place.run(&["--count", "2"]).code, 0);
    let run = killed_after(&place, 4, &["--extend", "--count", "12", "--rate", "5", "--ttl", "10h"]);
    std::thread::sleep(std::time::Duration::from_millis(500));
    let before = live(&place).len();
    std::fs::remove_dir_all(place.path().join("state")).unwrap();

    let part = place.run(&["resume", "--from-cloud", &run[..13]]);
    assert!(part.code == 2 && part.stderr.contains("the full id"), "{}", part.stderr);
    let none = "0190a0a0-0000-7000-8000-000000000000";
    let unknown = place.run(&["resume", "--from-cloud", none, "--list-lag", "0s"]);
    assert!(unknown.code == 2 && unknown.stderr.contains("no instance in"), "{}", unknown.stderr);

    let words = ["resume", "--from-cloud", &run, "--count", "12", "--list-lag", "1s", "--output", "json"];
    let ended = place.run(&words);
    assert_eq!((ended.code, &ended.json()["running"]), (0, &12.into()), "{}", ended.stderr);
    assert!(
        ended.stderr.contains(&format!("found {} instances of run {run}", before - 2)),
        "{}",
        ended.stderr
    );
    let live = live(&place);
    let unique: BTreeSet<&String> = live.iter().map(|(name, _)| name).collect();
    assert_eq!((live.len(), unique.len()), (14, 14), "{live:?}");
    let again = place.run(&["resume", "--from-cloud", &run, "--list-lag", "0s"]);
    assert!(again.code == 2 && again.stderr.contains(&format!("resume {run}")), "{}", again.stderr);
}

#[test]
fn a_run_resumes_with_the_config_it_began_with() {
    let (place, region) = region(&[]);
    let config = std::fs::read_to_string(place.path().join("config.yaml")).unwrap();
    // The endpoint was given beside the config and is remembered too.
    let elsewhere = config.replace(&region.endpoint, "http://127.0.0.1:9");
    assert_ne!(elsewhere, config);
    place.write("config.yaml", elsewhere);
    let arguments = ["--endpoint", &region.endpoint, "--count", "10", "--rate", "5"];
    let run = killed_after(&place, 2, &arguments);
    let other = place.path().join("other");
    std::fs::create_dir(&other).unwrap();
    let resumed: Ended =
        place.command(&["resume", &run, "--output", "json"]).current_dir(&other).output().unwrap().into();
    assert_eq!((resumed.code, &resumed.json()["running"]), (0, &10.into()), "{}", resumed.stderr);
}
