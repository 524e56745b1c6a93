//! Flags of `scale`, `status`, `fleets` and `fleet`.

use super::{Keep, MetricsFlags, Pace, duration, positive};
use clap::{Args, Subcommand};
use std::time::Duration;

const SCALE_HELP: &str = "\
A fleet is what one config describes: its region, its compartment and the name under `fleet:` (default:
display_name_prefix) identify it, and its instances carry the name in the tag oci-insta-scale-fleet.

The wanted size is that of the last `scale N`, until `count` in the config changes: then `count` applies. Without
SIZE, `scale` brings the fleet to its wanted size again, for example after an interruption. New instances get the
lowest numbers that are free. Instances with the tag oci-insta-scale-protect are never terminated.

Examples:
  oci-insta-scale scale 20
  oci-insta-scale scale +5 --yes
  oci-insta-scale scale 8 --balance --dry-run
  oci-insta-scale scale 0
  oci-insta-scale scale 0 --network

Exit codes: 0 the fleet has the wanted size, 2 invalid usage, 3 some failed or are protected, 4 nothing was changed
or declined, 5 login refused, 130 interrupted.";

/// A requested size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskedSize {
    /// Exactly this many.
    Exactly(u32),
    /// This many more than the wanted size.
    More(u32),
    /// This many fewer than the wanted size.
    Fewer(u32),
}

/// Flags of `scale`.
#[derive(Clone, Debug, Args)]
#[command(after_help = SCALE_HELP)]
pub struct ScaleArgs {
    /// The number of instances: N, or +N or -N relative to the wanted size [default: the wanted size]
    #[arg(value_name = "SIZE", allow_negative_numbers = true, value_parser = size)]
    pub size: Option<AskedSize>,
    /// Show what would change without changing anything
    #[arg(long)]
    pub dry_run: bool,
    /// When shrinking, terminate the highest numbers first (the default without `spread`)
    #[arg(long, conflicts_with_all = ["oldest", "balance", "named"])]
    pub newest: bool,
    /// When shrinking, terminate the lowest numbers first
    #[arg(long, conflicts_with_all = ["balance", "named"])]
    pub oldest: bool,
    /// When shrinking, terminate in the fullest availability and fault domain first
    #[arg(long, conflicts_with = "named")]
    pub balance: bool,
    /// Shrink by terminating these instances and no others: display names or OCIDs
    #[arg(long, value_name = "INSTANCE", value_delimiter = ',')]
    pub named: Vec<String>,
    /// What stays.
    #[command(flatten)]
    pub keep: Keep,
    /// Tag new instances to expire after this time; `cleanup --expired` then terminates them [default: never]
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    pub ttl: Option<Duration>,
    /// Launch nothing if the whole fleet would cost more than this per hour [default: no limit]
    #[arg(long, value_name = "USD", allow_negative_numbers = true, value_parser = positive)]
    pub max_cost_per_hour: Option<f64>,
    /// When growing, launch from the config even if existing members have another shape, size or image [default: refuse]
    #[arg(long)]
    pub allow_mixed: bool,
    /// With size 0, also delete the network that a launch made for the fleet (`network: create`), if nothing else is in it
    #[arg(long, requires = "size", conflicts_with = "no_wait")]
    pub network: bool,
    /// Skip the confirmation prompt
    #[arg(short, long)]
    pub yes: bool,
    /// How the launch is carried out.
    #[command(flatten)]
    pub pace: Pace,
    /// Where its metrics go.
    #[command(flatten)]
    pub metrics: MetricsFlags,
}

/// Flags of `status`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  oci-insta-scale status
  oci-insta-scale status --watch
  oci-insta-scale status --output json")]
pub struct StatusArgs {
    /// Refresh until interrupted
    #[arg(short, long)]
    pub watch: bool,
    /// Time between refreshes with --watch, at least 1s
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration::refresh, requires = "watch")]
    pub every: Duration,
}

/// Flags of `maintain`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
A member that was terminated or reclaimed is replaced under its own name. One that vanished from the list is replaced
when it has not been seen for 5 minutes. One that somebody stopped is left alone unless --restart-stopped is given.
`maintain` never terminates instances: if there are more than wanted, it says so. It follows the wanted size, so that
`scale` in another terminal changes what is maintained.

If the instances of one name died three times in a row within 10 minutes of RUNNING, that name is not launched again
until the next `scale`.

Examples:
  oci-insta-scale maintain
  oci-insta-scale maintain --once --yes
  oci-insta-scale maintain --print-unit

Exit codes: 0 with --once, the fleet has the wanted size, 2 invalid usage, 3 with --once, it does not, 4 declined,
5 login refused, 130 interrupted.")]
pub struct MaintainArgs {
    /// Bring the fleet to the wanted size once, then exit; for cron
    #[arg(long)]
    pub once: bool,
    /// Print a systemd unit that runs `maintain` with these flags, and exit
    #[arg(long, conflicts_with = "once")]
    pub print_unit: bool,
    /// Start members that were stopped
    #[arg(long)]
    pub restart_stopped: bool,
    /// Time between polls of the fleet, at least 10s
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = interval)]
    pub every: Duration,
    /// Skip the confirmation prompt
    #[arg(short, long)]
    pub yes: bool,
    /// How replacements are launched.
    #[command(flatten)]
    pub pace: Pace,
    /// Where its metrics go.
    #[command(flatten)]
    pub metrics: MetricsFlags,
}

