//! Ctrl-C, a service manager's stop, a closed terminal and a reader that has seen enough: nothing is lost to any of them.

use super::books::{AtWork, Region, complete, launches, live, resume_to};
use crate::program::{Ended, Workplace};
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;
use tokio::time::Instant;

const COUNT: u64 = 24;

/// A launch that is slow enough to be caught in the middle.
const LAUNCH: [&str; 7] = ["--config", "sim/config.yaml", "--count", "24", "--rate", "8", "--yes"];

/// As an interactive shell starts it, whatever this test was started with.
fn by_hand(place: &Workplace, arguments: &[&str]) -> Command {
    let mut words = vec!["--default-signal=HUP,INT,TERM", env!("CARGO_BIN_EXE_oci-insta-scale")];
    words.extend(arguments);
    place.command_of("/usr/bin/env", &words)
}

/// Tries all of them at the same time: most of it is waiting.
fn at_once(cases: [&str; 3], each: impl Fn(&str) + Sync) {
    std::thread::scope(|scope| {
        for case in cases {
            let each = &each;
            scope.spawn(move || each(case));
        }
    });
}

fn calm(ended: &Ended) {
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
}

#[test]
fn after_a_signal_resume_reaches_exactly_n() {
    at_once(["-INT", "-TERM", "-HUP"], |signal| {
        let place = Workplace::empty();
        let region = Region::start(&place, &["--speed", "300"]);
        let mut run = AtWork::start(by_hand(&place, &[&LAUNCH[..], &["--output", "json"]].concat()));
        run.until("[3/24] launched");
        run.send(signal);
        let ended = run.end();
        calm(&ended);
        assert_eq!(ended.code, 130, "{signal}: {}", ended.stderr);
        assert!(ended.stderr.contains("stopping: no new launches"), "{signal}: {}", ended.stderr);
        assert!(
            ended.stderr.contains("continue with: oci-insta-scale resume "),
            "{signal}: {}",
            ended.stderr
        );
        let document = ended.json();
        // At 8 a second no more than a few were under way, and each of them is known.
        let launched = document["launched"].as_u64().unwrap();
        assert!((3..16).contains(&launched), "{signal}: {launched} launched");
        assert_eq!((live(&region), launches(&region)), (launched, launched), "{signal}");
        resume_to(&place, &region, COUNT);
    });
}

#[test]
fn a_second_signal_exits_at_once_and_loses_nothing() {
    let place = Workplace::empty();
    // Answers come late enough that many calls are under way.
    place.write("late.yaml", "description: late answers\nlatency: {min_ms: 900, max_ms: 900}\n");
    let region = Region::start(&place, &["--speed", "300", "--scenario", "late.yaml"]);
    let arguments = ["--config", "sim/config.yaml", "--count", "24", "--yes", "--output", "json"];
    let mut run = AtWork::start(by_hand(&place, &arguments));
    run.until("[1/24] launched");
    run.send("-INT");
    run.until("stopping:");
    run.send("-TERM");
    let begun = Instant::now();
    let ended = run.end();
    // That calls were not awaited is told by the counts below; this is for an end that hangs.
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    calm(&ended);
    assert_eq!((ended.code, ended.stdout.as_str()), (130, ""), "{}", ended.stderr);
    let asked = launches(&region);
    assert!(asked > ended.stderr.matches("launched web-").count() as u64, "{asked} asked: {}", ended.stderr);
    resume_to(&place, &region, COUNT);
}

#[test]
fn a_terminal_that_closes_stops_the_run_and_loses_nothing() {
    let place = Workplace::empty();
    let region = Region::start(&place, &["--speed", "300"]);
    let mut run = AtWork::start(by_hand(&place, &LAUNCH));
    run.until("[3/24] launched");
    // With the terminal its two streams are gone.
    let mut child = run.hang_up();
    drop(child.stdout.take());
    assert!(Command::new("kill").args(["-HUP", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(live(&region) < COUNT);
    resume_to(&place, &region, COUNT);
}

#[test]
fn under_nohup_a_closed_terminal_does_not_stop_the_run() {
    let place = Workplace::empty();
    let region = Region::start(&place, &["--speed", "300"]);
    let mut words = vec!["--ignore-signal=HUP", env!("CARGO_BIN_EXE_oci-insta-scale")];
    words.extend(LAUNCH);
    let mut run = AtWork::start(place.command_of("/usr/bin/env", &words));
    run.until("[3/24] launched");
    run.send("-HUP");
    let ended = run.end();
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    complete(&place, &region, COUNT);
}

#[test]
fn a_closed_stdout_changes_neither_run_nor_exit_code() {
    at_once(["jsonl", "json", "table"], |format| {
        let place = Workplace::empty();
        let region = Region::start(&place, &["--speed", "300"]);
        let arguments = ["--config", "sim/config.yaml", "--count", "24", "--yes", "--output", format];
        let mut command = by_hand(&place, &arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // What `| head -1` does; the other formats print at the end only, to nobody at all.
        let mut out = BufReader::new(child.stdout.take().unwrap());
        if format == "jsonl" {
            let mut line = String::new();
            out.read_line(&mut line).unwrap();
            assert!(line.contains("run_started"), "{line}");
        }
        drop(out);
        let ended = Ended::from(child.wait_with_output().unwrap());
        calm(&ended);
        assert_eq!(ended.code, 0, "{format}: {}", ended.stderr);
        complete(&place, &region, COUNT);
    });
}

#[test]
fn help_and_lists_end_quietly_when_nobody_reads_them() {
    let place = Workplace::empty();
    for arguments in [&["--help"][..], &["sim", "scenarios"], &["man"], &["completions", "bash"]] {
        let mut child =
            place.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let ended = Ended::from(child.wait_with_output().unwrap());
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{arguments:?}");
    }
}
