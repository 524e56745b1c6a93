//! The tables of docs/performance.md, from the measurements.

use serde_json::Value;
use std::fmt::Write as _;

/// A table of numbers with their targets.
struct Reached(String);

impl Reached {
    fn new() -> Self {
        Self("| what | measured | to reach | |\n| --- | --- | --- | --- |\n".to_owned())
    }

    /// Adds a row, unless it was not measured.
    fn row(&mut self, what: &str, measured: &str, reach: &str, is_reached: Option<bool>) {
        let verdict = match is_reached {
            Some(true) => "reached",
            Some(false) => "**missed**",
            None => return,
        };
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "| {what} | {measured} | {reach} | {verdict} |");
    }
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}

/// Whether a number is at most another; `None` if it is not a number.
fn at_most(value: f64, most: f64) -> Option<bool> {
    (!value.is_nan()).then_some(value <= most)
}

fn at_least(value: f64, least: f64) -> Option<bool> {
    (!value.is_nan()).then_some(value >= least)
}

/// The cost of whole processes.
pub fn processes(bench: &Value) -> String {
    let mut table = Reached::new();
    let launches = &bench["launches"];
    let signature = number(&launches["signature_ms"]);
    for (what, name) in [("`--no-wait`", "no_wait"), ("waiting for RUNNING", "waiting")] {
        let ratio = number(&launches[format!("ratio_{name}")]);
        let each = number(&launches[format!("per_launch_{name}_ms")]);
        table.row(
            &format!("processor time for one launch, {what}, beside one RSA-2048 signature"),
            &format!("{ratio:.2} × ({each:.2} ms, {signature:.2} ms)"),
            "≤ 2 ×",
            at_most(ratio, 2.0),
        );
    }
    let startup = &bench["startup"];
    for (what, name) in
        [("`--version`", "version_ms"), ("`--help`", "help_ms"), ("`--dry-run --offline`", "dry_run_ms")]
    {
        let time = number(&startup[name]);
        table.row(
            &format!("start to end of {what}"),
            &format!("{time:.1} ms"),
            "≤ 10 ms",
            at_most(time, 10.0),
        );
    }
    let ratio = number(&startup["oci_ratio"]);
    let official = number(&startup["oci_version_ms"]);
    table.row(
        "`--version` beside `oci --version`",
        &format!("{ratio:.0} × faster ({official:.0} ms)"),
        "≥ 50 ×",
        at_least(ratio, 50.0),
    );
    let ledger = number(&bench["ledger"]["ratio"]);
    table.row(
        "a run of 1,000 with the ledger on disk beside one in memory, wall time",
        &format!("{ledger:.3} ×"),
        "≤ 1.05 ×",
        at_most(ledger, 1.05),
    );
    of_a_client(&mut table, &bench["client_memory"]);
    of_a_hunt(&mut table, &bench["hunt"]);
    of_the_region(&mut table, bench);
    table.0 + &note(&bench["machine"])
}

/// The cost of a hunt that finds nothing.
fn of_a_hunt(table: &mut Reached, hunt: &Value) {
    let reach = number(&hunt["reach_cpu_s_a_day"]);
    for (what, row) in
        [("one target", "one_target"), ("three targets, with capacity reports", "three_targets")]
    {
        let (day, each) = (number(&hunt[row]["cpu_s_a_day"]), number(&hunt[row]["cpu_ms_per_probe"]));
        table.row(
            &format!("a hunt at a floor of 60 s, {what}: processor time a day"),
            &format!("{day:.1} s ({each:.2} ms per probe)"),
            &format!("≤ {reach:.0} s"),
            at_most(day, reach),
        );
    }
    let (most, own) = (number(&hunt["one_target"]["peak_mb"]), number(&hunt["one_target"]["own_mb"]));
    let reach = number(&hunt["reach_peak_mb"]);
    table.row(
        "most memory of a hunt",
        &format!("{most:.1} MB, of which {own:.1} MB are not pages of its file"),
        &format!("≤ {reach:.0} MB"),
        at_most(most, reach),
    );
}

