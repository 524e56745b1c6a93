//! Measures the world alone: steps per second, the memory for 100,000 instances, and the time of one page of that many.
//!
//! `cargo run --release -p oci-simulator --example world_numbers [INSTANCES]`

#![expect(clippy::print_stdout, reason = "numbers for whoever runs it")]

use jiff::{SignedDuration, Timestamp};
use oci_api::Operation;
use oci_simulator::world::{ApiError, ApiRequest, Caller, World, WorldSettings};
use serde_json::json;
use std::hint::black_box;
use tokio::time::Instant;

/// The number of measured pages, of which the median counts.
const PAGES: usize = 200;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let count: u32 = std::env::args().nth(1).map_or(Ok(100_000), |text| text.parse())?;
    let mut settings = WorldSettings::default();
    settings.hosts.per_fault_domain = count / 128 / 9 + 2;
    let mut world = World::new(settings, 1, Timestamp::from_second(1_800_000_000)?);
    let empty = resident_kilobytes();

    let start = Instant::now();
    let mut subnets = Vec::new();
    for number in 0..=count / 60_000 {
        let ocid = format!("ocid1.subnet.oc1.phx.bench{number}");
        world.register(&oci_simulator::world::Known::Subnet {
            ocid: ocid.clone(),
            compartment: None,
            public: true,
        })?;
        subnets.push(ocid);
    }
    let defaults = world.defaults();
    let caller = Caller { tenancy: defaults.tenancy.clone(), user: defaults.user.clone() };
    let mut steps = 0_u64;
    for number in 0..count {
        let request = ApiRequest::new(Operation::LaunchInstance, caller.clone()).body(json!({
            "compartmentId": defaults.compartment,
            "availabilityDomain": defaults.availability_domains[number as usize % 3],
            "displayName": format!("fleet-{}", number + 1),
            "shape": "VM.Standard.E4.Flex",
            "shapeConfig": {"ocpus": 1, "memoryInGBs": 6},
            "sourceDetails": {"sourceType": "image", "imageId": defaults.image},
            "createVnicDetails": {"subnetId": subnets[number as usize % subnets.len()]},
            "metadata": {"user_data": "IyEvYmluL3NoCmVjaG8gaGkK"},
            "freeformTags": {"insta-scale-run": "019a0000-0000-7000-8000-000000000000", "insta-scale-slot": number.to_string()},
        }));
        let request = request.retry_token(format!("token-{number}"));
        world.handle(&request).map_err(|error: ApiError| error.to_string())?;
        steps += 1;
        world.advance_to(world.now() + SignedDuration::from_millis(10));
    }
    world.advance_to(world.now() + SignedDuration::from_secs(600));
    steps += world.events(0).filter(|event| event.event == "instance_state").count() as u64;
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{steps} steps (launches and changes of state) in {seconds:.2} s: {:.0}/s",
        steps as f64 / seconds
    );
    let kilobytes = resident_kilobytes().saturating_sub(empty);
    println!("{count} instances in {} MB", kilobytes / 1024);

    let list = ApiRequest::new(Operation::ListInstances, caller).query("compartmentId", defaults.compartment);
    for (what, request) in [
        ("of all", list.clone()),
        ("RUNNING only", list.clone().query("lifecycleState", "RUNNING")),
        ("one name", list.clone().query("displayName", format!("fleet-{}", count / 2))),
        ("by name", list.query("sortBy", "DISPLAYNAME").query("lifecycleState", "RUNNING")),
    ] {
        let mut times = Vec::with_capacity(PAGES);
        let mut next = request.clone();
        for _ in 0..PAGES {
            let start = Instant::now();
            let answer = black_box(world.handle(&next)).map_err(|error| error.to_string())?;
            times.push(start.elapsed());
            next = match answer.next_page {
                Some(page) => request.clone().query("page", page),
                None => request.clone(),
            };
        }
        times.sort();
        println!("a page of 100 {what}: {:?} (worst {:?})", times[PAGES / 2], times[PAGES - 1]);
    }
    Ok(())
}

/// The resident memory of this process in KB; 0 if `/proc` does not provide it.
fn resident_kilobytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or_default()
}
