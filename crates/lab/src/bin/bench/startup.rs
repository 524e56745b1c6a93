//! The duration of commands that send no requests, and of the official command line's `--version`.

use crate::Measured;
use lab::process::{beside, middle_wall_s};
use lab::served::Served;
use lab::size;
use serde_json::json;
use std::process::Command;

pub fn measure(oci: &str) -> Measured {
    let region = Served::start("")?;
    let program = beside("oci-insta-scale")?;
    let ours = |arguments: &[&str]| middle_wall_s(Command::new(&program).args(arguments), size(31, 1));
    let config = region.config();
    let config = config.to_string_lossy();
    let (version, help) = (ours(&["--version"])?, ours(&["--help"])?);
    let dry_run = ours(&["--config", &config, "--dry-run", "--offline"])?;
    let official = middle_wall_s(Command::new(oci).arg("--version"), size(5, 1))?;
    Ok(json!({
        "version_ms": version * 1e3, "help_ms": help * 1e3, "dry_run_ms": dry_run * 1e3, "reach_ms": 10.0,
        "oci_version_ms": official * 1e3, "oci_ratio": official / version, "reach_oci_ratio": 50.0,
    }))
}