/// The cost of the simulated region.
fn of_the_region(table: &mut Reached, bench: &Value) {
    let server = &bench["server"];
    let ratio = number(&server["ratio"]);
    let micros = |name: &str| number(&server[name]);
    table.row(
        "simulated region: processor time for one signed GetInstance, beside one verification and one empty axum request",
        &format!(
            "{ratio:.2} × ({:.0} µs; {:.0} + {:.0} µs)",
            micros("get_instance_us"),
            micros("verification_us"),
            micros("nothing_us")
        ),
        "≤ 4 ×",
        at_most(ratio, 4.0),
    );
    let page = number(&bench["parts"]["world.page_by_state_of_100000"]["median_us"]);
    table.row(
        "simulated region: a page of 100 out of 100,000 instances, by state",
        &format!("{:.2} ms", page / 1e3),
        "≤ 1 ms",
        at_most(page, 1e3),
    );
    let named = number(&bench["parts"]["world.page_by_name_of_100000"]["median_us"]);
    table.row(
        "simulated region: the instances of one name out of 100,000",
        &format!("{:.2} ms", named / 1e3),
        "≤ 1 ms",
        at_most(named, 1e3),
    );
    let steps = 1e6 / number(&bench["parts"]["world.launch"]["median_us"]);
    table.row(
        "simulated region: launches a second, in process",
        &format!("{:.0} thousand", steps / 1e3),
        "≥ 50 thousand",
        at_least(steps, 50_000.0),
    );
    let memory = number(&bench["memory"]["peak_mb"]);
    table.row(
        "simulated region: most memory of a process that holds 100,000 running instances",
        &format!("{memory:.0} MB"),
        "≤ 500 MB",
        at_most(memory, 500.0),
    );
}

fn note(machine: &Value) -> String {
    let processors = machine["processors"].as_str().unwrap_or("unknown");
    let load = number(&machine["load_at_start"]);
    format!("\nMeasured on {processors}, shared; load before it began: {load:.1}.\n")
}

/// The cost of the parts.
pub fn parts(parts: &Value) -> String {
    let mut table = "| part | fastest | median | in signatures |\n| --- | --- | --- | --- |\n".to_owned();
    for (name, part) in parts.as_object().into_iter().flatten() {
        let _ = writeln!(
            table,
            "| `{name}` | {} | {} | {} |",
            micros(number(&part["fastest_us"])),
            micros(number(&part["median_us"])),
            short(number(&part["signatures"]))
        );
    }
    table
}

fn micros(value: f64) -> String {
    if value >= 1000.0 { format!("{:.2} ms", value / 1e3) } else { format!("{} µs", short(value)) }
}

/// Three significant digits.
fn short(value: f64) -> String {
    match value {
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value if value >= 0.1 => format!("{value:.2}"),
        value => format!("{value:.4}"),
    }
}

/// Whole runs of our program by their size.
pub fn by_count(rows: &Value) -> String {
    let mut table = "| instances | processor time | for each launch | most memory | wall time |\n\
        | --- | --- | --- | --- | --- |\n"
        .to_owned();
    for row in rows.as_array().into_iter().flatten() {
        let _ = writeln!(
            table,
            "| {} | {:.2} s | {:.2} ms | {:.0} MB | {:.1} s |",
            row["instances"],
            number(&row["cpu_s"]),
            number(&row["cpu_ms_per_launch"]),
            number(&row["peak_mb"]),
            number(&row["wall_s"])
        );
    }
    table
}

/// The compared ways: key, name.
pub const WAYS: [(&str, &str); 4] = [
    ("ours", "ours"),
    ("sdk_threads", "Python SDK, 16 threads, retries"),
    ("original", "one by one, 1 s apart"),
    ("cli", "oci CLI, one by one"),
];

