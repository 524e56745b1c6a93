//! Every benchmark still runs, with so little to do that its numbers mean nothing.

use serde_json::Value;
use std::error::Error;
use std::path::Path;
use std::process::Command;

/// Runs a benchmark, and returns what it has written.
fn smoke(program: &str, arguments: &[&str]) -> Result<Value, Box<dyn Error>> {
    let written = tempfile::Builder::new().suffix(".json").tempfile()?;
    let mut benchmark = Command::new(program);
    benchmark.arg(written.path()).args(arguments).env("BENCH_SMOKE", "1");
    let output = benchmark.output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(serde_json::from_slice(&std::fs::read(written.path())?)?)
}

#[test]
fn benchmarks_of_processes_run() {
    let bench = env!("CARGO_BIN_EXE_bench");
    let program = Path::new(bench).with_file_name("oci-insta-scale");
    // They measure the program beside them. A build of the workspace has made it; one of this crate alone has not, and making
    // it here would compile half of the workspace again, since other features are wanted.
    if !program.exists() {
        let build = ["build", "--quiet", "--locked", "--package", "insta-scale", "--bin", "oci-insta-scale"];
        assert!(Command::new(env!("CARGO")).args(build).status().unwrap().success());
    }
    let names = ["startup", "server", "memory", "launches", "client_memory", "ledger", "hunt"];
    let measured =
        smoke(bench, &[&["no-parts", &program.to_string_lossy()], names.as_slice()].concat()).unwrap();
    for name in names {
        assert!(measured[name].is_object(), "{name}: {measured}");
    }
    assert_eq!(measured["launches"]["instances"], 10);
    assert_eq!(measured["memory"]["instances"], 100);
    assert_eq!(measured["client_memory"]["many"], 10);
    assert_eq!(measured["hunt"]["three_targets"]["probes"], 1);
}

#[test]
fn benchmarks_in_virtual_time_run() {
    let measured = smoke(env!("CARGO_BIN_EXE_runs"), &[]).unwrap();
    let names = ["limit_10", "limit_50", "two_processes_10", "two_processes_50", "watch_1000", "scale"];
    for name in names {
        assert!(measured[name].is_object(), "{name}: {measured}");
    }
    assert_eq!(measured["scale"]["rows"][6]["running"], 400);
}
