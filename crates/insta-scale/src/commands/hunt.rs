//! `hunt`, which is `launch --until`, and its systemd unit.

use super::fleets::unit;
use super::launch;
use crate::args::HuntArgs;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::console;
use crate::session::Session;
use std::fmt::Write as _;

/// Hunts, or prints the unit that does.
pub async fn hunt(session: &Session, args: &HuntArgs) -> Result<Exit, CommandError> {
    let launch = args.as_launch();
    launch.check_hunt()?;
    if args.print_unit {
        console::data(&unit_text(session, args)?)?;
        return Ok(Exit::Done);
    }
    Box::pin(launch::launch_fleet(session, &launch)).await
}

fn unit_text(session: &Session, args: &HuntArgs) -> Result<String, CommandError> {
    let launch = args.as_launch();
    let mut flags = String::new();
    // Writing to a String cannot fail, so the results are ignored.
    if let Some(until) = launch.hunting.until {
        let _ = write!(flags, " --until {}s", until.as_secs());
    }
    if let Some(floor) = launch.hunting.floor {
        let _ = write!(flags, " --floor {}s", floor.as_secs());
    }
    for (flag, number) in [("--count", launch.count), ("--min", launch.min)] {
        if let Some(number) = number {
            let _ = write!(flags, " {flag} {number}");
        }
    }
    if launch.reserving.ratchet {
        flags.push_str(" --ratchet");
    }
    if let Some(cost) = launch.reserving.max_hold_cost {
        let _ = write!(flags, " --max-hold-cost {cost}");
    }
    if let Some(cost) = launch.hunting.max_cost {
        let _ = write!(flags, " --max-cost {cost}");
    }
    if launch.keep_partial {
        flags.push_str(" --keep-partial");
    }
    if let Some(cost) = launch.max_cost_per_hour {
        let _ = write!(flags, " --max-cost-per-hour {cost}");
    }
    if let Some(ttl) = launch.ttl {
        let _ = write!(flags, " --ttl {}s", ttl.as_secs());
    }
    flags.push_str(&unit::file("--heartbeat", args.heartbeat.as_deref())?);
    flags.push_str(&unit::metrics(&launch.metrics)?);
    flags.push_str(&unit::pace(&launch.pace));
    unit::text(
        session,
        &unit::Unit {
            command: "hunt",
            flags,
            description: "Hunt for the OCI instances of",
            description_end: "",
            // A hunt that has ended is not restarted: all instances are obtained, its time has passed, or it cannot succeed.
            restart: "on-failure",
            no_restart: "0 2 3 4 5 7",
        },
    )
}
