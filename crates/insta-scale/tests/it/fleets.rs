//! Fleets: scaled, shown, and extended by instances of earlier runs; with the real program on a simulated region.

use crate::program::{Ended, Workplace};
use crate::sim_serve::region;
use serde_json::Value;

pub fn scale(place: &Workplace, arguments: &[&str]) -> Ended {
    place.run(&[&["scale"], arguments, &["--no-wait", "--output", "json"]].concat())
}

pub fn status(place: &Workplace) -> Value {
    place.run(&["status", "--output", "json"]).json()
}

fn names(status: &Value) -> Vec<String> {
    let rows = status["instances"].as_array().unwrap();
    rows.iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
}

/// Adds a line to the config's settings.
pub fn add(place: &Workplace, line: &str) {
    let config = std::fs::read_to_string(place.path().join("config.yaml")).unwrap();
    place.write(
        "config.yaml",
        config.replace("instance_settings:\n", &format!("instance_settings:\n  {line}\n")),
    );
}

#[test]
fn scale_ends_at_exactly_n_and_then_does_nothing() {
    let (place, _region) = region(&[]);
    let grown = scale(&place, &["4"]);
    assert_eq!(grown.code, 0, "{}", grown.stderr);
    let document = grown.json();
    assert_eq!(
        (&document["before"], &document["wanted"], &document["after"], &document["launch"]["launched"]),
        (&0.into(), &4.into(), &4.into(), &4.into())
    );
    let again = scale(&place, &["4"]);
    assert_eq!((again.code, again.json()["change"].as_str()), (0, Some("none")), "{}", again.stderr);
    let shrunk = scale(&place, &["-2"]);
    assert_eq!((shrunk.code, &shrunk.json()["terminate"]["accepted"]), (0, &2.into()), "{}", shrunk.stderr);
    let standing = status(&place);
    assert_eq!((&standing["members"], &standing["wanted"]["count"]), (&2.into(), &2.into()));
    // The highest numbers were terminated, and are launched again.
    assert_eq!(names(&standing), ["rehearsal-1", "rehearsal-2"]);
    assert_eq!(scale(&place, &["+1"]).code, 0);
    assert_eq!(names(&status(&place)), ["rehearsal-1", "rehearsal-2", "rehearsal-3"]);
    assert_eq!(scale(&place, &["0"]).code, 0);
    assert_eq!(status(&place)["members"], 0);
}

#[test]
fn a_lost_member_is_replaced_under_its_own_name() {
    let (place, _region) = region(&[]);
    assert_eq!(scale(&place, &["3"]).code, 0);
    assert_eq!(place.run(&["instances", "terminate", "rehearsal-2", "--no-wait"]).code, 0);
    assert_eq!((&status(&place)["members"], &status(&place)["missing"]), (&2.into(), &1.into()));
    let healed = scale(&place, &[]);
    assert_eq!((healed.code, &healed.json()["launch"]["launched"]), (0, &1.into()), "{}", healed.stderr);
    assert_eq!(names(&status(&place)), ["rehearsal-1", "rehearsal-2", "rehearsal-3"]);
}

#[test]
fn the_size_holds_until_the_count_changes() {
    let (place, _region) = region(&[]);
    assert_eq!(status(&place)["wanted"]["count"], 3, "the config's count");
    assert_eq!(scale(&place, &["2"]).code, 0);
    assert_eq!(status(&place)["wanted"]["count"], 2);
    let config = std::fs::read_to_string(place.path().join("config.yaml")).unwrap();
    place.write("config.yaml", config.replace("count: 3", "count: 5"));
    let wanted = status(&place)["wanted"].clone();
    assert_eq!((&wanted["count"], &wanted["superseded"]), (&5.into(), &2.into()));
    place.write("config.yaml", config);
    // A lost ledger has no record of the scale.
    std::fs::remove_dir_all(place.path().join("state")).unwrap();
    let standing = status(&place);
    assert_eq!((&standing["wanted"]["count"], &standing["members"]), (&3.into(), &2.into()));
}

