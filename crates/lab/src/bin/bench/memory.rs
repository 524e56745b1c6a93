//! The memory of a simulated region with many instances: a child process creates them, and its peak memory is read.

use crate::Measured;
use jiff::SignedDuration;
use lab::process::run;
use lab::size;
use lab::subjects::Ground;
use ledger::RunId;
use oci_api::Operation;
use oci_simulator::world::{ApiRequest, Caller, State, World, WorldSettings};
use serde_json::json;
use std::error::Error;
use std::process::Command;

/// The argument that makes this program the region, with the number of instances.
pub const HOLD: &str = "hold-instances";
/// Instances in one subnet: somewhat fewer than it has addresses.
const IN_SUBNET: u32 = 60_000;

pub fn measure() -> Measured {
    let count = size(100_000, 100);
    let ran = run(Command::new(std::env::current_exe()?).arg(HOLD).arg(count.to_string()))?;
    if ran.stdout.trim() != count.to_string() {
        return Err(format!("of {count} instances {} run", ran.stdout.trim()).into());
    }
    Ok(json!({ "instances": count, "peak_mb": ran.peak_mb, "reach_mb": 500.0 }))
}

/// Launches this many instances as fleets do, with tags, metadata and retry tokens; prints how many run at the end.
pub fn hold(count: &str) -> Result<(), Box<dyn Error>> {
    let running = hold_running(count.parse()?)?;
    crate::say(&running.to_string());
    Ok(())
}

fn hold_running(count: u32) -> Result<usize, Box<dyn Error>> {
    let mut settings = WorldSettings::default();
    // As many hosts as these instances need, of 192 OCPUs in 9 fault domains, and some that stay free.
    settings.hosts.by_family.insert("standard-e5".to_owned(), count / 192 / 9 + 2);
    let mut world = World::new(settings, 1, "2026-11-22T12:00:00Z".parse()?);
    let defaults = world.defaults();
    let caller = Caller { tenancy: defaults.tenancy.clone(), user: defaults.user.clone() };
    let run = RunId::new(world.now(), [1; 10]);
    let plan = Ground::of(&defaults).plan(count)?;
    let subnets = [&defaults.public_subnet, &defaults.private_subnet];
    for slot in 1..=count {
        let mut details = serde_json::to_value(plan.request(run, slot, 1))?;
        details["availabilityDomain"] = defaults.availability_domains[slot as usize % 3].clone().into();
        let subnet = subnets.get((slot / IN_SUBNET) as usize).ok_or("so many do not fit in the subnets")?;
        details["createVnicDetails"] = json!({ "subnetId": subnet });
        let request = ApiRequest::new(Operation::LaunchInstance, caller.clone()).body(details);
        let request = request.retry_token(format!("{run}-{slot}-1"));
        world.handle(&request).map_err(|refused| refused.to_string())?;
        world.advance_to(world.now() + SignedDuration::from_millis(10));
    }
    world.advance_to(world.now() + SignedDuration::from_mins(10));
    Ok(world.instance_counts().get(&State::Running).copied().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    #[test]
    fn all_instances_whose_memory_is_measured_run() {
        assert_eq!(super::hold_running(300).unwrap(), 300);
    }
}
