//! Nothing is changed in the cloud without consent; with the real programs against a simulated region.

use crate::program::{Ended, Workplace};
use crate::sim_serve::{Region, region};

fn unconfirmed(place: &Workplace, arguments: &[&str]) -> Ended {
    place.unconfirmed(arguments).output().unwrap().into()
}

/// The contents of the compartment: instances with their states, and reservations.
fn cloud(place: &Workplace) -> (serde_json::Value, serde_json::Value) {
    let of = |words: &[&str], key: &str| unconfirmed(place, words).json()[key].clone();
    (
        of(&["instances", "list", "--terminated", "--no-ips", "--output", "json"], "instances"),
        of(&["reservation", "list", "--output", "json"], "reservations"),
    )
}

#[test]
fn off_a_terminal_nothing_changes_without_yes() {
    let (place, _region) = region(&[]);
    let launched = place.run(&["--count", "2", "--ttl", "1h", "--deadline", "1s", "--rate", "1"]);
    assert!([0, 3].contains(&launched.code), "{}", launched.stderr);
    assert_eq!(place.run(&["reservation", "create", "--name", "prod", "--count", "1"]).code, 0);
    let before = cloud(&place);

    let ours = env!("CARGO_BIN_EXE_oci-insta-scale");
    let manager = env!("CARGO_BIN_EXE_capacity-manager");
    let manage = env!("CARGO_BIN_EXE_manage-instances");
    let shape = ["-shape", "VM.Standard.E5.Flex", "-ocpus", "1", "-memory", "6", "-count", "1"];
    let make = [&["-create", "-name", "n", "-ad", "AD-1"][..], &shape].concat();
    let table: &[(&str, &[&str])] = &[
        (ours, &[]),
        (ours, &["launch", "--new", "--output", "json"]),
        (ours, &["launch", "--extend", "--new", "--count", "1"]),
        (ours, &["launch", "--new", "--ratchet"]),
        (ours, &["resume", "--from-cloud", "019a0000-0000-7000-8000-000000000000"]),
        (ours, &["instances", "stop", "--all"]),
        (ours, &["instances", "reboot", "--all"]),
        (ours, &["instances", "terminate", "--all"]),
        (ours, &["instances", "extend", "--prefix", "rehearsal-", "--ttl", "2h"]),
        (ours, &["scale", "9"]),
        (ours, &["scale", "0"]),
        (ours, &["scale", "0", "--output", "jsonl"]),
        (ours, &["replace", "--drifted"]),
        (ours, &["maintain"]),
        (ours, &["maintain", "--once"]),
        (ours, &["fleet", "adopt"]),
        (ours, &["reservation", "create", "--name", "more", "--count", "1"]),
        (ours, &["reservation", "update", "prod", "--count", "+1"]),
        (ours, &["reservation", "wait", "prod", "--count", "5"]),
        (ours, &["reservation", "delete", "prod"]),
        (manager, &make),
        (manager, &["-delete", "-id", "ocid1.capacityreservation.oc1.phx.any"]),
        (manage, &["stop", "-p", "rehearsal-"]),
        (manage, &["terminate", "-p", "rehearsal-"]),
    ];
    for (program, arguments) in table {
        let ended: Ended = place.command_of(program, arguments).output().unwrap().into();
        assert_eq!(ended.code, 2, "{arguments:?}: {}", ended.stderr);
        let said = "error: nothing was done: confirmation needs a terminal\n\
                    hint: add --yes (-y) to confirm in advance";
        assert!(ended.stderr.contains(said), "{arguments:?}: {}", ended.stderr);
    }
    assert_eq!(cloud(&place), before);
}

#[test]
fn reading_and_rehearsing_need_no_yes() {
    let (place, _region) = region(&[]);
    for arguments in [
        &["--dry-run"][..],
        &["--simulate", "--speed", "300", "--count", "1"],
        &["plan"],
        &["runs"],
        &["status"],
        &["fleets"],
        &["scale", "9", "--dry-run"],
        &["reservation", "list"],
        &["instances", "stop", "--prefix", "nobody-", "--allow-empty"],
        &["cleanup"],
        &["cleanup", "--dry-run"],
    ] {
        let ended = unconfirmed(&place, arguments);
        assert_eq!(ended.code, 0, "{arguments:?}: {}", ended.stderr);
    }
}

/// The config with another endpoint, which does not know the runs of the first one.
fn config_at(place: &Workplace, endpoint: &str) -> String {
    let config = std::fs::read_to_string(place.path().join("config.yaml")).unwrap();
    let lines = config.lines().map(|line| {
        if line.starts_with("endpoint:") { format!("endpoint: {endpoint}") } else { line.to_owned() }
    });
    lines.collect::<Vec<_>>().join("\n") + "\n"
}

