//! `cargo run --release -p lab --bin runs -- [FILE.json] [NAME…]`: whole runs in virtual time, all or those named. Prints each
//! number beside its target, and writes them as JSON. A missed target is reported but does not fail.

use lab::size;
use lab::whole::{Measured, Whole};
use serde_json::{Value, json};
use std::error::Error;
use std::path::PathBuf;
use tokio::time::Duration;

/// Runs in virtual time allocate constantly and never wait, which suits this allocator. The shipped program uses the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The same without the region's own event log, which is kept in memory and read only for the delays.
fn unlogged() -> String {
    ROOMY.replace("event_log: 2000000", "event_log: 0")
}

/// The same with the boots of the preset `roomy`.
fn slow_boots() -> String {
    ROOMY.replace("boot_seconds: {min: 30, max: 60}", "boot_seconds: {min: 30, max: 120}")
}

/// Numbers of slots, each twice the one before.
const DOUBLINGS: [u32; 7] = [15_625, 31_250, 62_500, 125_000, 250_000, 500_000, 1_000_000];

type Outcome = Result<Value, Box<dyn Error>>;

/// Enough capacity for everything, without faults.
const ROOMY: &str = "world: {hosts: {per_fault_domain: 4, by_family: {standard-e5: 4000}}, limits: {cores: 1000000, memory_in_gbs: 20000000}, event_log: 2000000, boot_seconds: {min: 30, max: 60}}\nlatency: {min_ms: 40, max_ms: 60}\n";

fn main() -> Result<(), Box<dyn Error>> {
    let (files, names): (Vec<PathBuf>, Vec<PathBuf>) = std::env::args()
        .skip(1)
        .map(PathBuf::from)
        .partition(|argument| argument.extension().is_some_and(|extension| extension == "json"));
    let mut all = serde_json::Map::new();
    for (name, measure) in [
        ("limit_10", (|| limited(10.0, 1.015)) as fn() -> Outcome),
        ("limit_50", || limited(50.0, 1.02)),
        ("two_processes_10", || two(10.0)),
        ("two_processes_50", || two(50.0)),
        ("watch_1000", || watch(1000, ROOMY)),
        ("watch_200", || watch(200, &slow_boots())),
        ("small_runs", small_runs),
        ("scale", scale),
    ] {
        if !names.is_empty() && !names.iter().any(|wanted| wanted.as_os_str() == name) {
            continue;
        }
        let value = measure()?;
        say(&format!("{name:18} {value}"));
        all.insert(name.to_owned(), value);
    }
    if let Some(file) = files.first() {
        std::fs::write(file, serde_json::to_string_pretty(&Value::Object(all))? + "\n")?;
    }
    Ok(())
}

fn throttled(rate: f64) -> String {
    format!("{ROOMY}throttle: {{tenancy: {{launch: {{per_second: {rate}, burst: 20}}}}}}\n")
}

/// One run of 500 on a limit with a burst of 20, and how close to the ideal time it should come.
fn limited(rate: f64, reach: f64) -> Outcome {
    let mut times = Vec::new();
    let mut refused = Vec::new();
    for seed in 1..=size(9, 1) {
        let run = virtually(async { Whole::new(&throttled(rate), seed)?.launch(500, seed).await })?;
        times.push(run.launched_in() / (480.0 / rate));
        refused.push(run.throttled_launches() as f64 / 500.0);
    }
    Ok(json!({
        "time_ratio": middle_and_worst(&mut times), "reach_time_ratio": reach,
        "throttled_part": middle_and_worst(&mut refused), "reach_throttled_part": 0.01,
    }))
}

/// Two runs of 500 each in one region with one limit.
fn two(rate: f64) -> Outcome {
    let (mut shares, mut together) = (Vec::new(), Vec::new());
    for seed in 1..=size(9, 1) {
        let (first, second) = virtually(async {
            let region = Whole::new(&throttled(rate), seed)?;
            let second = async {
                tokio::time::sleep(Duration::from_millis(200)).await;
                region.launch(500, 1000 + seed).await
            };
            let (first, second) = tokio::join!(region.launch(500, seed), second);
            Ok((first?, second?))
        })?;
        let until = first.launched_in().min(second.launched_in() + 0.2);
        let got =
            |run: &Measured, late: f64| run.launched.iter().filter(|at| **at + late <= until).count() as f64;
        let (one, other) = (got(&first, 0.0), got(&second, 0.2));
        shares.push(0.5 - one.min(other) / (one + other));
        together.push(1.0 - (one + other) / (20.0 + rate * until));
    }
    let [share, worst_share] = middle_and_worst(&mut shares);
    let [all, worst_all] = middle_and_worst(&mut together);
    Ok(json!({
        "smaller_share": [0.5 - share, 0.5 - worst_share], "reach_smaller_share": 0.42,
        "together": [1.0 - all, 1.0 - worst_all], "reach_together": 0.96,
    }))
}

