//! `beside FILE.json BEFORE NOW OCI [MEASUREMENT]…`: the benchmarks of two builds of the program in turn, on the same machine at the
//! same time. BEFORE and NOW are folders with the binaries `bench` and `oci-insta-scale` of each. Prints the median of every number
//! of both and their ratio, and writes them as JSON.

use lab::middle;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::process::{Command, Stdio};

/// How often each build is measured.
const ROUNDS: usize = 3;
/// Benchmarks of whole processes, which both builds have.
const USUAL: [&str; 4] = ["startup", "server", "memory", "launches"];

/// All numbers that were measured, by their path in the JSON.
type Numbers = BTreeMap<String, Vec<f64>>;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, before, now, oci, only @ ..] = arguments.as_slice() else {
        return Err("usage: beside FILE.json BEFORE NOW OCI [MEASUREMENT]…".into());
    };
    let usual: Vec<String> = USUAL.iter().map(|name| (*name).to_owned()).collect();
    let measurements = if only.is_empty() { &usual } else { only };
    let mut all = Map::new();
    for measurement in measurements {
        let (mut earlier, mut later) = (Numbers::new(), Numbers::new());
        for _ in 0..ROUNDS {
            for (folder, numbers) in [(before, &mut earlier), (now, &mut later)] {
                gather(&run(Path::new(folder), oci, measurement)?, "", numbers);
            }
        }
        for (path, mut values) in earlier {
            let Some(mut own) = later.remove(&path) else { continue };
            let (before, now) = (middle(&mut values), middle(&mut own));
            say(&format!("{measurement}.{path:32} {before:12.3} {now:12.3} {:6.3} x", now / before));
            let row = json!({"before": before, "now": now, "ratio": now / before});
            all.insert(format!("{measurement}.{path}"), row);
        }
    }
    std::fs::write(file, serde_json::to_string_pretty(&Value::Object(all))? + "\n")?;
    Ok(())
}

/// What the `bench` of a folder measures.
fn run(folder: &Path, oci: &str, measurement: &str) -> Result<Value, Box<dyn Error>> {
    let written = tempfile::NamedTempFile::new()?;
    let mut bench = Command::new(folder.join("bench"));
    bench.arg(written.path()).args(["no-parts", oci, measurement]).stdout(Stdio::null());
    let status = bench.status()?;
    if !status.success() {
        return Err(format!("{}: {measurement} ended with {status}", folder.display()).into());
    }
    let mut all: Value = serde_json::from_slice(&std::fs::read(written.path())?)?;
    Ok(all[measurement].take())
}

/// Adds all numbers of a value; those that say what is to be reached are not measured.
fn gather(value: &Value, path: &str, numbers: &mut Numbers) {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::Number(number) if !path.rsplit('.').next().is_some_and(|name| name.starts_with("reach")) => {
            numbers.entry(path.to_owned()).or_default().extend(number.as_f64());
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, item)| gather(item, &below(&at.to_string()), numbers));
        }
        Value::Object(fields) => fields.iter().for_each(|(name, field)| gather(field, &below(name), numbers)),
        _ => {}
    }
}

#[expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]
fn say(line: &str) {
    println!("{line}");
}