/// An interrupted run: some instances are launched, and the rest is for `resume`.
fn cut_short(place: &Workplace) -> String {
    let ended =
        place.run(&["--count", "6", "--rate", "1", "--deadline", "2s", "--no-wait", "--output", "json"]);
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    ended.json()["run_id"].as_str().unwrap().to_owned()
}

#[test]
fn resume_elsewhere_is_refused_with_both_places() {
    let (place, first) = region(&[]);
    let run = cut_short(&place);
    let before = cloud(&place);
    let other = Workplace::empty();
    let second = Region::start(&other, &["--speed", "300"]);
    place.write("config.yaml", config_at(&place, &second.endpoint));
    let refused = place.run(&["resume", &run]);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    let said = format!("started at {}, but requests would now go to {}", first.endpoint, second.endpoint);
    assert!(refused.stderr.contains(&said), "{}", refused.stderr);
    // Follows the hint word for word.
    let resumed = place.run(&["resume", &run, "--endpoint", &first.endpoint, "--output", "json"]);
    assert_eq!((resumed.code, &resumed.json()["running"]), (0, &6.into()), "{}", resumed.stderr);
    place.write("config.yaml", config_at(&place, &first.endpoint));
    assert_eq!(cloud(&place).0.as_array().unwrap().len(), 6);
    assert_ne!(cloud(&place), before);
}

#[test]
fn a_bare_resume_goes_on_with_this_config_only() {
    let (place, _region) = region(&[]);
    let run = cut_short(&place);
    let elsewhere = place.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    std::fs::copy(place.path().join("config.yaml"), elsewhere.join("config.yaml")).unwrap();
    let bare = || -> Ended {
        place.command(&["resume", "--output", "json"]).current_dir(&elsewhere).output().unwrap().into()
    };
    let refused = bare();
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    assert!(refused.stderr.contains("there is 1 unfinished run of other configs:"), "{}", refused.stderr);
    assert!(refused.stderr.contains(&run), "{}", refused.stderr);
    assert!(refused.stderr.contains("hint: name the run to continue: oci-insta-scale resume RUN"));
    let named: Ended = place.command(&["resume", &run]).current_dir(&elsewhere).output().unwrap().into();
    assert_eq!(named.code, 0, "{}", named.stderr);
    // In its own folder, the run need not be named.
    assert_eq!(place.run(&["resume"]).code, 0);
}

#[test]
fn the_same_launch_twice_is_refused() {
    let (place, _region) = region(&[]);
    let launched = place.run(&["--count", "3", "--output", "json"]);
    assert_eq!(launched.code, 0, "{}", launched.stderr);
    let run = launched.json()["run_id"].as_str().unwrap().to_owned();
    let dry = place.run(&["--count", "3", "--dry-run"]);
    let refused = place.run(&["--count", "3"]);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    let said = format!("3 living instances named rehearsal-* exist (run {run})");
    assert!(refused.stderr.contains(&format!("error: {said}")), "{}", refused.stderr);
    assert!(refused.stderr.contains("`launch --extend` continues at rehearsal-4"), "{}", refused.stderr);
    assert!(dry.stderr.contains(&format!("a launch would stop here: {said}")), "{}", dry.stderr);
    assert_eq!(dry.code, 2, "{}", dry.stderr);
    assert_eq!(cloud(&place).0.as_array().unwrap().len(), 3);

    let extended = place.run(&["--count", "2", "--extend", "--output", "json"]);
    assert_eq!(extended.code, 0, "{}", extended.stderr);
    assert_eq!(extended.json()["instances"][1]["name"], "rehearsal-5");
    // Terminated instances do not count.
    assert_eq!(place.run(&["instances", "terminate", "--all"]).code, 0);
    let again = place.run(&["--count", "1", "--output", "json"]);
    assert_eq!(again.code, 0, "{}", again.stderr);
    assert_eq!(again.json()["instances"][0]["name"], "rehearsal-1");
    let beside = place.run(&["--count", "1", "--new"]);
    assert_eq!(beside.code, 0, "{}", beside.stderr);
}