/// Instances unthrottled, seen to RUNNING.
fn watch(count: u32, region: &str) -> Outcome {
    let (mut others, mut delays, mut longest) = (Vec::new(), Vec::new(), Vec::new());
    for seed in 1..=size(5, 1) {
        let run = virtually(async { Whole::new(region, seed)?.launch(count, seed).await })?;
        others.push(run.other_requests() as f64 / f64::from(count));
        delays.push(run.delays.get(run.delays.len() / 2).copied().unwrap_or(f64::NAN));
        longest.push(run.delays.last().copied().unwrap_or(f64::NAN));
    }
    Ok(json!({
        "other_requests_per_instance": middle_and_worst(&mut others), "reach_other_requests": 0.1,
        "median_delay_s": middle_and_worst(&mut delays), "reach_median_delay_s": 3.0,
        "longest_delay_s": middle_and_worst(&mut longest),
    }))
}

/// Many small runs one after another, as in the simulation tests.
fn small_runs() -> Outcome {
    let runs: u32 = size(200, 2);
    // A small region, since each run has its own.
    let small = unlogged().replace("standard-e5: 4000", "standard-e5: 4");
    let cpu = cpu_seconds();
    for seed in 0..u64::from(runs) {
        let run = virtually(async { Whole::new(&small, seed)?.launch(100, seed).await })?;
        if run.summary.running != 100 {
            return Err(format!("seed {seed}: {} of 100 run", run.summary.running).into());
        }
    }
    Ok(json!({
        "runs_of_100_per_cpu_second": f64::from(runs) / (cpu_seconds() - cpu), "reach_runs_per_cpu_second": 200,
    }))
}

/// Whole runs without a limit, each twice as large as the one before, in a region with enough subnets.
fn scale() -> Outcome {
    let mut rows = Vec::new();
    let mut before = f64::NAN;
    let region = unlogged().replace("cores: 1000000", "cores: 2000000");
    for count in DOUBLINGS.map(|count| size(count, count / 2500)) {
        let cpu = cpu_seconds();
        let run = virtually(async {
            Whole::new(&region, 1)?.with_addresses_for(count).await?.launch(count, 1).await
        })?;
        let seconds = cpu_seconds() - cpu;
        rows.push(row(count, run.summary.running, seconds, seconds / before));
        before = seconds;
    }
    Ok(json!({ "rows": rows, "reach": "1,000,000 in 60 s and 1.8 GB, twice as many in 2.1 times the time" }))
}

fn row(slots: u32, running: u32, seconds: f64, of_half: f64) -> Value {
    json!({ "slots": slots, "running": running, "cpu_s": seconds, "of_half": of_half, "peak_mb": peak_mb() })
}

/// Runs in virtual time: the clock stands still while there is work to do.
fn virtually<T>(run: impl Future<Output = Result<T, lab::whole::NotMeasured>>) -> Result<T, Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build()?;
    Ok(runtime.block_on(run)?)
}

/// The median and the maximum.
fn middle_and_worst(values: &mut [f64]) -> [f64; 2] {
    values.sort_by(f64::total_cmp);
    [values.get(values.len() / 2), values.last()].map(|value| value.copied().unwrap_or(f64::NAN))
}

/// The processor time of this process so far. Linux: `/proc/self/stat`, fields 14 and 15, in hundredths of a second.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = |field: usize| {
        after_name.split_whitespace().nth(field).and_then(|text| text.parse::<f64>().ok()).unwrap_or(f64::NAN)
    };
    (ticks(11) + ticks(12)) / 100.0
}

/// The largest memory of this process so far, in MB. Linux: `VmHWM` in `/proc/self/status`.
fn peak_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kb| kb.parse::<f64>().ok()).map_or(f64::NAN, |kb| kb / 1024.0)
}

#[expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]
fn say(line: &str) {
    println!("{line}");
}
