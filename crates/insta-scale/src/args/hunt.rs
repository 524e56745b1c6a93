//! Flags of `hunt`, and the flags of `launch` that turn a launch into a hunt.

use super::{LaunchArgs, duration};
use crate::error::CommandError;
use crate::tuning::HUNT_TIME;
use clap::Args;
use fleet::plan::LEAST_HUNT_FLOOR;
use std::path::PathBuf;
use std::time::Duration;

const HUNT_HELP: &str = "\
`hunt` is `launch --until 30d`: it keeps asking until all instances run, its time or its money (--max-cost) is over, or you
stop it (Ctrl-C). It differs from `launch --retry-for`, which is the patience of one launch, for minutes or hours, at the pace of a launch.
While nothing has capacity, a hunt sends one launch request at a time, at most one per floor for the whole tenancy, and
asks each target (availability domain, shape, …) in turn. It waits out every failure that may pass, such as outages,
throttling and expired logins, and warns once a day of each kind.

Started again after a kill or a reboot, `hunt` takes up its unfinished run without asking.

Examples:
  oci-insta-scale hunt
  oci-insta-scale hunt --count 4 --until 14d
  oci-insta-scale hunt --count 40 --min 20 --max-cost 150
  oci-insta-scale hunt --print-unit
  oci-insta-scale hunt --once --yes

Exit codes: 0 all instances run, 2 invalid usage, 3 some were obtained before the time was over, 4 none was or you
declined, 5 login refused for good, 6 with --once, not yet, 7 with --ratchet, time or money was over before enough was
reserved, 130 interrupted.";

/// Flags of `hunt`.
#[derive(Clone, Debug, Args)]
#[command(after_help = HUNT_HELP)]
pub struct HuntArgs {
    /// Send one probe if the floor allows it, launch what it finds, and exit; for cron
    #[arg(long)]
    pub once: bool,
    /// Print a systemd unit that runs `hunt` with these flags, and exit
    #[arg(long, conflicts_with_all = ["once", "simulate", "dry_run"])]
    pub print_unit: bool,
    /// Write the heartbeat to this file [default: hunt-FLEET.json in the state directory]
    #[arg(long, value_name = "FILE")]
    pub heartbeat: Option<PathBuf>,
    /// The flags of the launch that it is.
    #[command(flatten)]
    pub launch: LaunchArgs,
}

/// Flags of `launch` that make it a hunt.
#[derive(Clone, Debug, Default, Args)]
pub struct HuntFlags {
    /// Hunt: keep asking until all instances run or this long from now, with a --floor between probes; see `hunt --help`
    /// [default of `hunt`: 30d; default of `launch`: do not hunt]
    #[arg(long, value_name = "TIME", value_parser = until)]
    pub until: Option<Duration>,
    /// With --until, the least time between two probes of the tenancy while nothing has capacity, at least 10s [default:
    /// `floor` under `hunt:` in the config, otherwise 60s]
    #[arg(long, value_name = "TIME", value_parser = floor)]
    pub floor: Option<Duration>,
    /// With --until, launch nothing more once the instances of this hunt have cost this much; those that exist are kept and go on
    /// costing, unless they are fewer than --min [default: no limit]
    #[arg(long, value_name = "AMOUNT", allow_negative_numbers = true, value_parser = super::positive)]
    pub max_cost: Option<f64>,
    /// Whether to end after one probe.
    #[arg(skip)]
    pub once: bool,
    /// Where the heartbeat is written.
    #[arg(skip)]
    pub heartbeat: Option<PathBuf>,
}

impl HuntArgs {
    /// The launch that the hunt is.
    pub fn as_launch(&self) -> LaunchArgs {
        let mut launch = self.launch.clone();
        launch.hunting.until.get_or_insert(HUNT_TIME);
        launch.hunting.once = self.once;
        launch.hunting.heartbeat.clone_from(&self.heartbeat);
        launch
    }
}

impl LaunchArgs {
    /// Whether it is a hunt.
    pub fn is_hunt(&self) -> bool {
        self.hunt_time().is_some()
    }

    /// How long it hunts, if it is a hunt. A ratchet is one that reserves.
    pub fn hunt_time(&self) -> Option<Duration> {
        let of_ratchet = || self.reserving.ratchet.then(|| self.pace.deadline.unwrap_or(HUNT_TIME));
        self.hunting.until.or_else(of_ratchet)
    }

    /// Refuses flags that do not apply to a hunt, and flags that apply only to a hunt.
    pub fn check_hunt(&self) -> Result<(), CommandError> {
        if !self.is_hunt() {
            let given = [
                (self.hunting.floor.is_some(), "--floor is the time between two probes of a hunt"),
                (self.hunting.max_cost.is_some(), "--max-cost bounds what a hunt costs while it goes on"),
            ];
            return match given.into_iter().find(|(is_given, _)| *is_given) {
                Some((_, what)) => Err(CommandError::usage(
                    format!("{what}, and this launch is none"),
                    "add --until TIME, or use `hunt`",
                )),
                None => Ok(()),
            };
        }
        if self.ttl.is_some_and(|ttl| self.hunt_time().is_some_and(|time| ttl < time)) {
            return Err(CommandError::usage(
                "--ttl ends before the hunt: nothing is launched for a fleet that has expired",
                "raise --ttl above --until (30d in `hunt`), or lower --until",
            ));
        }
        if self.reserving.ratchet && self.hunting.once {
            return Err(CommandError::usage(
                "--once with --ratchet would leave paid reservations without a process that watches their cost",
                "remove --once, or hunt without --ratchet",
            ));
        }
        if self.reserving.ratchet && self.hunting.max_cost.is_some() {
            return Err(CommandError::usage(
                "--max-cost bounds instances that run while the hunt goes on, and a ratchet launches all at once",
                "bound what it costs to hold reservations with --max-hold-cost",
            ));
        }
        let given = [
            ("--retry-for", self.pace.retry_for.is_some(), "--until says how long a hunt asks"),
            (
                "--deadline",
                self.pace.deadline.is_some() && self.hunting.until.is_some(),
                "--until says when a hunt ends",
            ),
            (
                "--reserve",
                self.reserving.reserve,
                "it launches without reserving first, or reserves bit by bit with --ratchet",
            ),
        ];
        match given.into_iter().find(|(_, is_given, _)| *is_given) {
            Some((flag, _, why)) => {
                Err(CommandError::usage(format!("a hunt has no {flag}: {why}"), format!("remove {flag}")))
            }
            None => Ok(()),
        }
    }
}

fn until(text: &str) -> Result<Duration, String> {
    duration::at_least(text, 1)
}

fn floor(text: &str) -> Result<Duration, String> {
    duration::at_least(text, LEAST_HUNT_FLOOR.as_secs())
}