/// The times of each way.
pub fn peers(peers: &Value) -> String {
    let mut table = "| way | 200 launched | 200 RUNNING | launches refused with 429 | all requests | processor time | most memory |\n\
        | --- | --- | --- | --- | --- | --- | --- |\n"
        .to_owned();
    for (key, name) in WAYS {
        let way = &peers[key];
        let (launched, running, marked) = if key == "cli" {
            let each = number(&way["all_launched_s"]) * 10.0;
            (each, number(&peers["cli_extrapolated_s"]), " (20 measured, times extrapolated to 200)")
        } else {
            (number(&way["all_launched_s"]), number(&way["all_running_s"]), "")
        };
        let _ = writeln!(
            table,
            "| {name}{marked} | {launched:.1} s | {running:.1} s | {} | {} | {:.1} s | {:.0} MB |",
            way["throttled"],
            way["requests"],
            number(&way["cpu_s"]),
            number(&way["peak_mb"])
        );
    }
    let ideal = number(&peers["settings"]["ideal_s"]);
    let load = number(&peers["machine"]["load_at_end"]);
    let processors = peers["machine"]["processors"].as_str().unwrap_or("unknown");
    let _ = writeln!(
        table,
        "\nThe ideal is {ideal:.1} s. Measured on {processors}, shared; load at the end: {load:.1}."
    );
    table
}

/// The ratios between them.
pub fn peers_ratios(peers: &Value) -> String {
    let mut table = Reached::new();
    let ratio = |name: &str| number(&peers["ratios"][name]);
    let (original, threads) = (ratio("against_original"), ratio("against_sdk_threads"));
    table.row(
        "200 RUNNING against one by one",
        &format!("{original:.1} × faster"),
        "≥ 10 ×",
        at_least(original, 10.0),
    );
    table.row(
        "200 RUNNING against the SDK with threads and retries",
        &format!("{threads:.2} × faster"),
        "≥ 1.15 ×",
        at_least(threads, 1.15),
    );
    let refused = ratio("throttled_of_sdk_threads");
    table.row(
        "refused launches against the SDK with threads and retries",
        &format!("1/{:.0}", 1.0 / refused),
        "≤ 1/20",
        at_most(refused, 0.05),
    );
    table.0
}

/// Whole runs in virtual time.
pub fn runs(runs: &Value) -> String {
    let mut table = Reached::new();
    let pair = |row: &str, name: &str| [0, 1].map(|index| number(&runs[row][name][index]));
    for (rate, reach) in [(10, 1.015), (50, 1.02)] {
        let row = format!("limit_{rate}");
        let [time, worst] = pair(&row, "time_ratio");
        table.row(
            &format!("500 launches at {rate}/s, burst 20: time against the ideal"),
            &format!("{time:.3} × (worst of 9: {worst:.3})"),
            &format!("≤ {reach} ×"),
            at_most(time, reach),
        );
        let [refused, worst] = pair(&row, "throttled_part").map(|part| 100.0 * part);
        table.row(
            "refused launches in it",
            &format!("{refused:.1} % (worst: {worst:.1} %)"),
            "≤ 1 %",
            at_most(refused, 1.0),
        );
        let row = format!("two_processes_{rate}");
        let [share, worst] = pair(&row, "smaller_share").map(|part| 100.0 * part);
        table.row(
            &format!("two processes on one limit of {rate}/s: the smaller part"),
            &format!("{share:.0} % (worst of 9: {worst:.0} %)"),
            "≥ 42 % in all 9",
            at_least(worst, 42.0),
        );
        let [all, worst] = pair(&row, "together").map(|part| 100.0 * part);
        table.row(
            "of the limit, both together",
            &format!("{all:.1} % (worst: {worst:.1} %)"),
            "≥ 96 % in all 9",
            at_least(worst, 96.0),
        );
    }
    for (row, what) in [
        ("watch_1000", "1,000 to RUNNING (boot 30 to 60 s)"),
        ("watch_200", "200 to RUNNING (boot 30 to 120 s)"),
    ] {
        let [others, _] = pair(row, "other_requests_per_instance");
        table.row(
            &format!("requests but launches, for {what}"),
            &format!("{others:.3} × N"),
            "≤ 0.1 × N",
            at_most(others, 0.1),
        );
        let [delay, _] = pair(row, "median_delay_s");
        table.row(
            "from RUNNING to our event, median",
            &format!("{delay:.1} s"),
            "≤ 3 s",
            at_most(delay, 3.0),
        );
    }
    let small = number(&runs["small_runs"]["runs_of_100_per_cpu_second"]);
    table.row(
        "whole runs of 100 slots, a second of one core",
        &format!("{small:.0}"),
        "≥ 200",
        at_least(small, 200.0),
    );
    of_scale(&mut table, &runs["scale"]["rows"]);
    table.0
}

