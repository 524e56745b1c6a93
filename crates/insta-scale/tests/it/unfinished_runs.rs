//! Unfinished runs that a launch must not ignore, and messages about resumed runs, with the real program.

use crate::program::{Ended, Workplace};
use crate::sim_serve::{Region, region};
use std::process::Stdio;

fn live(place: &Workplace) -> usize {
    let document = place.run(&["instances", "list", "--output", "json"]).json();
    let rows = document["instances"].as_array().unwrap();
    rows.iter().filter(|row| !row["state"].as_str().unwrap().starts_with("TERMINAT")).count()
}

/// An interrupted run that has created instances. Returns its id.
fn cut_short(place: &Workplace) -> String {
    let words = ["--count", "8", "--rate", "4", "--deadline", "1s", "--no-wait", "--output", "json"];
    let ended = place.run(&words);
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    ended.json()["run_id"].as_str().unwrap().to_owned()
}

fn refused(ended: &Ended, run: &str) {
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    assert!(ended.stderr.contains(run), "{}", ended.stderr);
}

#[test]
fn a_run_in_doubt_is_told_to_be_and_is_not_passed_over() {
    let place = Workplace::empty();
    let faults = "faults: [{operations: [launch], fault: reset_after}]\n";
    place.write("lossy.yaml", faults);
    let region = Region::start(&place, &["--scenario", "lossy.yaml"]);
    std::fs::copy(place.path().join("sim/config.yaml"), place.path().join("config.yaml")).unwrap();
    let doubtful = place.run(&["--count", "2", "--deadline", "1s", "--output", "json"]);
    assert_eq!((doubtful.code, &doubtful.json()["launched"]), (3, &0.into()), "{}", doubtful.stderr);
    assert!(doubtful.stderr.contains("continue with:"), "{}", doubtful.stderr);
    region.post("/_sim/faults", &serde_json::json!({"replace": []}));
    let document = doubtful.json();
    let run = document["run_id"].as_str().unwrap();
    let again = place.run(&["--count", "2", "--output", "json"]);
    refused(&again, run);
    assert!(again.stderr.contains("with an unknown outcome"), "{}", again.stderr);
    // `resume` does not choose a newer run that is complete.
    let beside = place.run(&["--new", "--count", "1", "--no-wait"]);
    assert_eq!(beside.code, 0, "{}", beside.stderr);
    let resumed = place.run(&["resume", "--no-wait", "--output", "json"]);
    assert_eq!((resumed.code, resumed.json()["run_id"].as_str()), (0, Some(run)), "{}", resumed.stderr);
    assert_eq!(live(&place), 3);
}

#[test]
fn other_spellings_of_config_or_endpoint_are_the_same_fleet() {
    let (place, region) = region(&[]);
    let run = cut_short(&place);
    std::os::unix::fs::symlink("config.yaml", place.path().join("link.yaml")).unwrap();
    std::fs::create_dir(place.path().join("down")).unwrap();
    let spelled = format!("{}/", region.endpoint);
    for words in
        [&["--config", "link.yaml"][..], &["--config", "down/../config.yaml"], &["--endpoint", &spelled]]
    {
        refused(&place.run(words), &run);
    }
    let dry = place.run(&["--dry-run"]);
    assert!(dry.code == 2 && dry.stderr.contains("a launch would stop here"), "{}", dry.stderr);
    refused(&dry, &run);
    assert_eq!(dry.stderr.matches("a launch would stop here").count(), 1, "{}", dry.stderr);
    assert!(!place.run(&["--dry-run", "--new"]).stderr.contains("would stop here"));
    assert_eq!(place.run(&["resume", "--no-wait"]).code, 0);
    assert_eq!(live(&place), 8);
}