#[test]
fn named_members_leave_and_no_others() {
    let (place, _region) = region(&[]);
    assert_eq!(scale(&place, &["4"]).code, 0);
    for (arguments, said) in [
        (&["3", "--named", "nobody-1"][..], "not in fleet rehearsal: nobody-1"),
        (&["3", "--named", "rehearsal-1,rehearsal-2"], "scaling from 4 to 3 instances removes 1"),
        (&["2", "--named", "rehearsal-1"], "scaling from 4 to 2 instances removes 2"),
    ] {
        let refused = scale(&place, arguments);
        assert_eq!(refused.code, 2, "{arguments:?}: {}", refused.stderr);
        assert!(refused.stderr.contains(said), "{}", refused.stderr);
    }
    assert_eq!(scale(&place, &["3", "--named", "rehearsal-1"]).code, 0);
    assert_eq!(names(&status(&place)), ["rehearsal-2", "rehearsal-3", "rehearsal-4"]);
    assert_eq!(scale(&place, &["2", "--oldest"]).code, 0);
    assert_eq!(names(&status(&place)), ["rehearsal-3", "rehearsal-4"]);
}

#[test]
fn protected_members_stay_and_that_is_a_failure() {
    let (place, _region) = region(&[]);
    add(&place, "freeform_tags: {oci-insta-scale-protect: \"yes\"}");
    assert_eq!(scale(&place, &["2"]).code, 0);
    let refused = scale(&place, &["0"]);
    assert_eq!(refused.code, 4, "{}", refused.stderr);
    assert!(refused.stderr.contains("2 instances are protected"), "{}", refused.stderr);
    let shown = place.run(&["scale", "0", "--dry-run"]);
    assert_eq!(shown.code, refused.code, "{}", shown.stderr);
    assert_eq!(shown.stdout, "DRY RUN: nothing is changed\n\nfleet rehearsal has 2 instances; wanted: 0\n");
    assert_eq!(status(&place)["members"], 2);
}

#[test]
fn instances_of_others_are_no_members() {
    let (place, _region) = region(&[]);
    assert_eq!(scale(&place, &["2"]).code, 0);
    // Another fleet with the same names, as from another config.
    let config = std::fs::read_to_string(place.path().join("config.yaml")).unwrap();
    place.write("other.yaml", format!("fleet: other\n{config}"));
    let other = place.run(&["--config", "other.yaml", "--new", "--count", "2", "--no-wait"]);
    assert_eq!(other.code, 0, "{}", other.stderr);
    assert_eq!(status(&place)["members"], 2);
    assert_eq!(scale(&place, &["0"]).code, 0);
    let fleets = place.run(&["fleets", "--output", "json"]).json();
    assert_eq!(fleets["fleets"][0]["fleet"], "other");
    assert_eq!(
        (fleets["fleets"].as_array().unwrap().len(), &fleets["fleets"][0]["instances"]),
        (1, &2.into())
    );
}

#[test]
fn adoption_takes_in_what_has_the_names_and_no_fleet() {
    let (place, _region) = region(&[]);
    // Its own tags leave no space for the fleet's tag, as with instances of older versions.
    let config = std::fs::read_to_string(place.path().join("config.yaml")).unwrap();
    let tags: Vec<String> = (1..=8).map(|number| format!("t{number}: x")).collect();
    add(&place, &format!("freeform_tags: {{{}}}", tags.join(", ")));
    assert_eq!(scale(&place, &["2"]).code, 0);
    assert_eq!(status(&place)["members"], 2, "the ledger knows them");
    let refused = place.run(&["fleet", "adopt", "--yes"]);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    assert!(
        refused.stderr.contains("leaves no room for the tag oci-insta-scale-fleet"),
        "{}",
        refused.stderr
    );
    place.write("config.yaml", config);
    assert_eq!(status(&place)["members"], 2, "the ledger still knows them, whatever tags the config has now");
    // On a machine whose ledger does not know them they are candidates.
    let elsewhere = ["--state-dir", "elsewhere", "--output", "json"];
    let standing = place.run(&[&["status"], &elsewhere[..]].concat()).json();
    assert_eq!((&standing["members"], standing["candidates"].as_array().unwrap().len()), (&0.into(), 2));
    let member = place.run(&["scale", "3", "--no-wait"]);
    assert_eq!(member.code, 0, "{}", member.stderr);
    let again = place.run(&["fleet", "adopt", "rehearsal-3", "--yes"]);
    assert!(again.stderr.contains("is already in fleet rehearsal"), "{}", again.stderr);
    // An instance with ten tags is full: the service refuses an eleventh, and each refusal is reported.
    let full = place.run(&[&["fleet", "adopt", "--yes"], &elsewhere[..]].concat());
    assert_eq!(full.code, 4, "{} {}", full.stderr, full.stdout);
}

