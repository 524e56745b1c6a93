//! The compared ways to launch. Each gets its own, freshly started region.

use crate::{BOOT_S, BURST, RATE};
use jiff::Timestamp;
use lab::process::{Ran, beside, run};
use lab::served::Served;
use oci_client::{Clock as _, SystemClock};
use serde_json::{Value, json};
use std::error::Error;
use std::path::PathBuf;
use std::process::Command;

/// The result of one way. Times are in seconds from the start of its process.
pub struct Trial {
    launched: Vec<f64>,
    running: Vec<f64>,
    /// The rate at which the pacer wanted to send, if there is a pacer.
    rates: Vec<(f64, f64)>,
    requests: u64,
    launches: u64,
    pub throttled: u64,
    cpu_s: f64,
    peak_mb: f64,
    /// The time until it began to launch, in which it was loading.
    loading_s: f64,
}

impl Trial {
    /// When the last launch was accepted, without the loading time.
    pub fn last_launched(&self) -> f64 {
        self.launched.last().copied().unwrap_or(f64::NAN) - self.loading_s
    }

    /// When the last instance was observed to run, without the loading time of an interpreter.
    pub fn last_running(&self) -> f64 {
        self.running.last().copied().unwrap_or(f64::NAN) - self.loading_s
    }

    pub fn to_json(&self) -> Value {
        json!({
            "all_running_s": self.last_running(), "all_launched_s": self.last_launched(),
            "loading_s": self.loading_s, "requests": self.requests, "launch_requests": self.launches,
            "throttled": self.throttled, "cpu_s": self.cpu_s, "peak_mb": self.peak_mb,
            "launched": self.launched, "running": self.running, "rates": self.rates,
        })
    }
}

/// The folder of the official clients.
#[derive(Clone)]
pub struct Clients {
    pub venv: PathBuf,
}

type Done = Result<Trial, Box<dyn Error>>;

fn region() -> std::io::Result<Served> {
    Served::start(&format!(
        "speed: 1\nthrottle: {{tenancy: {{launch: {{per_second: {RATE}, burst: {BURST}}}}}}}\n\
         world: {{boot_seconds: {{min: {BOOT_S}, max: {BOOT_S}}}, hosts: {{per_fault_domain: 400}}}}\n"
    ))
}

impl Clients {
    /// The program of this project.
    pub fn ours(count: u32) -> Done {
        let region = region()?;
        let mut command = Command::new(beside("oci-insta-scale")?);
        command.args(["--yes", "--output", "jsonl", "--count", &count.to_string()]);
        command.arg("--config").arg(region.config());
        command.arg("--state-dir").arg(region.folder().join("state"));
        let started = SystemClock.now();
        let ran = run(&mut command)?;
        let (mut launched, mut running, mut rates) = (Vec::new(), Vec::new(), Vec::new());
        for line in ran.stdout.lines() {
            let event: Value = serde_json::from_str(line)?;
            let Some(at) = event["at"].as_str() else { continue };
            let at = since(started, at.parse()?);
            match event["type"].as_str() {
                Some("launched") => launched.push(at),
                Some("running") => running.push(at),
                Some("pace_changed") if event["class"] == "launch" => {
                    rates.push((at, event["rate"].as_f64().unwrap_or(f64::NAN)));
                }
                _ => {}
            }
        }
        // It loads in milliseconds, which are counted.
        seen(&region, &ran, (launched, running, 0.0), rates, count)
    }

