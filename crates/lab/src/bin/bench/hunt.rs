//! The cost of a hunt that finds nothing: processor time per probe at the usual floor, with all that happens between two probes,
//! and memory.

use crate::Measured;
use lab::clock::{exact_cpu_s, own_mb, peak_mb};
use lab::process::beside;
use lab::served::Served;
use lab::size;
use serde_json::{Value, json};
use std::error::Error;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The probes of a day at the usual floor of a minute.
const PROBES_A_DAY: f64 = 24.0 * 60.0;
/// How often it is looked whether the hunt has probed.
const LOOK: Duration = Duration::from_millis(500);
/// How long a probe may take to come, in looks: five times the longest floor.
const MOST_LOOKS: u32 = 600;

/// A hunt, which ends when this value is dropped.
struct Hunting(Child);

impl Drop for Hunting {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub fn measure() -> Measured {
    // A probe costs more if the caches of the processor are cold, so nothing is gained by probing faster.
    let (floor, probes) = size(("60s", 10), ("10s", 1));
    let one = hunt("availability_domain: AD-1", floor, probes)?;
    let several = hunt("availability_domain: [AD-1, AD-2, AD-3]", floor, probes)?;
    Ok(json!({
        "floor": floor, "one_target": one, "three_targets": several,
        "reach_cpu_s_a_day": 3.0, "reach_peak_mb": 20.0,
    }))
}

/// Hunts where nothing has capacity, from shortly after the first probe until shortly after this many more.
fn hunt(domains: &str, floor: &str, probes: u64) -> Measured {
    let region = Served::start("world: {hosts: {per_fault_domain: 0}}\nspeed: 1\n")?;
    let config = std::fs::read_to_string(region.config())?;
    let ours = region.folder().join("hunt.yaml");
    std::fs::write(&ours, config.replace("availability_domain: AD-1", domains))?;
    let (state, beat) = (region.folder().join("state"), region.folder().join("beat.json"));
    let mut command = Command::new(beside("oci-insta-scale")?);
    command.args(["hunt", "--quiet", "--yes", "--until", "1d", "--floor", floor]);
    command.arg("--config").arg(ours).arg("--state-dir").arg(state).arg("--heartbeat").arg(&beat);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let hunting = Hunting(command.spawn()?);
    let pid = hunting.0.id();
    let first = after_probe(&beat, 1)?;
    let before = exact_cpu_s(pid).ok_or("the hunt has ended")?;
    let last = after_probe(&beat, first + probes)?;
    let cpu_s = exact_cpu_s(pid).ok_or("the hunt has ended")? - before;
    let each = cpu_s / (last - first) as f64;
    Ok(json!({
        "probes": last - first, "cpu_ms_per_probe": each * 1e3, "cpu_s_a_day": each * PROBES_A_DAY,
        "peak_mb": peak_mb(pid), "own_mb": own_mb(pid),
    }))
}

/// Waits until the hunt has sent this many probes; how many it has sent.
fn after_probe(beat: &Path, probes: u64) -> Result<u64, Box<dyn Error>> {
    for _ in 0..MOST_LOOKS * u32::try_from(probes)? {
        match sent(beat) {
            Some(sent) if sent >= probes => return Ok(sent),
            _ => std::thread::sleep(LOOK),
        }
    }
    Err("the hunt does not probe".into())
}

fn sent(beat: &Path) -> Option<u64> {
    // It does not exist before the first heartbeat.
    let text = std::fs::read_to_string(beat).ok()?;
    serde_json::from_str::<Value>(&text).ok()?["probes"].as_u64()
}