#[test]
fn drift_from_the_config_is_told_per_member() {
    let (place, _region) = region(&[]);
    assert_eq!(scale(&place, &["2"]).code, 0);
    assert_eq!(status(&place)["drifted"], 0);
    add(&place, "freeform_tags: {team: blue}");
    let standing = status(&place);
    assert_eq!(standing["drifted"], 2);
    assert_eq!(standing["instances"][0]["drift"][0]["what"], "tag team");
    let told = place.run(&["status"]).stdout;
    assert!(told.contains("2 instances differ from the config: 2 tag team"), "{told}");
}

#[test]
fn an_interrupted_scale_is_finished_by_the_next() {
    let (place, _region) = region(&[]);
    let cut = place.run(&["scale", "8", "--rate", "2", "--deadline", "1s", "--no-wait", "--output", "json"]);
    assert_eq!(cut.code, 3, "{}", cut.stderr);
    assert!(cut.stderr.contains("scale 8` continues"), "{}", cut.stderr);
    let rest = scale(&place, &["8"]);
    assert_eq!(rest.code, 0, "{}", rest.stderr);
    let standing = status(&place);
    assert_eq!((&standing["members"], standing["unfinished_runs"].as_array().unwrap().len()), (&8.into(), 0));
}

#[test]
fn a_size_that_makes_no_sense_is_refused() {
    let (place, _region) = region(&[]);
    for (size, said) in [
        ("-1000", "below 0"),
        ("+1000000", "is more than the 1000000"),
        ("1000001", "a number from 0 to 1000000"),
        ("many", "a number from 0 to 1000000"),
    ] {
        let refused = place.run(&["scale", size, "--yes"]);
        assert_eq!(refused.code, 2, "{size}: {}", refused.stderr);
        assert!(refused.stderr.contains(said), "{size}: {}", refused.stderr);
    }
}

#[test]
fn a_dry_run_of_scale_changes_nothing() {
    let (place, _region) = region(&[]);
    let grown = place.run(&["scale", "2", "--dry-run"]);
    assert_eq!(grown.code, 0, "{}", grown.stderr);
    assert!(grown.stdout.contains("rehearsal: 0 → 2 instances"), "{}", grown.stdout);
    assert_eq!(status(&place)["members"], 0);
    assert!(!place.path().join("state").exists(), "no ledger is made for a question");
    assert_eq!(scale(&place, &["2"]).code, 0);
    let shrunk = place.run(&["scale", "1", "--dry-run"]);
    assert!(shrunk.stdout.contains("why these    1 newest"), "{}", shrunk.stdout);
    assert!(shrunk.stdout.contains("\n  saves        0.0"), "{}", shrunk.stdout);
    let same = place.run(&["scale", "2", "--dry-run"]);
    assert_eq!(
        same.stdout,
        "DRY RUN: nothing is changed\n\nfleet rehearsal has 2 instances: nothing to do\n"
    );
    assert!(!same.stderr.contains("kept in the ledger"), "{}", same.stderr);
    let none = place.run(&["replace", "--drifted", "--dry-run"]);
    assert_eq!(none.stdout, "DRY RUN: nothing is changed\n", "{}", none.stderr);
    let members = status(&place)["members"].clone();
    assert_eq!(members, 2);
}

#[test]
fn a_simulated_fleet_is_never_shown_as_real() {
    let (place, _region) = region(&[]);
    let check = |words: &[&str]| {
        let shown = place.run(&[words, &["--output", "json"]].concat());
        assert!(shown.stderr.contains("nothing here is real"), "{words:?}: {}", shown.stderr);
        assert_eq!(shown.json()["simulated"], true, "{words:?}: {}", shown.stdout);
    };
    check(&["status"]);
    check(&["fleets"]);
    check(&["scale", "0", "--dry-run"]);
    assert_eq!(scale(&place, &["1"]).code, 0);
    for words in [
        &["status"][..],
        &["scale", "1"],
        &["scale", "1", "--dry-run"],
        &["scale", "0", "--dry-run"],
        &["replace", "--drifted", "--dry-run"],
        &["fleets"],
    ] {
        check(words);
    }
    let placements = place.run(&["plan", "--placements", "json", "--count", "1"]);
    assert!(placements.stderr.contains("nothing here is real"), "{}", placements.stderr);
    assert_eq!(placements.json()["simulated"], true);
}

