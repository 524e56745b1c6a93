//! A signal at any moment of a command, from before its first step to after its last: the command ends with its message and
//! code 130, or was done, and no lock stays held.

use super::books::{AtWork, Region, complete, live};
use crate::program::{Ended, Workplace};
use std::process::{Command, Stdio};
use std::time::Duration;

/// The moments, close together at the start of a command. How far the command gets by then depends on the machine.
fn moments() -> impl Iterator<Item = (u32, Duration)> {
    (0_u32..18).map(|at| (at, Duration::from_millis(1) * (at * at)))
}

/// The end of a command that received Ctrl-C.
enum Reached {
    /// No handler was installed yet, and nothing had been printed.
    Nothing,
    /// It was interrupted.
    Interrupted(Ended),
    /// It had finished.
    Done(Ended),
}

/// Sends Ctrl-C to a command after a while.
fn interrupted_after(mut command: Command, wait: Duration) -> Reached {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(wait);
    // The command may have ended already.
    let _ = Command::new("kill").args(["-INT", &child.id().to_string()]).stderr(Stdio::null()).status();
    let ended = Ended::from(child.wait_with_output().unwrap());
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
    match ended.code {
        -1 => {
            assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("", ""), "after {wait:?}");
            Reached::Nothing
        }
        130 => {
            let told = ["interrupted", "stopping"].iter().any(|word| ended.stderr.contains(word));
            assert!(told, "after {wait:?}: {}", ended.stderr);
            Reached::Interrupted(ended)
        }
        0 => Reached::Done(ended),
        other => panic!("{other} after {wait:?}: {}", ended.stderr),
    }
}

/// Starts the program like an interactive shell, however this test was started.
fn by_hand(place: &Workplace, arguments: &[&str]) -> Command {
    let words = ["--default-signal=INT", env!("CARGO_BIN_EXE_oci-insta-scale")];
    place.command_of("/usr/bin/env", &[&words[..], arguments].concat())
}

/// Checks that everything an interrupted command leaves in the state folder belongs to a known run or to the fleet.
fn nothing_claimed(place: &Workplace, state: &str) {
    let Ok(locks) = std::fs::read_dir(place.path().join(state).join("runs")) else { return };
    // Without a limit, older runs than the 20 newest are left out.
    let runs = place.run(&["runs", "--state-dir", state, "--limit", "1000", "--output", "json"]);
    for lock in locks {
        let lock = lock.unwrap();
        assert!(std::fs::File::open(lock.path()).unwrap().try_lock().is_ok(), "{lock:?} is held");
        let name = lock.file_name().into_string().unwrap();
        // `<hash>.key.lock` belongs to a fleet, `<run>.lock` to a run.
        let run = name.trim_end_matches(".lock");
        assert!(run.contains(".key") || runs.stdout.contains(run), "{run}: {}", runs.stdout);
    }
}

#[test]
fn a_launch_ends_in_order_at_any_moment() {
    let place = Workplace::empty();
    let region = Region::start(&place, &["--speed", "300"]);
    let config = std::fs::read_to_string(place.path().join("sim/config.yaml")).unwrap();
    let mut launched = 0;
    for (at, wait) in moments() {
        // Each has its own fleet and ledger, so that none affects the next.
        let named = config.replace("display_name_prefix: ", &format!("display_name_prefix: m{at}-"));
        assert_ne!(named, config);
        place.write("sim/one.yaml", named);
        let state = format!("state-{at}");
        let words = ["launch", "--config", "sim/one.yaml", "--count", "3", "--yes", "--output", "json"];
        let command = by_hand(&place, &[&words[..], &["--state-dir", &state]].concat());
        match interrupted_after(command, wait) {
            Reached::Nothing => assert!(!place.path().join(&state).exists(), "{at}"),
            Reached::Interrupted(ended) | Reached::Done(ended) => {
                launched += ended.json()["launched"].as_u64().unwrap_or(0);
                nothing_claimed(&place, &state);
            }
        }
        assert_eq!(live(&region), launched, "after {wait:?}");
    }
}

