//! The user's "manage" and "cleanup" workflows, with the real programs against a simulated region.

use crate::program::{Ended, Workplace};
use crate::sim_serve::{Region, region_at};
use serde_json::{Value, json};
use std::time::Duration;

const MANAGE: &str = env!("CARGO_BIN_EXE_manage-instances");
const SCRIPT: &str = include_str!("../../../../manage-instances.sh");

/// A region with a fleet of `count`, and its config as the user's `config.yaml`.
fn fleet(count: &str, more: &[&str]) -> (Workplace, Region) {
    let (place, region) = region_at("600", &[]);
    let mut arguments = vec!["--count", count, "--yes", "--output", "json"];
    arguments.extend(more);
    let launched = place.run(&arguments);
    assert_eq!(launched.code, 0, "{}", launched.stderr);
    (place, region)
}

fn setting(place: &Workplace, key: &str) -> String {
    let config = std::fs::read_to_string(place.path().join("config.yaml")).unwrap();
    let line = config.lines().find(|line| line.trim_start().starts_with(&format!("{key}:"))).unwrap();
    line.split_once(':').unwrap().1.trim().trim_matches('"').to_owned()
}

/// `./manage-instances.sh`, with the program beside it, as after `make build`.
fn manage(place: &Workplace, arguments: &[&str]) -> Ended {
    if !cfg!(unix) {
        return place.command_of(MANAGE, arguments).output().unwrap().into();
    }
    let script = place.write("manage-instances.sh", SCRIPT);
    let beside = place.path().join("manage-instances");
    if !beside.exists() {
        std::fs::copy(MANAGE, beside).unwrap();
    }
    let mut words = vec![script.to_str().unwrap()];
    words.extend(arguments);
    place.command_of("/bin/sh", &words).env("PATH", "/usr/bin:/bin").output().unwrap().into()
}

