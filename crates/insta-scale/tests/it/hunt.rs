//! `hunt` with the real program: its flags, its consent, one probe at a time, and resuming.

use crate::program::Workplace;
use crate::sim_serve::region;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A config that needs no key.
pub const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config.example.yaml");

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
    // A number of refusals, not a time: the clock of the region runs while a busy machine starts the hunt.
    let scenario = "faults: [{operations: [launch], times: 12, fault: {answer: {status: 500, code: InternalError, \
                    message: Out of host capacity.}}}]";
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
        (vec!["hunt", "--ratchet", "--once", "--yes"], "--once"),
        (vec!["launch", "--ratchet", "--until", "1d", "--deadline", "1d", "--yes"], "--deadline"),
        (vec!["launch", "--ratchet", "--reserve", "--yes"], "--reserve"),
        (vec!["launch", "--ratchet", "--retry-for", "1h", "--yes"], "--retry-for"),
        (vec!["launch", "--ratchet", "--ttl", "8h", "--yes"], "--ttl"),
        (vec!["launch", "--ratchet", "--strategy", "best_effort", "--yes"], "best_effort"),
        (vec!["launch", "--max-cost", "5", "--yes"], "--until"),
        (vec!["hunt", "--ratchet", "--max-cost", "5", "--yes"], "--max-hold-cost"),
        (vec!["hunt", "--max-cost", "0.0001", "--yes"], "is reached at once"),
        (vec!["hunt", "--max-cost", "0", "--yes"], "--max-cost"),
        (vec!["hunt", "--max-cost", "NaN", "--yes"], "--max-cost"),
        (vec!["hunt", "--max-cost", "-3", "--yes"], "--max-cost"),
        (vec!["launch", "--max-hold-cost", "5", "--yes"], "--ratchet"),
        (vec!["launch", "--ratchet", "--max-hold-cost", "NaN", "--yes"], "--max-hold-cost"),
        (vec!["launch", "--ratchet", "--max-hold-cost", "-1", "--yes"], "--max-hold-cost"),
        (vec!["launch", "--ratchet", "--max-hold-cost", "inf", "--yes"], "--max-hold-cost"),
        (vec!["launch", "--ratchet", "--max-hold-cost=", "--yes"], "--max-hold-cost"),
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
        ["hunt", "--once", "--count", "2", "--output", "json", "--metrics-file", metrics.to_str().unwrap()];
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
    let sent = || {
        let text = std::fs::read_to_string(&metrics).unwrap();
        let line = text.lines().find(|line| line.starts_with("oci_insta_scale_launch_attempts_total{"));
        line.unwrap_or_else(|| panic!("{text}")).rsplit(' ').next().unwrap().to_owned()
    };
    assert_eq!(sent(), "1");
    // Consent covered all of it, and the floor does not allow another probe yet.
    let second = place.run(&words);
    assert_eq!((second.code, &second.json()["run_id"]), (6, &run), "{}", second.stderr);
    assert!(!second.stderr.contains("is ignored"), "{}", second.stderr);
    let held = "nothing was requested, because the last probe of this tenancy is more recent than the floor: the next probe is \
                allowed at ";
    assert!(second.stderr.contains(held), "{}", second.stderr);
    assert_eq!(sent(), "1", "a resumed run goes on with its counts");
    // Another count changes nothing about the plan that was agreed to, and is not passed over in silence.
    let other = place.run(&["hunt", "--once", "--count", "5", "--output", "json"]);
    assert_eq!((other.code, &other.json()["run_id"], &other.json()["requested"]), (6, &run, &2.into()));
    assert!(other.stderr.contains("goes on for 2 instances; the count 5 is ignored"), "{}", other.stderr);
    let flags = ["--count", "2", "--min", "2", "--until", "60d", "--output", "json"];
    let terms = place.run(&[&["hunt", "--once"], &flags[..]].concat());
    assert_eq!((terms.code, &terms.json()["run_id"]), (6, &run));
    let ignored = "goes on for 2 instances; --min 2 and --until 1440 h 0 min are ignored";
    assert!(terms.stderr.contains(ignored), "{}", terms.stderr);
    let shown = place.run(&["show", run.as_str().unwrap()]);
    assert!(shown.stdout.contains("2 × waiting"), "{}", shown.stdout);
    assert_eq!(heartbeat(place.path()).unwrap().1["probes"], 1);
    let runs = place.run(&["runs", "--output", "json"]).stdout;
    assert_eq!(runs.matches("\"created_at\"").count(), 1, "{runs}");
}

