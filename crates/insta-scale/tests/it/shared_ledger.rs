//! Two machines with one ledger in PostgreSQL: what one does, the other sees, continues and does not repeat.

use crate::program::{Ended, Workplace};
use crate::sim_serve::{Region, region};
use ledger::{Archive as _, SqliteStore, Store as _};
use serde_json::Value;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use testkit::postgres::PostgresServer;
use tokio::time::Instant;

/// A machine of a team: its own state directory and its own copy of the config.
struct Machine {
    place: Workplace,
    ledger: String,
}

impl Machine {
    fn command(&self, words: &[&str]) -> Command {
        let mut command = self.place.command(words);
        command.env("OCI_INSTA_SCALE_LEDGER", &self.ledger).args(["--takeover-after", "10s"]);
        command
    }

    fn run(&self, words: &[&str]) -> Ended {
        self.command(words).output().unwrap().into()
    }

    fn json(&self, words: &[&str]) -> Value {
        let ended = self.run(&[words, &["--output", "json"]].concat());
        assert_eq!(ended.code, 0, "{words:?}: {}", ended.stderr);
        ended.json()
    }

    fn start(&self, words: &[&str]) -> Child {
        self.command(words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }
}

/// A region, a server, and two machines that use both.
fn team() -> (Region, PostgresServer, Machine, Machine) {
    let (ann, region) = region(&[]);
    let server = PostgresServer::start();
    let bob = Workplace::empty();
    let config = std::fs::read_to_string(ann.path().join("config.yaml")).unwrap();
    // The key is where the config says; a person would have a copy of it.
    bob.write("config.yaml", config);
    let machine = |place| Machine { place, ledger: server.address() };
    let machines = (machine(ann), machine(bob));
    (region, server, machines.0, machines.1)
}

/// Waits until something holds.
fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let since = Instant::now();
    while !holds() {
        assert!(since.elapsed() < Duration::from_secs(90), "{what} does not happen");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn what_one_machine_launches_another_sees_and_scales() {
    let (_region, server, ann, bob) = team();
    let launched = ann.run(&["launch", "--count", "3"]);
    assert_eq!(launched.code, 0, "{}", launched.stderr);
    assert!(!ann.place.path().join("state/ledger.db").exists(), "no file is written beside the database");
    let runs = bob.json(&["runs"]);
    assert_eq!(
        (runs["runs"].as_array().unwrap().len(), &runs["runs"][0]["launched"]),
        (1, &3.into()),
        "{runs}"
    );
    assert_eq!(bob.json(&["status"])["members"], 3);
    assert_eq!(bob.json(&["fleets"])["fleets"][0]["instances"], 3);
    let run = runs["runs"][0]["run"].as_str().unwrap();
    let report = bob.run(&["report", run, "--format", "md"]);
    assert!(
        report.code == 0 && report.stdout.contains("| Running | `3` |"),
        "{} {}",
        report.stdout,
        report.stderr
    );
    // The same config elsewhere is the same fleet, which grows by one.
    let grown = bob.run(&["scale", "4"]);
    assert_eq!(grown.code, 0, "{}", grown.stderr);
    assert_eq!(ann.json(&["status"])["members"], 4);
    assert_eq!(ann.run(&["scale", "0", "--yes"]).code, 0);
    assert_eq!(bob.json(&["status"])["members"], 0);
    // Nothing secret is in the database.
    let key = std::fs::read_to_string(ann.place.path().join("sim/oci_api_key.pem")).unwrap();
    let key = key.lines().nth(1).unwrap();
    let everything = server.sql(
        "fleet",
        "SELECT r::text FROM oci_insta_scale.records r UNION ALL SELECT r::text FROM oci_insta_scale.runs r
         UNION ALL SELECT l::text FROM oci_insta_scale.leases l",
    );
    assert!(everything.len() > 1000 && !everything.contains(key) && !everything.contains("secret"));
}

#[test]
fn a_run_whose_machine_dies_is_taken_over_once() {
    let (_region, _server, ann, bob) = team();
    let mut holder = ann.start(&["launch", "--count", "30", "--rate", "4"]);
    let launched = || -> u64 {
        let runs = bob.run(&["runs", "--output", "json"]).json();
        runs["runs"][0]["launched"].as_u64().unwrap_or_default()
    };
    wait_for("a launch", || launched() > 3);
    // While it works, nobody else begins the same fleet or takes the run.
    let again = bob.run(&["launch", "--count", "30"]);
    assert!(again.code == 2 && again.stderr.contains("is working on it"), "{}", again.stderr);
    let run = bob.json(&["runs"])["runs"][0]["run"].as_str().unwrap().to_owned();
    let taken = bob.run(&["resume", &run]);
    assert!(taken.code == 2 && taken.stderr.contains("held by process"), "{} {}", taken.code, taken.stderr);
    holder.kill().unwrap();
    holder.wait().unwrap();
    let since = Instant::now();
    wait_for("a takeover", || bob.run(&["resume", &run]).code == 0);
    assert!(since.elapsed() < Duration::from_mins(1), "{:?}", since.elapsed());
    let status = ann.json(&["status"]);
    assert_eq!((&status["members"], &status["by_state"]["RUNNING"]), (&30.into(), &30.into()), "{status}");
    let names = ann.json(&["instances", "list"]);
    let mut names: Vec<&str> =
        names["instances"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 30, "none is there twice");
}

/// A laptop sleeps, another machine takes over, and the laptop wakes up.
#[test]
fn who_wakes_up_after_a_takeover_begins_nothing() {
    let (_region, server, ann, bob) = team();
    let mut command = ann.command(&["launch", "--count", "30", "--rate", "4"]);
    let sleeper = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let signal = |name: &str| {
        let sent = Command::new("kill").args([name, &sleeper.id().to_string()]).status().unwrap();
        assert!(sent.success());
    };
    let listed = || bob.run(&["runs", "--output", "json"]).json()["runs"][0].clone();
    wait_for("a launch", || listed()["launched"].as_u64().unwrap_or_default() > 3);
    let run = listed()["run"].as_str().unwrap().to_owned();
    signal("-STOP");
    wait_for("a takeover", || bob.run(&["resume", &run]).code == 0);
    signal("-CONT");
    let woken: Ended = sleeper.wait_with_output().unwrap().into();
    assert!(woken.code == 3 && woken.stderr.contains("was taken over"), "{} {}", woken.code, woken.stderr);
    let status = bob.json(&["status"]);
    assert_eq!((&status["members"], &status["by_state"]["RUNNING"]), (&30.into(), &30.into()), "{status}");
    let order = server.sql(
        "fleet",
        "SELECT max(seq) FILTER (WHERE fence = 1) < min(seq) FILTER (WHERE fence > 1) FROM oci_insta_scale.records",
    );
    assert_eq!(order, "t", "nothing was written with the old lease after the takeover");
}

#[test]
fn of_two_hunters_one_stands_by_and_takes_over() {
    let (region, _server, ann, bob) = team();
    // No host has room.
    let full = serde_json::json!({"add": [{"operations": ["LaunchInstance"], "fault": {"answer":
        {"status": 500, "code": "InternalError", "message": "Out of host capacity."}}}]});
    region.post("/_sim/faults", &full);
    let hunt = ["hunt", "--count", "2", "--until", "30d", "--yes"];
    let mut first = ann.start(&hunt);
    wait_for("the first hunt", || {
        bob.run(&["runs", "--output", "json"]).json()["runs"][0]["run"].is_string()
    });
    let mut second = bob.command(&hunt).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(3));
    assert!(second.try_wait().unwrap().is_none(), "it stands by");
    assert_eq!(bob.json(&["runs"])["runs"].as_array().unwrap().len(), 1, "there is one hunt");
    first.kill().unwrap();
    first.wait().unwrap();
    region.post("/_sim/faults", &serde_json::json!({"replace": []}));
    let ended: Ended = second.wait_with_output().unwrap().into();
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stderr.contains("standing by: process"), "{}", ended.stderr);
    assert_eq!(ann.json(&["status"])["members"], 2);
    assert_eq!(ann.json(&["runs"])["runs"].as_array().unwrap().len(), 1);
}