#[test]
fn a_resume_ends_in_order_at_any_moment() {
    let place = Workplace::empty();
    let region = Region::start(&place, &["--speed", "300"]);
    let words = ["launch", "--config", "sim/config.yaml", "--count", "30", "--rate", "10", "--yes"];
    let mut run = AtWork::start(by_hand(&place, &words));
    run.until("[1/30] launched");
    run.send("-INT");
    assert_eq!(run.end().code, 130);
    let words = ["resume", "--config", "sim/config.yaml", "--rate", "10", "--yes"];
    for (_, wait) in moments() {
        interrupted_after(by_hand(&place, &words), wait);
        nothing_claimed(&place, "state");
    }
    let ended = place.run(&["resume", "--config", "sim/config.yaml", "--yes"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    complete(&place, &region, 30);
}

#[test]
fn actions_and_cleanup_end_in_order_at_any_moment() {
    let place = Workplace::empty();
    let _region = Region::start(&place, &["--speed", "300"]);
    let common = ["--config", "sim/config.yaml"];
    let ended = place.run(&[&["launch", "--count", "18", "--yes", "--output", "json"][..], &common].concat());
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let rows = ended.json();
    for ((_, wait), row) in moments().zip(rows["instances"].as_array().unwrap()) {
        let name = row["name"].as_str().unwrap();
        let words = ["instances", "stop", name, "--yes"];
        interrupted_after(by_hand(&place, &[&words[..], &common].concat()), wait);
        nothing_claimed(&place, "state");
    }
    let words = ["instances", "terminate", "--run", "last", "--keep-boot-volumes", "--yes"];
    let ended = place.run(&[&words[..], &common].concat());
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    for (_, wait) in moments() {
        let words = ["cleanup", "--kept-volumes", "--yes"];
        interrupted_after(by_hand(&place, &[&words[..], &common].concat()), wait);
        nothing_claimed(&place, "state");
    }
}

#[test]
fn a_reservation_is_made_or_left_at_any_moment() {
    let place = Workplace::empty();
    let _region = Region::start(&place, &["--speed", "300"]);
    for (at, wait) in moments() {
        let name = format!("moment-{at}");
        let what = ["--ad", "AD-1", "--shape", "VM.Standard.E4.Flex", "--ocpus", "1", "--memory", "6"];
        let words = [
            "reservation",
            "create",
            "--config",
            "sim/config.yaml",
            "--count",
            "1",
            "--yes",
            "--name",
            &name,
        ];
        interrupted_after(by_hand(&place, &[&words[..], &what].concat()), wait);
    }
}

#[test]
fn a_region_ends_in_order_at_any_moment() {
    let place = Workplace::empty();
    for (at, wait) in moments() {
        let home = format!("sim-{at}");
        let words = ["sim", "serve", "--listen", "127.0.0.1:0", "--home", &home];
        let reached = interrupted_after(by_hand(&place, &words), wait);
        let begun = place.path().join(&home).exists();
        assert!(begun || matches!(reached, Reached::Nothing | Reached::Interrupted(_)), "{at}");
        assert!(!(begun && matches!(reached, Reached::Nothing)), "a home was claimed before a handler stood");
        let reset = place.run(&["sim", "reset", "--home", &home]);
        assert_eq!(reset.code, 0, "{}", reset.stderr);
    }
}

#[test]
fn a_list_that_is_awaited_is_left_at_once() {
    let place = Workplace::empty();
    let _region = Region::start(&place, &["--speed", "300"]);
    let words = ["instances", "stop", "--config", "sim/config.yaml", "--file", "-", "--yes", "-v"];
    let mut command = by_hand(&place, &words);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Nothing shows that it is reading; after a while this is likely, and the test holds in any case.
    std::thread::sleep(Duration::from_millis(200));
    let typing = child.stdin.take();
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let ended = Ended::from(child.wait_with_output().unwrap());
    drop(typing);
    assert_eq!(ended.code, 130, "{}", ended.stderr);
}