#[test]
fn flags_without_an_effect_are_named() {
    let (place, _region) = region(&[]);
    let grown = scale(&place, &["1", "--balance"]);
    assert!(grown.stderr.contains("note: --balance has no effect, because no instance is terminated"));
    let same = scale(&place, &["1", "--ttl", "1h"]);
    assert!(same.stderr.contains("note: --ttl has no effect, because no instance is launched"));
    let fitting = scale(&place, &["0", "--oldest"]);
    assert!(!fitting.stderr.contains("no effect"), "{}", fitting.stderr);
}

#[test]
fn maintain_replaces_a_lost_member_and_leaves_a_stopped_one() {
    let (place, _region) = region(&[]);
    assert_eq!(scale(&place, &["3"]).code, 0);
    assert_eq!(place.run(&["instances", "terminate", "rehearsal-1", "--no-wait"]).code, 0);
    assert_eq!(place.run(&["instances", "stop", "rehearsal-3", "--force"]).code, 0);
    let kept = place.run(&["maintain", "--once", "--yes", "--output", "jsonl"]);
    assert_eq!(kept.code, 0, "{}", kept.stderr);
    assert!(kept.stdout.contains("\"names\":[\"rehearsal-1\"]"), "{}", kept.stdout);
    let standing = status(&place);
    assert_eq!((&standing["members"], &standing["by_state"]["STOPPED"]), (&3.into(), &1.into()));
    let same = scale(&place, &["3"]);
    assert!(same.stderr.contains("not all instances are RUNNING: 1 STOPPED"), "{}", same.stderr);
    let restarted = place.run(&["maintain", "--once", "--yes", "--restart-stopped"]);
    assert_eq!(restarted.code, 0, "{}", restarted.stderr);
    assert_eq!(status(&place)["by_state"]["RUNNING"], 3);
}

#[test]
fn maintain_never_ends_what_is_too_many() {
    let (place, _region) = region(&[]);
    assert_eq!(scale(&place, &["2"]).code, 0);
    let more = place.run(&["--extend", "--count", "1", "--no-wait"]);
    assert_eq!(more.code, 0, "{}", more.stderr);
    let kept = place.run(&["maintain", "--once", "--yes"]);
    assert_eq!(kept.code, 3, "{}", kept.stderr);
    assert!(kept.stderr.contains("alert: 1 instance more than wanted"), "{}", kept.stderr);
    assert_eq!(status(&place)["members"], 3);
}

#[test]
fn the_printed_unit_repeats_the_flags_by_absolute_paths() {
    let place = Workplace::empty();
    let words =
        ["maintain", "--print-unit", "--restart-stopped", "--retry-for", "2h", "--config", "fleet.yaml"];
    let printed = place.run(&words);
    assert_eq!(printed.code, 0, "{}", printed.stderr);
    let command = printed.stdout.lines().find(|line| line.starts_with("ExecStart=/")).unwrap();
    assert!(command.contains(" maintain --yes --config /"), "{command}");
    let flags = "--restart-stopped --every 30s --max-concurrency 100 --wait-timeout 1200s --retry-for 7200s";
    assert!(command.contains("/fleet.yaml --state-dir /") && command.ends_with(flags), "{command}");
    let refused = place.run(&["maintain", "--every", "1s", "--yes"]);
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("at least 10s"), "{}", refused.stderr);
}

#[test]
fn drifted_members_are_replaced_under_their_names() {
    let (place, _region) = region(&[]);
    assert_eq!(scale(&place, &["3"]).code, 0);
    let ocids = |standing: &Value| -> Vec<String> {
        let rows = standing["instances"].as_array().unwrap();
        rows.iter().map(|row| row["ocid"].as_str().unwrap().to_owned()).collect()
    };
    let before = ocids(&status(&place));
    let nothing = place.run(&["replace", "--drifted", "--yes", "--output", "json"]);
    assert_eq!((nothing.code, &nothing.json()["replaced"]), (0, &0.into()), "{}", nothing.stderr);
    add(&place, "freeform_tags: {team: blue}");
    let dry = place.run(&["replace", "--drifted", "--dry-run"]);
    assert!(dry.stdout.contains("3 instances differ from the config (tag team)"), "{}", dry.stdout);
    let words = ["replace", "--drifted", "--max-unavailable", "2", "--no-wait", "--yes", "--output", "json"];
    let replaced = place.run(&words);
    assert_eq!((replaced.code, &replaced.json()["replaced"]), (0, &3.into()), "{}", replaced.stderr);
    let standing = status(&place);
    assert_eq!(names(&standing), ["rehearsal-1", "rehearsal-2", "rehearsal-3"]);
    assert_eq!(standing["drifted"], 0);
    assert!(ocids(&standing).iter().all(|ocid| !before.contains(ocid)));
}