#[test]
fn of_two_launches_that_are_started_at_once_one_is_refused() {
    let (place, _region) = region(&[]);
    let start = || {
        let mut command = place.command(&["--count", "20", "--rate", "10"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let both = [start(), start()].map(|child| Ended::from(child.wait_with_output().unwrap()));
    let mut codes = [&both[0], &both[1]].map(|ended| ended.code);
    codes.sort_unstable();
    assert_eq!(codes, [0, 2], "{} {}", both[0].stderr, both[1].stderr);
    let told = both.iter().find(|ended| ended.code == 2).map_or("", |ended| &ended.stderr);
    assert!(told.contains("about to launch") || told.contains("active"), "{told}");
    assert_eq!(live(&place), 20);
}

#[test]
fn a_run_with_an_unreadable_plan_blocks_until_rebuilt() {
    let (place, _region) = region(&[]);
    let run = cut_short(&place);
    let path = place.path().join("state/ledger.db");
    let mut bytes = std::fs::read(&path).unwrap();
    let kind = b"\"kind\":\"launch\"";
    // A page that was rewritten may also have an older copy in the file.
    let places = 0..=bytes.len() - kind.len();
    let found: Vec<usize> = places.filter(|at| bytes[*at..].starts_with(kind)).collect();
    assert!(!found.is_empty());
    for at in found {
        bytes[at + 9] = b'X';
    }
    std::fs::write(&path, bytes).unwrap();

    let again = place.run(&["--count", "8"]);
    refused(&again, &run);
    let remedy = format!("resume --from-cloud {run}");
    assert!(again.stderr.contains("cannot be read") && again.stderr.contains(&remedy), "{}", again.stderr);
    for words in [&["resume", &run][..], &["resume"], &["show", &run]] {
        let ended = place.run(words);
        assert!(ended.code == 2 && ended.stderr.contains(&remedy), "{words:?}: {}", ended.stderr);
    }
    let listed = place.run(&["runs"]);
    assert!(!listed.stdout.contains("1970"), "{}", listed.stdout);
    let rebuilt = ["resume", "--from-cloud", &run, "--count", "8", "--list-lag", "1s", "--no-wait"];
    let rebuilt = place.run(&rebuilt);
    assert_eq!(rebuilt.code, 0, "{}", rebuilt.stderr);
    assert_eq!(live(&place), 8);
    let extended = place.run(&["--extend", "--count", "1", "--no-wait"]);
    assert_eq!(extended.code, 0, "what is complete stands in nobody's way: {}", extended.stderr);
}

#[test]
fn what_resume_cannot_do_or_need_not_do_is_told_at_once() {
    let (place, _region) = region(&[]);
    let ended = place.run(&["--count", "1", "--output", "json"]);
    let document = ended.json();
    let run = document["run_id"].as_str().unwrap();
    let complete = place.run(&["resume"]);
    assert_eq!(complete.code, 0, "{}", complete.stderr);
    assert!(complete.stderr.contains("nothing is left to do"), "{}", complete.stderr);

    let start = tokio::time::Instant::now();
    let known = place.run(&["resume", "--from-cloud", run]);
    assert!(known.code == 2 && known.stderr.contains("the ledger already has"), "{}", known.stderr);
    assert!(start.elapsed().as_secs() < 60, "the lag of lists is not waited for");

    std::fs::remove_file(place.path().join("config.yaml")).unwrap();
    let gone = place.run(&["resume", run]);
    assert_eq!(gone.code, 2, "{}", gone.stderr);
    assert!(gone.stderr.contains(&format!("resume {run} --config FILE")), "{}", gone.stderr);
    assert!(gone.stderr.contains("config.yaml, which no longer exists"), "{}", gone.stderr);
}

#[test]
fn a_list_that_a_limit_shortens_says_so() {
    let (place, _region) = region(&[]);
    for count in ["1", "2", "3"] {
        let ended = place.run(&["--count", count, "--new", "--no-wait"]);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
    }
    for (limit, shown) in [("2", 2), ("0", 0)] {
        let listed = place.run(&["runs", "--limit", limit, "--output", "jsonl"]);
        assert_eq!(listed.stdout.lines().count(), shown);
        let told = format!("the {limit} newest of 3 runs; `--limit 3` shows all");
        assert!(listed.stderr.contains(&told), "{}", listed.stderr);
    }
    assert!(!place.run(&["runs", "--limit", "0"]).stderr.contains("no runs yet"));
    let all = place.run(&["runs", "--limit", "3"]);
    assert!(!all.stderr.contains("newest of"), "{}", all.stderr);
    let images = place.run(&["find", "images", "--shape", "any", "--limit", "1"]);
    assert!(images.stderr.contains("the 1 newest of "), "{}", images.stderr);
}

#[test]
fn a_summary_that_cannot_be_written_changes_no_code() {
    let (place, _region) = region(&[]);
    let full = || Stdio::from(std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
    let ended: Ended = place
        .command(&["--count", "2", "--output", "json"])
        .stdout(full())
        .stderr(Stdio::piped())
        .output()
        .unwrap()
        .into();
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stderr.contains("standard output cannot be written"), "{}", ended.stderr);
    assert_eq!(live(&place), 2);
}

#[test]
fn a_state_folder_that_is_set_to_nothing_is_not_set() {
    let place = Workplace::empty();
    let mut command = place.command(&["runs"]);
    let ended: Ended = command.env("OCI_INSTA_SCALE_STATE_DIR", "").output().unwrap().into();
    assert_eq!(ended.code, 0, "{}", ended.stderr);
}

/// A user follows a hint literally: its commands use the same config and ledger as the command that printed it.
#[test]
fn a_command_in_a_hint_keeps_the_callers_flags() {
    let place = Workplace::empty();
    let ended = place.run(&["show", "--state-dir", "elsewhere", "--config", "my fleet.yaml", "01a2"]);
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    let flags = "--config 'my fleet.yaml' --state-dir elsewhere";
    assert!(ended.stderr.contains(&format!("`oci-insta-scale runs {flags}`")), "{}", ended.stderr);
    let refused = place.run(&["resume", "--state-dir", "elsewhere", "--output", "json"]);
    let hint = refused.json()["error"]["hint"].as_str().unwrap().to_owned();
    assert!(hint.contains("`oci-insta-scale runs --state-dir elsewhere`"), "{hint}");
}
