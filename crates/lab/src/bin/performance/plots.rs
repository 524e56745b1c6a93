//! The plots of docs/performance.md, from the measurements.

use crate::tables::WAYS;
use lab::svg::{Bars, Lines, page};
use serde_json::Value;

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}

fn numbers(values: &Value) -> Vec<f64> {
    values.as_array().into_iter().flatten().map(number).collect()
}

/// The count at each moment, not including the loading time of a way.
fn counted(way: &Value, name: &str) -> Vec<(f64, f64)> {
    let loading = number(&way["loading_s"]);
    let mut count = 0.0;
    let mut points = vec![(0.0, 0.0)];
    for at in numbers(&way[name]) {
        points.push((at - loading, count));
        count += 1.0;
        points.push((at - loading, count));
    }
    points
}

/// Instances launched and RUNNING over time.
pub fn running(peers: &Value) -> String {
    let settings = &peers["settings"];
    let (rate, burst, boot) =
        (number(&settings["rate"]), number(&settings["burst"]), number(&settings["boot_s"]));
    let wanted = number(&settings["instances"]);
    let ideal = |after: f64| vec![(after, 0.0), (after, burst), (after + (wanted - burst) / rate, wanted)];
    let panel = |title: &str, name: &str, after: f64, last: f64| {
        let mut lines = Lines::new(title, "seconds", "instances").until(last, wanted);
        for (key, title) in WAYS {
            lines = lines.line(title, counted(&peers[key], name));
        }
        lines.reference("ideal", ideal(after))
    };
    let launched = panel("launched", "launched", 0.0, 30.0);
    let running = panel("RUNNING", "running", boot, 30.0);
    let whole = panel("RUNNING, the whole time", "running", boot, 240.0);
    page(
        "200 instances: 20 launches a second, burst 20, boot 5 s",
        &[&launched, &running, &whole],
        3,
        (330.0, 260.0),
    )
}

/// Requests by result.
pub fn requests(peers: &Value) -> String {
    let mut bars = Bars::new("launch requests", "", &["accepted", "refused with 429"]);
    let mut others = Bars::new("other requests", "", &["accepted"]);
    for (key, name) in [("ours", "ours"), ("sdk_threads", "SDK, threads"), ("original", "one by one")] {
        let way = &peers[key];
        let (launches, throttled) = (number(&way["launch_requests"]), number(&way["throttled"]));
        bars = bars.group(name, &[launches - throttled, throttled]);
        others = others.group(name, &[number(&way["requests"]) - launches]);
    }
    page("Requests to see 200 instances run", &[&bars, &others], 2, (430.0, 240.0))
}

/// The rate at which this project sends, and the allowed rate.
pub fn rate(peers: &Value) -> String {
    let ours = &peers["ours"];
    let launched = numbers(&ours["launched"]);
    let last = launched.last().copied().unwrap_or(10.0) + 1.0;
    let seen = (0..=120).map(|step| {
        let at = last * f64::from(step) / 120.0;
        let near = launched.iter().filter(|moment| (at - 0.5..at + 0.5).contains(*moment)).count();
        (at, near as f64)
    });
    let mut meant: Vec<(f64, f64)> = Vec::new();
    for point in ours["rates"].as_array().into_iter().flatten() {
        let (at, rate) = (number(&point[0]), number(&point[1]));
        if let Some((_, before)) = meant.last().copied() {
            meant.push((at, before));
        }
        meant.push((at, rate));
    }
    let allowed = number(&peers["settings"]["rate"]);
    let panel = Lines::new("launches a second", "seconds", "launches a second")
        .line("launched", seen.collect())
        .line("what the pacer means to send", meant)
        .reference("allowed", vec![(0.0, allowed), (last, allowed)])
        .until(last, 3.0 * allowed);
    page("Rate found and rate allowed, burst 20", &[&panel], 1, (640.0, 260.0))
}

/// Processor time and memory against the size of a run.
pub fn by_count(rows: &Value) -> String {
    let points = |name: &str| -> Vec<(f64, f64)> {
        let rows = rows.as_array().into_iter().flatten();
        rows.map(|row| (number(&row["instances"]), number(&row[name]))).collect()
    };
    let from_zero = |mut points: Vec<(f64, f64)>| {
        points.insert(0, (0.0, 0.0));
        points
    };
    let time = Lines::new("processor time", "instances", "seconds").line("ours", from_zero(points("cpu_s")));
    let memory = Lines::new("most memory", "instances", "MB").line("ours", points("peak_mb"));
    page("A run to RUNNING by its size", &[&time, &memory], 2, (430.0, 240.0))
}