/// Changes the config so that it differs from the members.
fn resize(place: &Workplace) {
    let config = std::fs::read_to_string(place.path().join("config.yaml")).unwrap();
    let changed = config.replace("ocpus: 1", "ocpus: 2");
    assert_ne!(changed, config);
    place.write("config.yaml", changed);
}

#[test]
fn a_fleet_is_never_mixed_without_consent() {
    let (place, _region) = region(&[]);
    assert_eq!(scale(&place, &["2"]).code, 0);
    resize(&place);
    for grow in [&["3"][..], &["+1"], &["3", "--dry-run"]] {
        let refused = scale(&place, grow);
        assert_eq!(refused.code, 2, "{}", refused.stderr);
        let told = "2 members of fleet rehearsal differ from config.yaml: ocpus 1 instead of 2 (2 instances)";
        assert!(refused.stderr.contains(told), "{}", refused.stderr);
        for way_out in ["replace --drifted", "--allow-mixed"] {
            assert!(refused.stderr.contains(way_out), "{}", refused.stderr);
        }
    }
    assert_eq!(status(&place)["members"], 2);
    // Fewer or equally many members do not make a fleet more mixed.
    assert_eq!(scale(&place, &["1"]).code, 0);
    assert_eq!(scale(&place, &[]).code, 0);
    let mixed = scale(&place, &["2", "--allow-mixed"]);
    assert_eq!((mixed.code, mixed.json()["after"].as_u64()), (0, Some(2)), "{}", mixed.stderr);
    assert_eq!(status(&place)["drifted"], 1);
    assert_eq!(place.run(&["replace", "--drifted", "--yes"]).code, 0);
    assert_eq!(scale(&place, &["3"]).code, 0);
    assert_eq!(status(&place)["drifted"], 0);
}

#[test]
fn status_shows_what_else_the_fleet_pays_for() {
    let (place, _region) = region(&[]);
    add(&place, "spread: {across: fault_domain, max_skew: 1}");
    let launched = place.run(&["launch", "--reserve", "--count", "4", "--yes"]);
    assert_eq!(launched.code, 0, "{}", launched.stderr);
    let standing = status(&place);
    let spread = &standing["spread"];
    let domains = spread["domains"].as_array().unwrap();
    let members: u64 = domains.iter().map(|one| one["members"].as_u64().unwrap()).sum();
    assert_eq!((members, &spread["max_skew"], &spread["across"]), (4, &1.into(), &"fault_domain".into()));
    assert!(spread["skew"].as_u64().unwrap() <= 1, "{spread}");
    let boots = &standing["boot_volumes"];
    assert_eq!(boots["count"], 4);
    assert!(boots["gigabytes"].as_f64().unwrap() >= 4.0 * 47.0, "{boots}");
    assert!(boots["price_per_hour"].as_f64().unwrap() > 0.0, "{boots}");
    assert_eq!(standing["data_volumes"]["count"], 0);
    let reserved: u64 = standing["reservations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["reserved"].as_u64().unwrap())
        .sum();
    assert_eq!(reserved, 4, "{}", standing["reservations"]);
    let price = |of: &Value, key: &str| of[key].as_f64().unwrap_or_else(|| panic!("{key} in {of}"));
    let unused: f64 =
        standing["reservations"].as_array().unwrap().iter().map(|one| price(one, "unused_per_hour")).sum();
    let parts = price(&standing, "price_per_hour") + price(boots, "price_per_hour") + unused;
    assert!((price(&standing, "total_per_hour") - parts).abs() < 1e-9, "{standing}");
    let volumes = standing["instances"].as_array().unwrap().iter().map(|row| price(row, "volumes_per_hour"));
    assert!((volumes.sum::<f64>() - price(boots, "price_per_hour")).abs() < 1e-9, "{standing}");
    let text = place.run(&["status"]).stdout;
    for line in [
        "  spread           skew ",
        "  reservation      ",
        "  boot volumes     4, ",
        " with volumes; at most ",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert!(text.lines().all(|line| !line.contains("data volumes")), "{text}");
}