#[test]
fn what_was_terminated_here_holds_no_names() {
    let (place, region) = region(&[]);
    assert_eq!(place.run(&["--count", "2"]).code, 0);
    assert_eq!(place.run(&["instances", "terminate", "--all"]).code, 0);
    // The service lists terminated instances for 12 hours. After that, only the ledger knows that they were terminated.
    region.post("/_sim/advance", &serde_json::json!({"seconds": 13 * 3600}));
    assert_eq!(cloud(&place).0, serde_json::json!([]));
    let again = place.run(&["--count", "1", "--output", "json"]);
    assert_eq!(again.code, 0, "{}", again.stderr);
    assert_eq!(again.json()["instances"][0]["name"], "rehearsal-1");
}

#[test]
fn extensions_at_once_never_share_a_name() {
    let (place, _region) = region(&[]);
    let start = || {
        let arguments = ["launch", "--extend", "--new", "--count", "2", "--no-wait", "--output", "json"];
        place
            .command(&arguments)
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
    };
    let started: Vec<_> = (0..3).map(|_| start().unwrap()).collect();
    let ended: Vec<Ended> =
        started.into_iter().map(|child| child.wait_with_output().unwrap().into()).collect();
    for ended in &ended {
        let refused = ended.code == 2 && ended.stderr.contains("is about to launch the fleet");
        assert!(ended.code == 0 || refused, "{}", ended.stderr);
    }
    let rows = cloud(&place).0;
    let names: Vec<&str> = rows.as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
    let distinct: std::collections::BTreeSet<_> = names.iter().collect();
    assert!(!names.is_empty() && distinct.len() == names.len(), "{names:?}");
}

#[test]
fn a_reservation_name_is_taken_once() {
    let (place, _region) = region(&[]);
    let create = ["reservation", "create", "--name", "prod", "--count", "2"];
    assert_eq!(place.run(&create).code, 0);
    let refused = place.run(&create);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    assert!(refused.stderr.contains("error: a reservation named prod exists: ocid1."), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("reservation update prod --count +N; or add --new"),
        "{}",
        refused.stderr
    );
    assert_eq!(place.run(&[&create[..], &["--new"]].concat()).code, 0);

    // Two reservations have one name: the error lists their OCIDs, and each OCID works.
    let (_, rows) = cloud(&place);
    let ocids: Vec<&str> = rows.as_array().unwrap().iter().map(|row| row["ocid"].as_str().unwrap()).collect();
    assert_eq!(ocids.len(), 2);
    for words in [&["show", "prod"][..], &["update", "prod", "--count", "+1"], &["delete", "prod"]] {
        let ended = place.run(&[&["reservation"], words].concat());
        assert_eq!(ended.code, 2, "{}", ended.stderr);
        assert!(ocids.iter().all(|ocid| ended.stderr.contains(ocid)), "{}", ended.stderr);
    }
    assert_eq!(place.run(&["reservation", "update", ocids[0], "--count", "+1"]).code, 0);
    assert_eq!(place.run(&["reservation", "delete", ocids[0]]).code, 0);
    // The name is unique again.
    assert_eq!(place.run(&["reservation", "delete", "prod"]).code, 0);
}

#[test]
fn what_a_simulated_region_says_is_marked_as_such() {
    const BANNER: &str = "simulated region `roomy`, 300 × real time: nothing here is real";
    let (place, _region) = region(&[]);
    let launched = place.run(&["--count", "2", "--output", "json"]);
    assert_eq!(launched.stderr.matches(BANNER).count(), 1, "{}", launched.stderr);
    assert_eq!(launched.json()["simulated"], true);
    let run = launched.json()["run_id"].as_str().unwrap().to_owned();
    assert_eq!(place.run(&["show", &run, "--output", "json"]).json()["simulated"], true);
    for arguments in [
        &["instances", "list"][..],
        &["instances", "status"],
        &["instances", "stop", "--all"],
        &["instances", "start", "--all"],
        &["instances", "reboot", "--all"],
        &["instances", "extend", "--prefix", "rehearsal-", "--ttl", "2h"],
        &["instances", "terminate", "nobody"],
        &["resume", &run],
        &["reservation", "list"],
        &["reservation", "create", "--name", "prod", "--count", "1"],
        &["reservation", "show", "prod"],
        &["reservation", "update", "prod", "--count", "2"],
        &["reservation", "wait", "prod", "--count", "3"],
        &["plan"],
        &["--dry-run", "--new"],
        &["capacity"],
        &["find", "shapes"],
        &["find", "ads"],
        &["find", "images"],
        &["cleanup", "--dry-run"],
        &["cleanup"],
    ] {
        let ended = place.run(&[arguments, &["--output", "json"]].concat());
        assert_eq!(ended.json()["simulated"], true, "{arguments:?}: {}", ended.stdout);
        assert_eq!(ended.stderr.matches(BANNER).count(), 1, "{arguments:?}: {}", ended.stderr);
    }
    let lines = place.run(&["instances", "list", "--output", "jsonl"]).stdout;
    assert!(lines.lines().all(|line| line.contains("\"simulated\":true")), "{lines}");
    let exported = place.run(&["export", "json", "--prefix", "rehearsal-"]);
    assert_eq!(exported.json()["simulated"], true, "{}", exported.stdout);
    assert_eq!(exported.stderr.matches(BANNER).count(), 1, "{}", exported.stderr);
    let deleted = place.run(&["reservation", "delete", "prod"]);
    assert_eq!(deleted.stderr.matches(BANNER).count(), 1, "{}", deleted.stderr);
    let table = place.run(&["--new", "--count", "1"]);
    assert!(table.stdout.contains("READY (SIMULATED)"), "{}", table.stdout);

    // A simulated launch: all of its runs are marked, and no message suggests resuming them.
    let rehearsed = place.run(&[
        "--simulate",
        "--speed",
        "0.1",
        "--count",
        "2",
        "--wait-timeout",
        "1s",
        "--output",
        "jsonl",
    ]);
    assert_eq!(rehearsed.code, 3, "{}", rehearsed.stderr);
    assert!(rehearsed.stdout.lines().all(|line| line.contains("\"simulated\":true")), "{}", rehearsed.stdout);
    let runs = place.run(&["runs", "--simulated", "--output", "json"]).json();
    assert_eq!(runs["simulated"], true, "{runs}");
    let told = [
        rehearsed.stdout + &rehearsed.stderr,
        place.run(&["runs", "--simulated"]).stdout,
        place.run(&["show", "--simulated"]).stdout,
    ];
    assert!(!told.concat().contains("resume"), "{}", told.concat());
}

