//! `peers FILE.json VENV`: 200 instances to RUNNING in a simulated region that admits 20 launches per second, with this project
//! and with tools that people use today. VENV is a Python environment with the official SDK and command line.
//!
//! The slow tool, which sleeps nearly all of its time, runs beside the others in its own region; all regions are alike. Prints
//! ratios and writes the measurements as JSON.

mod ways;

use lab::clock::{load, machine};
use lab::middle;
use serde_json::{Value, json};
use std::error::Error;
use std::path::PathBuf;
use ways::{Clients, Trial};

/// The number of instances.
const COUNT: u32 = 200;
/// One call at a time takes seconds each: measured with fewer, and marked as such.
const CLI_COUNT: u32 = 20;
const ROUNDS: usize = 3;
/// The limit, in launches per second, and the burst.
const RATE: f64 = 20.0;
const BURST: f64 = 20.0;
const BOOT_S: f64 = 5.0;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, venv] = arguments.as_slice() else { return Err("usage: peers FILE.json VENV".into()) };
    let ways = Clients { venv: PathBuf::from(venv) };
    let slow = {
        let ways = ways.clone();
        std::thread::spawn(move || ways.sdk("one-by-one", COUNT).map_err(|error| error.to_string()))
    };
    let (mut ours, mut threads) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(Clients::ours(COUNT)?);
        threads.push(ways.sdk("threads", COUNT)?);
    }
    let cli = ways.cli(CLI_COUNT)?;
    let slow = slow.join().map_err(|_| "the thread of the original's algorithm panicked")??;
    let report = report(&middle_of(ours), &middle_of(threads), &slow, &cli);
    say(&format!("{:#}", without_times(&report)));
    std::fs::write(file, serde_json::to_string_pretty(&report)? + "\n")?;
    Ok(())
}

fn report(ours: &Trial, threads: &Trial, slow: &Trial, cli: &Trial) -> Value {
    let ideal = (f64::from(COUNT) - BURST) / RATE + BOOT_S;
    // The time of a launch is proportional; the wait for the last one occurs once.
    let waited = cli.last_running() - cli.last_launched();
    let extrapolated = cli.last_launched() * f64::from(COUNT) / f64::from(CLI_COUNT) + waited;
    json!({
        "machine": { "processors": machine(), "load_at_end": load() },
        "settings": {
            "instances": COUNT, "rate": RATE, "burst": BURST, "boot_s": BOOT_S, "rounds": ROUNDS, "ideal_s": ideal,
        },
        "ratios": {
            "against_original": slow.last_running() / ours.last_running(), "reach_against_original": 10.0,
            "against_sdk_threads": threads.last_running() / ours.last_running(), "reach_against_sdk_threads": 1.15,
            "throttled_of_sdk_threads": ours.throttled as f64 / threads.throttled as f64,
            "reach_throttled_of_sdk_threads": 0.05,
            "against_cli_extrapolated": extrapolated / ours.last_running(),
            "of_ideal": ours.last_running() / ideal,
        },
        "ours": ours.to_json(), "sdk_threads": threads.to_json(), "original": slow.to_json(),
        "cli": cli.to_json(), "cli_extrapolated_s": extrapolated,
    })
}

/// The round with the median time.
fn middle_of(mut rounds: Vec<Trial>) -> Trial {
    let time = middle(&mut rounds.iter().map(Trial::last_running).collect::<Vec<_>>());
    let index = rounds.iter().position(|seen| seen.last_running().total_cmp(&time).is_eq());
    rounds.swap_remove(index.unwrap_or_default())
}

/// The report for people, without the individual times.
fn without_times(report: &Value) -> Value {
    let mut short = report.clone();
    for way in ["ours", "sdk_threads", "original", "cli"] {
        if let Some(way) = short[way].as_object_mut() {
            way.retain(|_, value| !value.is_array());
        }
    }
    short
}

#[expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]
fn say(line: &str) {
    println!("{line}");
}