/// Crumbs of single instances: four in the first domain, later three in the second.
const SINGLE_CRUMBS: &str = "world: {hosts: {per_fault_domain: 0}, crumbs: [\
    {availability_domain: 1, every_seconds: 100, hosts: 4, ocpus_per_host: 1, times: 1}, \
    {availability_domain: 2, every_seconds: 1800, hosts: 3, ocpus_per_host: 1, times: 1}]}";

/// A ratchet in a region of its own, with these flags.
fn ratchet(place: &Workplace, flags: &[&str]) -> crate::program::Ended {
    place.write("crumbs.yaml", SINGLE_CRUMBS);
    let config = std::fs::read_to_string(EXAMPLE).unwrap();
    place.write(
        "all.yaml",
        config.replace("availability_domain: AD-1", "availability_domain: [AD-1, AD-2, AD-3]"),
    );
    let scenario = format!("--simulate={}", place.path().join("crumbs.yaml").display());
    let config = place.path().join("all.yaml").display().to_string();
    let words = ["launch", "--config", &config, &scenario, "--speed", "600", "--ratchet", "--yes"];
    place.run(&[&words[..], flags].concat())
}

#[test]
fn a_ratchet_launches_all_that_it_reserved() {
    let place = Workplace::empty();
    let ended = ratchet(&place, &["--count", "8", "--min", "6", "--output", "json"]);
    // The eighth was never reserved.
    assert_eq!((ended.code, &ended.json()["running"]), (3, &7.into()), "{}", ended.stderr);
    let told = &ended.json()["ratchet"];
    let most: u64 = told["most"].as_object().unwrap().values().filter_map(Value::as_u64).sum();
    assert_eq!((most, &told["min"], &told["wanted"]), (7, &6.into(), &8.into()), "{told}");
    assert!(told["holding_cost"].as_f64().unwrap() > 0.0 && told["ended"].is_null(), "{told}");
    assert!(ended.stderr.contains("of at least 6 ("), "{}", ended.stderr);
    assert!(ended.stderr.contains("USD"), "{}", ended.stderr);
    assert!(ended.stderr.contains("7 of 8 were reserved when the launch began"), "{}", ended.stderr);
}

#[test]
fn a_ratchet_out_of_money_exits_with_7() {
    let place = Workplace::empty();
    let ended = ratchet(&place, &["--count", "8", "--max-hold-cost", "0.004", "--output", "json"]);
    let document = ended.json();
    assert_eq!((ended.code, &document["launched"]), (7, &0.into()), "{}", ended.stderr);
    let told = &document["ratchet"];
    assert_eq!(told["ended"], "money", "{told}");
    assert!(told["holding_cost"].as_f64().unwrap() <= 0.004, "{told}");
    assert!(document["still_costs"].as_array().is_none_or(Vec::is_empty), "{document}");
    assert!(ended.stderr.contains("of 8 reserved ("), "{}", ended.stderr);
    assert!(ended.stderr.contains("a higher --max-hold-cost or a lower --min"), "{}", ended.stderr);
}

#[test]
fn the_consent_to_a_ratchet_names_cost_and_bound() {
    let (place, _region) = region(&[]);
    let words =
        ["launch", "--ratchet", "--count", "1", "--max-hold-cost", "5", "--until", "2d", "--ttl", "3d"];
    let ended = place.run(&[&words[..], &["--yes", "--verbose"]].concat());
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let shown = ended.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    for said in [
        "while held ",
        "per 30 days (720 h)",
        "--ratchet: reservations in ",
        "85 % of the price while unused",
        "1 of 1 reserved start the launch",
        "or before holding has cost 5.00 USD, everything is given back",
    ] {
        assert!(shown.contains(said), "{said}: {shown}");
    }
    let rows = place.run(&["reservation", "list", "--output", "json"]).json()["reservations"].clone();
    let rows = rows.as_array().unwrap();
    assert!(rows.len() == 1 && rows[0]["reserved"] == 1 && rows[0]["used"] == 1, "{rows:?}");
}