fn states(place: &Workplace) -> Vec<(String, String)> {
    let ended = place.run(&["instances", "list", "--no-ips", "--output", "json"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let text = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
    let rows = ended.json();
    rows["instances"].as_array().unwrap().iter().map(|row| (text(row, "name"), text(row, "state"))).collect()
}

#[test]
fn the_manage_and_cleanup_workflows_run_as_the_design_has_them() {
    let (place, _region) = fleet("12", &[]);
    let compartment = setting(&place, "compartment_id");
    let prefix = format!("{}-", setting(&place, "display_name_prefix"));
    let with = |verb: &str, more: &[&str]| {
        let mut arguments = vec![verb, "-c", compartment.as_str(), "-p", prefix.as_str()];
        arguments.extend(more);
        manage(&place, &arguments)
    };
    let reserve = |arguments: &[&str]| -> Ended {
        place.command_of(env!("CARGO_BIN_EXE_capacity-manager"), arguments).output().unwrap().into()
    };
    let shape = ["-shape", "VM.Standard.E4.Flex", "-count", "2", "-ad", "AD-1", "--output", "json", "-y"];
    let reserved = reserve(&[["-create", "-name", "prod"].as_slice(), &shape].concat());
    assert_eq!(reserved.code, 0, "{}", reserved.stderr);

    let listed = with("list", &["-y"]);
    assert_eq!(listed.code, 0, "{}", listed.stderr);
    assert!(listed.stdout.contains("12 instances: 12 RUNNING"), "{}", listed.stdout);
    assert!(listed.stdout.contains("PRIVATE IP"), "{}", listed.stdout);

    let stopped = with("stop", &["-y", "--output", "json"]);
    assert_eq!(stopped.code, 0, "{}", stopped.stderr);
    assert_eq!((&stopped.json()["done"], &stopped.json()["failed"]), (&12.into(), &0.into()));
    let run = stopped.json()["run_id"].as_str().unwrap().to_owned();
    let shown = place.run(&["show", &run, "--output", "json"]);
    assert_eq!((shown.code, shown.json()), (0, stopped.json()), "{}", shown.stderr);
    let status = with("status", &[]);
    assert!(status.stdout.contains("12 STOPPED"), "{}", status.stdout);

    let started = with("start", &["-y"]);
    assert_eq!(started.code, 0, "{}", started.stderr);
    assert!(states(&place).iter().all(|(_, state)| state == "RUNNING"));

    // Without a terminal and without -y nothing is lost.
    let refused = with("terminate", &[]);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    assert!(refused.stderr.contains("nothing was done: confirmation needs a terminal"), "{}", refused.stderr);
    assert_eq!(states(&place).len(), 12);

    // The default prefix is the original's, and matches none of these.
    let nothing = manage(&place, &["terminate", "-c", &compartment, "-y"]);
    assert_eq!(nothing.code, 4, "{}", nothing.stderr);
    assert!(
        nothing
            .stderr
            .contains(&format!("no instance in {compartment} has a name that starts with `instance-`")),
        "{}",
        nothing.stderr
    );
    assert_eq!(states(&place).len(), 12);

    let terminated = with("terminate", &["-y"]);
    assert_eq!(terminated.code, 0, "{}", terminated.stderr);
    assert!(states(&place).is_empty());
    let reservations = reserve(&["-list", "--output", "json"]).json();
    let ocid = reservations["reservations"][0]["ocid"].as_str().unwrap();
    let deleted = reserve(&["-delete", "-id", ocid, "-y"]);
    assert_eq!(deleted.code, 0, "{}", deleted.stderr);
    assert_eq!(reserve(&["-list", "--output", "json"]).json()["reservations"], json!([]));
}

#[test]
fn a_mistake_in_a_file_of_ocids_stops_everything() {
    let (place, _region) = fleet("3", &[]);
    let listed = place.run(&["instances", "list", "--no-ips", "--output", "json"]).json();
    let first = listed["instances"][0]["ocid"].as_str().unwrap().to_owned();
    place.write("bad.txt", format!("{first}\nweb-1\n"));
    let bad = place.run(&["instances", "terminate", "--file", "bad.txt", "--yes"]);
    assert_eq!(bad.code, 2);
    assert!(bad.stderr.contains("bad.txt:2:1"), "{}", bad.stderr);
    assert_eq!(states(&place).len(), 3);

    place.write("good.txt", format!("# the first one\n{first} # and no other\n"));
    let good = place.run(&["instances", "terminate", "--file", "good.txt", "--yes", "--output", "json"]);
    assert_eq!(good.code, 0, "{}", good.stderr);
    assert_eq!(good.json()["requested"], 1);
    assert_eq!(states(&place).len(), 2);

    let vague = place.run(&["instances", "stop", "--yes"]);
    assert_eq!(vague.code, 2, "{}", vague.stderr);
    assert!(vague.stderr.contains("--all"), "{}", vague.stderr);
}

#[test]
fn a_prefix_that_is_empty_means_nothing_at_either_front_door() {
    let (place, _region) = fleet("2", &[]);
    let compartment = setting(&place, "compartment_id");
    for prefix in ["", "  "] {
        let ours = place.run(&["instances", "stop", "-p", prefix, "-y"]);
        let theirs = manage(&place, &["stop", "-c", &compartment, "-p", prefix, "-y"]);
        for ended in [ours, theirs] {
            assert_eq!(ended.code, 2, "{}", ended.stderr);
            assert!(ended.stderr.contains("the value of '--prefix <PREFIX>' is blank"), "{}", ended.stderr);
        }
    }
    assert!(states(&place).iter().all(|(_, state)| state == "RUNNING"));
}

#[test]
fn a_missing_named_instance_is_a_reported_failure() {
    let (place, _region) = fleet("2", &[]);
    let first = format!("{}-1", setting(&place, "display_name_prefix"));
    let stop = |named: &[&str]| {
        let mut arguments = vec!["instances", "stop", "-y", "-o", "json"];
        arguments.extend(named);
        place.run(&arguments)
    };
    let some = stop(&[&first, "web-9"]);
    assert_eq!(some.code, 3, "{}", some.stderr);
    let document = some.json();
    assert_eq!((&document["requested"], &document["failed"]), (&2.into(), &1.into()));
    assert_eq!((&document["missing"], &document["instances"][1]["ocid"]), (&json!(["web-9"]), &Value::Null));
    assert_eq!(document["instances"][1]["error"]["opc_request_id"], Value::Null);
    let none = stop(&["web-9"]);
    assert_eq!((none.code, &none.json()["failed"]), (4, &1.into()), "{}", none.stderr);
    // Nothing matches: that is a failure unless it is allowed.
    let empty = stop(&["-p", "zzz"]);
    assert_eq!((empty.code, &empty.json()["requested"]), (4, &0.into()), "{}", empty.stderr);
    assert_eq!((&empty.json()["run_id"], &empty.json()["outcome"]), (&Value::Null, &"nothing".into()));
    let allowed = stop(&["-p", "zzz", "--allow-empty"]);
    assert_eq!((allowed.code, &allowed.json()["outcome"]), (0, &"complete".into()), "{}", allowed.stderr);
    let listed = place.run(&["instances", "list", "web-9", "-o", "json"]);
    assert_eq!((listed.code, &listed.json()["missing"]), (4, &json!(["web-9"])), "{}", listed.stderr);
    assert!(!listed.stdout.contains("-0"), "{}", listed.stdout);
}

#[test]
fn a_stop_run_selects_what_it_stopped() {
    let (place, _region) = fleet("3", &[]);
    let first = format!("{}-1", setting(&place, "display_name_prefix"));
    let stopped = place.run(&["instances", "stop", &first, "-y", "-o", "json"]);
    let run = stopped.json()["run_id"].as_str().unwrap().to_owned();
    let listed = place.run(&["instances", "list", "--no-ips", "--run", &run, "-o", "json"]).json();
    let names: Vec<&str> =
        listed["instances"].as_array().unwrap().iter().filter_map(|row| row["name"].as_str()).collect();
    assert_eq!(names, [first.as_str()]);

    let resumed = place.run(&["resume", &run]);
    assert_eq!(resumed.code, 2, "{}", resumed.stderr);
    assert!(
        resumed.stderr.contains("is a stop; only launches and networks can be resumed"),
        "{}",
        resumed.stderr
    );

    let unknown = "01938f00-0000-7000-8000-000000000000";
    let asked = place.run(&["instances", "stop", "--run", unknown, "-y"]);
    assert_eq!(asked.code, 2, "{}", asked.stderr);
    assert!(asked.stderr.contains("this ledger does not know the run"), "{}", asked.stderr);
}

#[test]
fn each_request_is_told_to_whoever_asks_twice_for_more() {
    let (place, _region) = fleet("2", &[]);
    let listed = place.run(&["instances", "list", "--no-ips", "-vv"]);
    assert_eq!(listed.code, 0, "{}", listed.stderr);
    let told = listed.stderr.lines().find(|line| line.contains("operation=\"ListInstances\"")).unwrap();
    assert!(told.contains("status=200") && told.contains("ms="), "{told}");
    assert!(!place.run(&["instances", "list", "--no-ips", "-v"]).stderr.contains("ListInstances"));
}

#[test]
fn lists_sort_by_the_asked_column_and_reverse() {
    let (place, _region) = fleet("3", &[]);
    let first = format!("{}-1", setting(&place, "display_name_prefix"));
    assert_eq!(place.run(&["instances", "stop", &first, "-y"]).code, 0);
    let order = |arguments: &[&str]| {
        let words = [["instances", "list", "-o", "json"].as_slice(), arguments].concat();
        let listed = place.run(&words);
        assert_eq!(listed.code, 0, "{}", listed.stderr);
        let rows = listed.json()["instances"].as_array().unwrap().clone();
        let numbers = rows.iter().filter_map(|row| row["name"].as_str()?.rsplit('-').next()?.parse().ok());
        numbers.collect::<Vec<u32>>()
    };
    assert_eq!(order(&["--reverse"]), [3, 2, 1]);
    // A stopped one costs nothing.
    assert_eq!(order(&["--sort", "price"]), [1, 2, 3]);
    assert_eq!(order(&["--sort", "price", "--reverse"]), [3, 2, 1]);
    let mut by_age = order(&["--sort", "age"]);
    by_age.reverse();
    assert_eq!(by_age, order(&["--sort", "created"]));
    assert_eq!(order(&["--sort", "ip"]).len(), 3);
}

#[test]
fn a_compartment_that_is_not_there_is_told_as_that() {
    let (place, _region) = fleet("1", &[]);
    let wrong = "ocid1.compartment.oc1..aaaaaaaanobody";
    for words in [["instances", "list"].as_slice(), &["cleanup"]] {
        let ended = place.run(&[words, &["-c", wrong]].concat());
        assert_eq!(ended.code, 4, "{}", ended.stderr);
        assert!(ended.stderr.contains("hint: verify the compartment (-c,"), "{}", ended.stderr);
    }
}

#[test]
fn a_grace_is_refused_where_nobody_waits_for_its_end() {
    let place = Workplace::empty();
    let ended = place.run(&["instances", "stop", "web-1", "--grace", "1m", "--no-wait"]);
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    assert!(ended.stderr.contains("--no-wait"), "{}", ended.stderr);
}

#[test]
fn manage_instances_keeps_data_volumes_by_default() {
    let (place, _region) = fleet("2", &[]);
    let compartment = setting(&place, "compartment_id");
    let prefix = format!("{}-", setting(&place, "display_name_prefix"));
    let with = |verb: &str, more: &[&str]| {
        let mut arguments = vec![verb, "-c", compartment.as_str(), "-p", prefix.as_str(), "-y"];
        arguments.extend(more);
        manage(&place, &arguments)
    };
    let misplaced = with("stop", &["--keep-boot-volumes"]);
    assert_eq!(misplaced.code, 2, "{}", misplaced.stderr);
    assert!(
        misplaced.stderr.contains("--keep-boot-volumes works only with `terminate`"),
        "{}",
        misplaced.stderr
    );
    let protected = with("terminate", &["--protect", "oci-insta-scale-slot=1"]);
    assert_eq!(protected.code, 3, "{}", protected.stderr);
    assert!(
        protected
            .stderr
            .contains("data volumes created with the instances are kept and continue to cost money"),
        "{}",
        protected.stderr
    );
    let deleted = with("terminate", &["--delete-data-volumes", "--keep-boot-volumes"]);
    assert_eq!(deleted.code, 0, "{}", deleted.stderr);
    assert!(deleted.stderr.contains(
        "boot volumes are kept and continue to cost money; data volumes created with the instances are deleted"
    ));
}

#[test]
fn an_expired_fleet_is_cleaned_up_and_a_living_one_is_not() {
    let (place, _region) = fleet("2", &["--ttl", "8h"]);
    let nothing = place.run(&["cleanup", "--expired", "--yes"]);
    assert_eq!(nothing.code, 0, "{}", nothing.stderr);
    assert!(nothing.stdout.contains("nothing is left over"), "{}", nothing.stdout);
    let unselected = place.run(&["instances", "extend", "--ttl", "1s", "--shorten"]);
    assert_eq!(unselected.code, 2, "{}", unselected.stderr);
    assert!(unselected.stderr.contains("no instances are selected to be extended"), "{}", unselected.stderr);
    let prefix = setting(&place, "display_name_prefix");
    let words = ["instances", "extend", "--prefix", &prefix, "--ttl", "1s", "--shorten", "--yes"];
    let shortened = place.run(&words);
    assert_eq!(shortened.code, 0, "{}", shortened.stderr);
    std::thread::sleep(Duration::from_millis(1500));
    let shown = place.run(&["cleanup", "--expired", "--dry-run"]);
    assert!(shown.stdout.contains("it expired at") && states(&place).len() == 2, "{}", shown.stdout);
    let cleaned = place.run(&["cleanup", "--expired", "--yes"]);
    assert_eq!(cleaned.code, 0, "{}", cleaned.stderr);
    assert!(states(&place).is_empty());
}

#[test]
fn a_cleanup_shows_progress_and_is_kept_in_the_ledger() {
    let (place, _region) = fleet("2", &[]);
    let prefix = setting(&place, "display_name_prefix");
    let arguments = ["instances", "terminate", "--prefix", &prefix, "--yes", "--keep-boot-volumes"];
    assert_eq!(place.run(&arguments).code, 0);
    let cleaned = place.run(&["cleanup", "--kept-volumes", "--yes", "--output", "json"]);
    assert_eq!(cleaned.code, 0, "{}", cleaned.stderr);
    assert!(
        cleaned.stderr.contains("2 leftovers") && cleaned.stderr.contains("[2/2] "),
        "{}",
        cleaned.stderr
    );
    assert_eq!(cleaned.json()["deleted"].as_array().unwrap().len(), 2);

    let run = cleaned.json()["run_id"].as_str().unwrap().to_owned();
    let shown = place.run(&["show", &run]);
    assert_eq!(shown.code, 0, "{}", shown.stderr);
    assert!(shown.stdout.contains("cleanup: 2 of 2 leftovers deleted"), "{}", shown.stdout);
    assert_eq!(shown.stdout.matches("boot volume").count(), 2, "{}", shown.stdout);
    let document = place.run(&["show", &run, "--output", "json"]).json();
    assert_eq!((&document["action"], &document["done"]), (&"cleanup".into(), &2.into()));
    assert_eq!(document["leftovers"][1]["result"], "done");
}

#[test]
fn a_start_without_capacity_says_what_was_missing() {
    let place = Workplace::empty();
    place.write("dry.yaml", "world: {late_failure: {start_probability: 1.0}}");
    let _region = Region::start(&place, &["--speed", "600", "--scenario", "dry.yaml"]);
    crate::sim_serve::configure(&place);
    assert_eq!(place.run(&["--count", "2", "--yes"]).code, 0);
    assert_eq!(place.run(&["instances", "stop", "--all", "--yes", "--force"]).code, 0);
    let start = ["instances", "start", "--all", "--yes", "--retry-for", "1s"];
    let ended = place.run(&[&start[..], &["--output", "json"]].concat());
    assert_eq!(ended.code, 4, "{}", ended.stderr);
    for row in ended.json()["instances"].as_array().unwrap() {
        let error = &row["error"];
        assert_eq!((&row["result"], &row["state"]), (&"failed".into(), &"STOPPED".into()));
        assert_eq!((&error["class"], &error["code"]), (&"capacity".into(), &"InternalError".into()));
        assert_eq!(error["message"], "it did not start: Out of host capacity.");
    }
    let ended = place.run(&start);
    assert!(ended.stdout.contains("REASON") && ended.stdout.contains("Out of host"), "{}", ended.stdout);
    assert!(ended.stderr.contains("keep trying with `instances start --retry-for 2h`"), "{}", ended.stderr);
    let refused = place.run(&[&start[..], &["--no-wait"]].concat());
    assert_eq!(refused.code, 2, "{}", refused.stderr);
}

#[test]
fn instances_are_exported_in_every_format() {
    let (place, _region) = fleet("2", &[]);
    let prefix = setting(&place, "display_name_prefix");
    for (format, mark) in [
        ("ssh-config", "Host "),
        ("ansible", "ansible_host:"),
        ("hosts", "-1"),
        ("terraform-import", "oci_core_instance."),
        ("json", "\"instances\""),
        ("csv", "name,ocid,state"),
    ] {
        let ended = place.run(&["export", format, "--run", "last", "--address", "private"]);
        assert_eq!(ended.code, 0, "{format}: {}", ended.stderr);
        assert!(ended.stdout.contains(mark) && ended.stdout.contains(&prefix), "{format}: {}", ended.stdout);
    }
}

#[cfg(unix)]
#[test]
fn the_script_is_the_front_door_of_the_program_beside_it() {
    let place = Workplace::empty();
    assert_eq!(SCRIPT.lines().count(), 2);
    let ended = manage(&place, &["--help"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stdout.contains("manage-instances"), "{}", ended.stdout);
}