#[test]
fn a_change_of_a_reservation_is_shown_with_its_price() {
    let (place, _region) = region(&[]);
    assert_eq!(place.run(&["reservation", "create", "--name", "prod", "--count", "2"]).code, 0);
    let price = |text: &str, label: &str| {
        let line = text.lines().find(|line| line.trim_start().starts_with(label));
        line.unwrap_or_else(|| panic!("{label}: {text}")).trim_start()[label.len()..].trim().to_owned()
    };
    // With -v, the proposal is shown even without a question.
    let updated = place.run(&["reservation", "update", "prod", "--count", "+1000", "-v"]);
    assert_eq!(updated.code, 0, "{}", updated.stderr);
    assert_eq!(price(&updated.stderr, "unused now"), "0.0578 USD per hour, 41.62 per 30 days (720 h)");
    assert_eq!(price(&updated.stderr, "unused then"), "28.9578 USD per hour, 20,849.62 per 30 days (720 h)");
    assert!(updated.stderr.contains("then holds   1002 × VM.Standard.E4.Flex"), "{}", updated.stderr);
    let waited = place.run(&["reservation", "wait", "prod", "--count", "1003", "-v"]);
    assert_eq!(waited.code, 0, "{}", waited.stderr);
    assert!(price(&waited.stderr, "unused then").starts_with("28.9867 USD"), "{}", waited.stderr);
    // Impossible changes are refused before a question.
    let refused = place.run(&["reservation", "update", "prod", "--count", "-2000", "-v"]);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    assert!(!refused.stderr.contains("unused then"), "{}", refused.stderr);
}

#[test]
fn a_question_names_the_user_of_the_variables() {
    let (place, _region) = region(&[]);
    let config = std::fs::read_to_string(place.path().join("config.yaml")).unwrap();
    let keys = ["user_ocid", "tenancy_ocid", "fingerprint", "private_key_path"];
    let value = |key: &str| {
        let line = config.lines().find(|line| line.starts_with(&format!("{key}:"))).unwrap();
        line.split_once(": ").unwrap().1.trim_matches('"').to_owned()
    };
    let others = config.lines().filter(|line| !keys.iter().any(|key| line.starts_with(key)));
    place.write("config.yaml", others.collect::<Vec<_>>().join("\n"));
    let variables = ["OCI_CLI_USER", "OCI_CLI_TENANCY", "OCI_CLI_FINGERPRINT", "OCI_CLI_KEY_FILE"];
    let mut launch = place.command(&["--count", "1", "-v"]);
    launch.envs(variables.into_iter().zip(keys.map(value)));
    let launched: Ended = launch.output().unwrap().into();
    assert_eq!(launched.code, 0, "{}", launched.stderr);
    let said = format!("  as           user {} of OCI_CLI_USER\n", value("user_ocid"));
    assert!(launched.stderr.contains(&said), "{}", launched.stderr);
}