#[test]
fn a_ledger_that_cannot_be_used_stops_before_anything_is_sent() {
    let (_region, server, ann, _bob) = team();
    for (wrong, says, code) in [
        (server.address().replace("secret", "wrong"), "password authentication failed", 2),
        (server.address().replace("/fleet", "/nothing"), "does not exist", 2),
        ("postgres://ann@127.0.0.1:1/fleet".to_owned(), "cannot be reached", 2),
        ("mysql://ann@db/fleet".to_owned(), "does not begin with postgres://", 2),
    ] {
        let mut command = ann.place.command(&["launch", "--count", "1"]);
        let ended: Ended = command.env("OCI_INSTA_SCALE_LEDGER", &wrong).output().unwrap().into();
        assert!(ended.stderr.contains(says) && !ended.stderr.contains("wrong@"), "{}", ended.stderr);
        assert_eq!(ended.code, code, "{}", ended.stderr);
    }
    // The key of the config does the same, with its place, and its value is never shown.
    let config = std::fs::read_to_string(ann.place.path().join("config.yaml")).unwrap();
    ann.place.write("config.yaml", format!("{config}\nledger: postgres://ann:hidden@/fleet\n"));
    let mistaken = ann.place.run(&["runs"]);
    assert_eq!(mistaken.code, 2);
    assert!(
        mistaken.stderr.contains("names no host") && mistaken.stderr.contains("config.yaml:"),
        "{}",
        mistaken.stderr
    );
    assert!(!mistaken.stderr.contains("hidden"), "{}", mistaken.stderr);
    ann.place.write("config.yaml", format!("{config}\nledger: {}\n", server.address()));
    assert_eq!(ann.place.run(&["runs", "--output", "json"]).json()["runs"], serde_json::json!([]));
    let healthy = ann.place.run(&["doctor", "--output", "json"]);
    assert!(healthy.stdout.contains("/fleet answers") && healthy.code == 0, "{}", healthy.stdout);
    let shown = ann.place.run(&["config", "show"]);
    assert!(shown.code == 0 && !shown.stdout.contains("secret"), "{} {}", shown.stdout, shown.stderr);
    assert_eq!(ann.json(&["instances", "list"])["instances"], serde_json::json!([]));
}

