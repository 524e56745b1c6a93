//! The processor time and memory of a whole run: our program against the simulated region, both real processes.

use crate::{Measured, cpu_of};
use lab::process::{Ran, beside, run};
use lab::served::Served;
use lab::subjects::{ROOMY, Signing};
use lab::{middle, size};
use serde_json::json;
use std::error::Error;
use std::process::Command;

/// Signatures before, between and after the runs, so that both are measured in the same minute.
pub fn measure() -> Measured {
    let (count, rounds) = (size(1000, 10), size(3, 1));
    let key = Signing::new()?;
    let sign = || cpu_of(size(1500, 10), || drop(key.sign()));
    let mut signatures = vec![sign()];
    let (mut left, mut waited) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        left.push(per_launch(count, &["--no-wait"])?.0);
        signatures.push(sign());
        waited.push(per_launch(count, &[])?.0);
        signatures.push(sign());
    }
    let signature = middle(&mut signatures);
    let mut rows = Vec::new();
    for count in size(vec![250, 500, 1000, 2000, 4000], vec![5]) {
        let (seconds, ran) = per_launch(count, &[])?;
        rows.push(json!({
            "instances": count, "cpu_ms_per_launch": seconds * 1e3, "cpu_s": ran.cpu_s,
            "peak_mb": ran.peak_mb, "wall_s": ran.wall_s,
        }));
    }
    let (left, waited) = (middle(&mut left), middle(&mut waited));
    Ok(json!({
        "signature_ms": signature * 1e3,
        "per_launch_no_wait_ms": left * 1e3, "ratio_no_wait": left / signature,
        "per_launch_waiting_ms": waited * 1e3, "ratio_waiting": waited / signature,
        "reach_ratio": 2.0, "instances": count, "by_count": rows,
    }))
}

/// The processor time of one launch, minus the cost of a run of one instance; a fresh region for each run.
fn per_launch(count: u32, more: &[&str]) -> Result<(f64, Ran), Box<dyn Error>> {
    let region = Served::start(&format!("speed: 30\n{ROOMY}"))?;
    let one = launched(&region, 1, more)?;
    let all = launched(&region, count, more)?;
    Ok(((all.cpu_s - one.cpu_s) / f64::from(count - 1), all))
}

/// A run of this many instances in a region, and its cost.
pub fn launched(region: &Served, count: u32, more: &[&str]) -> Result<Ran, Box<dyn Error>> {
    let mut command = Command::new(beside("oci-insta-scale")?);
    // The second run of a region launches beside the first one's fleet of the same names.
    command.args(["--quiet", "--yes", "--new", "--output", "json", "--count", &count.to_string()]);
    command.arg("--config").arg(region.config());
    command.arg("--state-dir").arg(region.folder().join(format!("state-{count}")));
    Ok(run(command.args(more))?)
}