/// Flags of `replace`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
A member differs from the config when its shape, OCPUs, memory, image or one of the config's freeform tags is not what the
config would launch now; `status` shows which. Each gets a successor under the same name. Interrupted or killed, the same
command continues. Instances with the tag oci-insta-scale-protect stay.

Examples:
  oci-insta-scale replace --drifted --dry-run
  oci-insta-scale replace --drifted --max-unavailable 2

Exit codes: 0 none differs any more, 2 invalid usage, 3 some were replaced, 4 none was replaced or declined, 5 login
refused, 130 interrupted.")]
pub struct ReplaceArgs {
    /// Replace every member that differs from the config
    #[arg(long, required = true)]
    pub drifted: bool,
    /// Terminate up to K old instances before their successors are launched; with 0, each successor runs before the old
    /// instance is terminated
    #[arg(long, value_name = "K", default_value = "0")]
    pub max_unavailable: u32,
    /// Show what would be replaced; change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// What stays.
    #[command(flatten)]
    pub keep: Keep,
    /// Skip the confirmation prompt
    #[arg(short, long)]
    pub yes: bool,
    /// How successors are launched.
    #[command(flatten)]
    pub pace: Pace,
}

/// Parses the time between two polls, which must be long enough not to exhaust the tenancy's request budget.
fn interval(text: &str) -> Result<Duration, String> {
    duration::at_least(text, 10)
}

/// Flags of `fleets`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  oci-insta-scale fleets
  oci-insta-scale fleets --compartment ocid1.compartment.oc1..aaaa --output json")]
pub struct FleetsArgs {
    /// List the fleets of this compartment [default: the config's]
    #[arg(short, long, value_name = "OCID")]
    pub compartment: Option<String>,
}

/// Flags of `fleet`.
#[derive(Clone, Debug, Args)]
pub struct FleetArgs {
    /// What to do with a fleet.
    #[command(subcommand)]
    pub command: FleetCommand,
}

/// What can be done with a fleet, apart from changing its size.
#[derive(Clone, Debug, Subcommand)]
pub enum FleetCommand {
    /// Add existing instances to the fleet
    Adopt(AdoptArgs),
}

/// Flags of `fleet adopt`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Adopting sets the tag oci-insta-scale-fleet; it changes nothing else about an instance. Without INSTANCE, the instances
are adopted that earlier versions of this program launched under the names of the fleet. An instance of another fleet is
never adopted.

Examples:
  oci-insta-scale fleet adopt
  oci-insta-scale fleet adopt web-7 web-8 --yes")]
pub struct AdoptArgs {
    /// Display names or OCIDs in the config's compartment
    #[arg(value_name = "INSTANCE")]
    pub named: Vec<String>,
    /// Skip the confirmation prompt
    #[arg(short, long)]
    pub yes: bool,
}

/// `20`, `+5` or `-3`.
fn size(text: &str) -> Result<AskedSize, String> {
    let (make, digits): (fn(u32) -> AskedSize, &str) = match text.split_at_checked(1) {
        Some(("+", digits)) => (AskedSize::More, digits),
        Some(("-", digits)) => (AskedSize::Fewer, digits),
        _ => (AskedSize::Exactly, text),
    };
    let most = crate::config::MAX_COUNT;
    let number =
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<u32>().ok()).flatten();
    match number {
        Some(number) if number <= most => Ok(make(number)),
        _ => Err(format!("a number from 0 to {most} is required, or +N or -N")),
    }
}

impl AskedSize {
    /// The size that this means relative to the current wanted size.
    ///
    /// # Errors
    /// When it is below 0, or above the maximum size of a fleet.
    pub fn of(self, wanted: u32) -> Result<u32, String> {
        let most = crate::config::MAX_COUNT;
        match self {
            Self::Exactly(size) => Ok(size),
            Self::More(more) => wanted
                .checked_add(more)
                .filter(|size| *size <= most)
                .ok_or_else(|| format!("{wanted} + {more} is more than the {most} that a fleet may have")),
            Self::Fewer(fewer) => wanted.checked_sub(fewer).ok_or_else(|| {
                format!("{wanted} instances are wanted now, and {wanted} - {fewer} is below 0")
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_a_number_or_a_change() {
        assert_eq!(size("20"), Ok(AskedSize::Exactly(20)));
        assert_eq!(size("0"), Ok(AskedSize::Exactly(0)));
        assert_eq!(size("+5"), Ok(AskedSize::More(5)));
        assert_eq!(size("-3"), Ok(AskedSize::Fewer(3)));
        for wrong in ["", "+", "-", "++5", "5+", "1e3", " 5", "5.0", "1000001", "4294967296", "٣"] {
            assert!(size(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_change_never_leaves_the_range() {
        assert_eq!(AskedSize::More(5).of(20), Ok(25));
        assert_eq!(AskedSize::Fewer(20).of(20), Ok(0));
        assert!(AskedSize::Fewer(21).of(20).is_err());
        assert!(AskedSize::More(1).of(crate::config::MAX_COUNT).is_err());
    }
}