#[test]
fn a_bound_without_a_price_is_refused() {
    let (place, _region) = region(&[]);
    let config = std::fs::read_to_string(place.path().join("config.yaml")).unwrap();
    place.write("config.yaml", format!("{config}\nprices:\n  currency: EUR\n"));
    let refused = place.run(&["launch", "--ratchet", "--count", "1", "--max-hold-cost", "5", "--yes"]);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    assert!(refused.stderr.contains("in EUR is unknown"), "{}", refused.stderr);
    assert!(refused.stderr.contains("hint: set it under `prices:`"), "{}", refused.stderr);
    assert_eq!(
        place.run(&["reservation", "list", "--output", "json"]).json()["reservations"],
        serde_json::json!([])
    );
}

#[test]
fn a_hunt_out_of_money_says_what_goes_on_costing() {
    let place = Workplace::empty();
    let scenario = "world: {hosts: {per_fault_domain: 0}, \
                    crumbs: [{availability_domain: 1, every_seconds: 1, hosts: 3, ocpus_per_host: 1, times: 1}]}";
    place.write("few.yaml", scenario);
    let scenario = format!("--simulate={}", place.path().join("few.yaml").display());
    let words = ["hunt", "--config", EXAMPLE, &scenario, "--speed", "300", "--count", "6"];
    let priced = place.run(&[&words[..6], &["--count", "1", "--dry-run", "--output", "json"]].concat());
    let hour = priced.json()["cost_at_most"]["hour"].as_f64().unwrap_or_else(|| panic!("{}", priced.stdout));
    // It ends while the bound pays for 150 s of three instances and one more: here after about 10 s.
    let bound = format!("{}", hour * (4.0 * 150.0 + 30.0) / 3600.0);
    let ended = place
        .run(&[&words[..], &["--yes", "--output", "json", "--until", "2m", "--max-cost", &bound]].concat());
    let document = ended.json();
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    let told = &document["spending"];
    assert!(told["reached"] == true && told["spent"].as_f64() <= bound.parse().ok(), "{told}");
    let per_hour = hour * document["running"].as_f64().unwrap();
    assert!((told["per_hour"].as_f64().unwrap() - per_hour).abs() < 1e-9 && per_hour > 0.0, "{document}");
    for said in ["launching nothing more", "(--max-cost); those that exist cost ", "hunt --extend --max-cost"]
    {
        assert!(ended.stderr.contains(said), "{said}: {}", ended.stderr);
    }
    assert!(!ended.stderr.contains("continue with"), "{}", ended.stderr);
}

#[test]
fn a_bound_on_a_hunt_needs_every_price() {
    let (place, _region) = region(&[]);
    let config = std::fs::read_to_string(place.path().join("config.yaml")).unwrap();
    place.write("config.yaml", format!("{config}\nprices:\n  currency: EUR\n"));
    let refused = place.run(&["hunt", "--count", "1", "--max-cost", "5", "--yes"]);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    assert!(
        refused.stderr.contains("--max-cost 5 cannot be checked: the price in EUR"),
        "{}",
        refused.stderr
    );
    assert!(refused.stderr.contains("hint: set in the config: prices: "), "{}", refused.stderr);
}

#[test]
fn the_consent_to_a_bound_says_what_it_ends() {
    let (place, _region) = region(&[]);
    let words = ["hunt", "--count", "1", "--max-cost", "5", "--yes", "--verbose", "--output", "json"];
    let ended = place.run(&words);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let shown = ended.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    let said = "--max-cost: launches nothing more once its instances have cost 5.00 USD; those that run by then are kept and go on \
                costing until you terminate them";
    assert!(shown.contains(said), "{shown}");
    assert_eq!(
        (&ended.json()["spending"]["reached"], &ended.json()["spending"]["max_cost"]),
        (&false.into(), &5.0.into())
    );
}

#[test]
fn the_unit_of_a_hunt_repeats_its_flags() {
    let place = Workplace::empty();
    let words = ["hunt", "--print-unit", "--floor", "30s", "--count", "4", "--config", "fleet.yaml"];
    let ratchet = ["--ratchet", "--max-hold-cost", "7.5"];
    let printed = place.run(&[&words[..], &ratchet].concat());
    assert_eq!(printed.code, 0, "{}", printed.stderr);
    let command = printed.stdout.lines().find(|line| line.starts_with("ExecStart=/")).unwrap();
    assert!(command.contains(" hunt --yes --config /"), "{command}");
    assert!(
        command.contains(" --until 2592000s --floor 30s --count 4 --ratchet --max-hold-cost 7.5"),
        "{command}"
    );
    assert!(printed.stdout.contains("oci-insta-scale-hunt.service"), "{}", printed.stdout);
    assert!(printed.stdout.contains("Restart=on-failure\n"), "{}", printed.stdout);
}
