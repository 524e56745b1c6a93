//! Ctrl-C, a service manager's stop, a closed terminal and a reader that stops reading: none of them loses anything.

use super::books::{AtWork, Region, complete, launches, live, resume_to};
use crate::program::{Ended, Workplace};
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;
use tokio::time::Instant;

const COUNT: u64 = 24;

/// A launch that is slow enough to be interrupted in the middle.
const LAUNCH: [&str; 7] = ["--config", "sim/config.yaml", "--count", "24", "--rate", "8", "--yes"];

/// Starts the program like an interactive shell, however this test was started.
fn by_hand(place: &Workplace, arguments: &[&str]) -> Command {
    let mut words = vec!["--default-signal=HUP,INT,TERM", env!("CARGO_BIN_EXE_oci-insta-scale")];
    words.extend(arguments);
    place.command_of("/usr/bin/env", &words)
}

/// Runs all cases at the same time, because most of the time is waiting.
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
        // At 8 per second only a few were in flight, and all of them are known.
        let launched = document["launched"].as_u64().unwrap();
        assert!((3..16).contains(&launched), "{signal}: {launched} launched");
        assert_eq!((live(&region), launches(&region)), (launched, launched), "{signal}");
        resume_to(&place, &region, COUNT);
    });
}

#[test]
fn a_second_signal_exits_at_once_and_loses_nothing() {
    let place = Workplace::empty();
    // Responses take long enough that many calls are in flight.
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
    // The counts below show that calls were not awaited; this detects an end that hangs.
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
    // The terminal takes both of its streams with it.
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
        // Like `| head -1`; the other formats print only at the end, when nothing reads them.
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