/// The largest run, and how the time grows up to it.
fn of_scale(table: &mut Reached, rows: &Value) {
    let Some((rows, last)) = rows.as_array().and_then(|rows| Some((rows, rows.last()?))) else { return };
    let (time, memory) = (number(&last["cpu_s"]), number(&last["peak_mb"]));
    table.row("1,000,000 slots, processor time", &format!("{time:.1} s"), "≤ 60 s", at_most(time, 60.0));
    table.row(
        "most memory, region included",
        &format!("{memory:.0} MB"),
        "≤ 1800 MB",
        at_most(memory, 1800.0),
    );
    let growth = rows.iter().filter_map(|row| row["of_half"].as_f64()).fold(f64::NAN, f64::max);
    table.row("time(2N) / time(N), the largest", &format!("{growth:.2}"), "≤ 2.1", at_most(growth, 2.1));
}

/// The memory that a launch takes.
fn of_a_client(table: &mut Reached, memory: &Value) {
    let (each, reach) = (number(&memory["bytes_per_slot"]), number(&memory["reach_bytes_per_slot"]));
    let (most, many) = (number(&memory["peak_mb_many"]), number(&memory["many"]));
    table.row(
        "memory of a launch for each further slot, waiting for RUNNING, JSON",
        &format!("{each:.0} bytes ({most:.0} MB with {many:.0})"),
        &format!("≤ {reach:.0} bytes"),
        at_most(each, reach),
    );
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn performance_shows_what_a_hunt_costs_a_day() {
        let of = |cpu| json!({ "cpu_s_a_day": cpu, "cpu_ms_per_probe": cpu / 1.44, "peak_mb": 19.0, "own_mb": 2.5 });
        let hunt = json!({ "one_target": of(2.0), "three_targets": of(3.5), "reach_cpu_s_a_day": 3.0, "reach_peak_mb": 20.0 });
        let table = super::processes(&json!({ "hunt": hunt }));
        assert!(
            table
                .contains("one target: processor time a day | 2.0 s (1.39 ms per probe) | ≤ 3 s | reached |")
        );
        assert!(
            table
                .contains("reports: processor time a day | 3.5 s (2.43 ms per probe) | ≤ 3 s | **missed** |")
        );
        assert!(table.contains("19.0 MB, of which 2.5 MB are not pages of its file | ≤ 20 MB | reached |"));
        assert!(!super::processes(&json!({})).contains("a hunt"), "what was not measured has no row");
    }

    #[test]
    fn performance_shows_the_memory_of_a_slot() {
        let memory = json!({ "few": 10_000, "many": 60_000, "peak_mb_many": 55.2, "bytes_per_slot": 712.4, "reach_bytes_per_slot": 600.0 });
        let table = super::processes(&json!({ "client_memory": memory }));
        assert!(
            table.contains("JSON | 712 bytes (55 MB with 60000) | ≤ 600 bytes | **missed** |"),
            "{table}"
        );
    }

    #[test]
    fn performance_shows_the_worst_growth_of_time() {
        let row = |of_half| json!({ "cpu_s": 50.0, "peak_mb": 1700.0, "of_half": of_half });
        let table = super::runs(&json!({ "scale": { "rows": [row(None), row(Some(2.2)), row(Some(2.0))] } }));
        assert!(table.contains("the largest | 2.20 | ≤ 2.1 | **missed** |"), "{table}");
    }

    #[test]
    fn performance_shows_region_memory_beside_its_goal() {
        let table =
            |peak_mb| super::processes(&json!({ "memory": { "instances": 100_000, "peak_mb": peak_mb } }));
        assert!(table(120.4).contains("100,000 running instances | 120 MB | ≤ 500 MB | reached |"));
        assert!(table(512.0).contains("| 512 MB | ≤ 500 MB | **missed** |"));
        assert!(
            !super::processes(&json!({})).contains("100,000 running"),
            "what was not measured has no row"
        );
    }
}
