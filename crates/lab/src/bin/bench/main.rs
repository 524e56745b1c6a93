//! `bench FILE.json PARTS.txt OCI`: the cost of real processes on real sockets of this machine. Prints each number beside its
//! target, and writes all of them as JSON. A missed target is reported but does not fail.
//!
//! PARTS.txt is the table of `cargo bench -p lab`, and OCI is the official command line. `make bench` provides both.

mod client_memory;
mod hunt;
mod launches;
mod ledger_cost;
mod memory;
mod server;
mod startup;

use lab::clock::{load, machine};
use serde_json::{Map, Value, json};
use std::error::Error;

type Measured = Result<Value, Box<dyn Error>>;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, parts, oci, only @ ..] = arguments.as_slice() else {
        match arguments.as_slice() {
            [first] if first == server::NOTHING => return server::serve_nothing(),
            [first, count] if first == memory::HOLD => return memory::hold(count),
            _ => {}
        }
        return Err("usage: bench FILE.json PARTS.txt OCI [MEASUREMENT]…".into());
    };
    let mut all = Map::new();
    all.insert("machine".to_owned(), json!({ "processors": machine(), "load_at_start": load() }));
    let measurements: [(&str, &dyn Fn() -> Measured); 8] = [
        ("parts", &|| read_parts(parts)),
        ("startup", &|| startup::measure(oci)),
        ("server", &server::measure),
        ("memory", &memory::measure),
        ("launches", &launches::measure),
        ("client_memory", &client_memory::measure),
        ("ledger", &ledger_cost::measure),
        ("hunt", &hunt::measure),
    ];
    for (name, measure) in measurements {
        if only.is_empty() || only.iter().any(|wanted| wanted == name) {
            let value = measure()?;
            say(&format!("{name}:\n{value:#}"));
            all.insert(name.to_owned(), value);
        }
    }
    std::fs::write(file, serde_json::to_string_pretty(&Value::Object(all))? + "\n")?;
    Ok(())
}

/// The cost of the parts, also relative to a signature.
fn read_parts(file: &str) -> Measured {
    let parts = lab::parts::read(&std::fs::read_to_string(file)?);
    let unit = parts.get("sign_rsa_2048").map_or(f64::NAN, |part| part.fastest_s);
    let rows = parts.iter().map(|(name, part)| {
        let row = json!({
            "fastest_us": part.fastest_s * 1e6, "median_us": part.median_s * 1e6,
            "signatures": part.fastest_s / unit,
        });
        (name.clone(), row)
    });
    Ok(Value::Object(rows.collect()))
}

/// The processor time of this process per call, in seconds, over this many consecutive calls.
fn cpu_of(calls: u32, mut call: impl FnMut()) -> f64 {
    let before = lab::clock::own_cpu_s();
    for _ in 0..calls {
        call();
    }
    (lab::clock::own_cpu_s() - before) / f64::from(calls)
}

#[expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]
fn say(line: &str) {
    println!("{line}");
}