    /// The official Python SDK: `one-by-one` or `threads`.
    pub fn sdk(&self, way: &str, count: u32) -> Done {
        let region = region()?;
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/sdk.py");
        let mut command = Command::new(self.venv.join("bin/python"));
        command.args([script, way]).arg(region.oci_config()).arg(format!("http://{}", region.address()));
        command.arg(count.to_string());
        for key in ["compartment_id", "subnet_id", "image_id"] {
            command.arg(region.value(key)?);
        }
        command.arg("Uocm:PHX-AD-1");
        let started = SystemClock.now();
        let ran = run(official(&mut command))?;
        let said: Value = serde_json::from_str(&ran.stdout)?;
        let began = started.as_second() as f64 + f64::from(started.subsec_nanosecond()) / 1e9;
        let times = |name: &str| -> Vec<f64> {
            let times = said[name].as_array().into_iter().flatten().filter_map(Value::as_f64);
            times.map(|at| at - began).collect()
        };
        let loading = said["began"].as_f64().map_or(f64::NAN, |at| at - began);
        seen(&region, &ran, (times("launched"), times("running"), loading), Vec::new(), count)
    }

    /// The official command line, one call after the other; then it lists until all run.
    pub fn cli(&self, count: u32) -> Done {
        let region = region()?;
        let oci = |arguments: &[&str]| -> Result<Ran, Box<dyn Error>> {
            let mut command = Command::new(self.venv.join("bin/oci"));
            command.arg("--config-file").arg(region.oci_config());
            command.arg("--endpoint").arg(format!("http://{}", region.address()));
            Ok(run(official(command.args(["compute", "instance"]).args(arguments)))?)
        };
        let [compartment, subnet, image] =
            ["compartment_id", "subnet_id", "image_id"].map(|key| region.value(key).unwrap_or_default());
        let started = SystemClock.now();
        let (mut launched, mut cpu_s, mut peak_mb) = (Vec::new(), 0.0, 0.0_f64);
        for number in 1..=count {
            let name = format!("cli-{number}");
            let ran = oci(&[
                "launch",
                "--compartment-id",
                &compartment,
                "--availability-domain",
                "Uocm:PHX-AD-1",
                "--shape",
                "VM.Standard.E5.Flex",
                "--shape-config",
                r#"{"ocpus": 1, "memoryInGBs": 6}"#,
                "--image-id",
                &image,
                "--subnet-id",
                &subnet,
                "--display-name",
                &name,
                "--assign-public-ip",
                "false",
            ])?;
            launched.push(since(started, SystemClock.now()));
            (cpu_s, peak_mb) = (cpu_s + ran.cpu_s, peak_mb.max(ran.peak_mb));
        }
        loop {
            let ran =
                oci(&["list", "--compartment-id", &compartment, "--lifecycle-state", "RUNNING", "--all"])?;
            cpu_s += ran.cpu_s;
            let list: Value = serde_json::from_str(&ran.stdout).unwrap_or_default();
            if list["data"].as_array().is_some_and(|rows| rows.len() == count as usize) {
                let running = vec![since(started, SystemClock.now()); count as usize];
                let ran = Ran { cpu_s, peak_mb, ..ran };
                return seen(&region, &ran, (launched, running, 0.0), Vec::new(), count);
            }
        }
    }
}

/// Removes certificates and proxies from the environment, which are meant for other servers.
fn official(command: &mut Command) -> &mut Command {
    for name in ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"]
    {
        command.env_remove(name);
    }
    command.env("SUPPRESS_LABEL_WARNING", "True").env("OCI_CLI_SUPPRESS_FILE_PERMISSIONS_WARNING", "True")
}

fn since(started: Timestamp, at: Timestamp) -> f64 {
    at.duration_since(started).as_secs_f64()
}

/// Combines the output of the way with the counts of the region.
fn seen(
    region: &Served,
    ran: &Ran,
    (mut launched, mut running, loading_s): (Vec<f64>, Vec<f64>, f64),
    rates: Vec<(f64, f64)>,
    count: u32,
) -> Done {
    launched.sort_by(f64::total_cmp);
    running.sort_by(f64::total_cmp);
    if running.len() != count as usize {
        return Err(format!("{} of {count} instances run", running.len()).into());
    }
    let (launches, throttled) = region.counted("LaunchInstance")?;
    let requests = region.requests()?;
    let (cpu_s, peak_mb) = (ran.cpu_s, ran.peak_mb);
    Ok(Trial { launched, running, rates, requests, launches, throttled, cpu_s, peak_mb, loading_s })
}