#[test]
fn runs_move_into_a_shared_ledger() {
    let (_region, server, ann, bob) = team();
    let launched = ann.place.run(&["launch", "--count", "2"]);
    assert_eq!(launched.code, 0, "{}", launched.stderr);
    let address = server.address();
    for copied in [true, false] {
        let moved = ann.place.run(&["ledger", "copy", "state", &address, "--output", "json"]);
        assert_eq!(moved.code, 0, "{}", moved.stderr);
        let run = &moved.json()["runs"][0];
        assert_eq!(run["copied"] == run["records"], copied, "{run}");
        assert!(!moved.stdout.contains("secret"), "{}", moved.stdout);
    }
    assert_eq!(bob.json(&["status"])["members"], 2);
    let checked = bob.json(&["ledger", "check"]);
    assert_eq!((&checked["runs"], &checked["damaged"]), (&1.into(), &serde_json::json!([])), "{checked}");
    server.sql(
        "fleet",
        "UPDATE oci_insta_scale.records SET at = '2020-01-01T00:00:00Z' WHERE seq = (SELECT max(seq) FROM oci_insta_scale.records)",
    );
    let damaged = bob.run(&["ledger", "check", "--output", "json"]);
    assert_eq!(damaged.code, 3, "{}", damaged.stdout);
    assert_eq!(damaged.json()["damaged"][0]["unreadable"].as_array().unwrap().len(), 1);
    let beside = ann.place.run(&["ledger", "copy", "state", &address]);
    assert!(beside.code == 2 && beside.stderr.contains("went separate ways"), "{}", beside.stderr);
}

/// A copy of a ledger as if everything had happened in 2020.
fn aged(from: &Path, to: &Path) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (from, to) = (SqliteStore::open(from).unwrap(), SqliteStore::open(to).unwrap());
        for head in from.runs().await.unwrap() {
            let mut rows = from.raw(head.run, 1).await.unwrap();
            for row in &mut rows {
                "2020-01-01T00:00:00Z".clone_into(&mut row.at);
                row.checksum = ledger::stored::checksum(row.seq, &row.at, &row.event);
            }
            to.put(head.run, rows, from.last(head.run).await.unwrap()).await.unwrap();
        }
    });
}

#[test]
fn old_runs_are_pruned_when_nothing_of_them_is_left() {
    let (place, _region) = region(&[]);
    assert_eq!(place.run(&["launch", "--count", "2"]).code, 0);
    let prune = |more: &[&str]| {
        place.run(&[&["ledger", "prune", "--older-than", "30d", "--output", "json"], more].concat())
    };
    let nothing = serde_json::json!([]);
    let recent = prune(&["--yes"]).json();
    assert_eq!((&recent["removed"], &recent["kept"]), (&nothing, &nothing));
    aged(&place.path().join("state"), &place.path().join("old"));
    let old = ["--state-dir", "old"];
    let living = prune(&[&old[..], &["--yes"]].concat()).json();
    assert_eq!(
        (&living["removed"], &living["kept"][0]["reason"]),
        (&nothing, &"2 instances of it left".into())
    );
    assert_eq!(place.run(&["instances", "terminate", "--all"]).code, 0);
    assert_eq!(prune(&old).code, 2, "nobody can be asked");
    let dry = prune(&[&old[..], &["--dry-run"]].concat()).json();
    assert_eq!(dry["removed"].as_array().unwrap().len(), 1, "{dry}");
    let short = place.run(&["ledger", "prune", "--older-than", "30s", "--yes"]);
    assert_eq!(short.code, 2, "{}", short.stderr);
    let runs = |folder: &str| {
        let listed = place.run(&["runs", "--state-dir", folder, "--output", "json"]).json();
        listed["runs"].as_array().unwrap().len()
    };
    let removed = prune(&[&old[..], &["--yes"]].concat());
    assert_eq!((removed.code, runs("old")), (0, 0), "{}", removed.stderr);
    assert_eq!(runs("state"), 2, "the launch and the termination");
}
