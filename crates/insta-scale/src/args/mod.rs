//! What can be typed: the flags and commands of `oci-insta-scale`.
//!
//! Must not know what the commands do.

mod capacity;
mod duration;
mod go_style;
mod instances;
mod manage;
mod manager;
mod parse;
mod reservation;
mod sim;

pub use capacity::{AskedShape, CapacityArgs, Find, FindArgs, PlanArgs, PolicyArgs, Where};
pub use go_style::{go_flags, missed_equals, normalise};
pub use instances::{
    ActInstances, Carry, CleanupArgs, ExportAddress, ExportArgs, ExportFormat, ExtendInstances,
    InstancesArgs, InstancesCommand, ListInstances, Select, SoftInstances, Sort, StatusInstances,
    TerminateInstances,
};
pub use manage::ManageInstances;
pub use manager::CapacityManager;
pub use parse::parse;
pub use reservation::{
    CreateReservation, DeleteReservation, KindArgs, ListReservations, ReservationArgs, ReservationCommand,
    Reserving, UpdateReservation, WaitReservation,
};
pub use sim::{SimArgs, SimCommand, SimHome, SimReset, SimServe};

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

/// Launch N instances of Oracle Cloud Infrastructure from one YAML file: all of them, once each.
#[derive(Debug, Parser)]
#[command(
    name = "oci-insta-scale",
    version,
    max_term_width = 100,
    after_help = AFTER_HELP,
    subcommand_required = true,
    override_usage = "oci-insta-scale [COMMAND] [OPTIONS]",
    disable_help_subcommand = true
)]
pub struct Cli {
    /// Flags of every command.
    #[command(flatten, next_help_heading = "Options of every command")]
    pub global: Global,
    /// The command; `launch` is put in when none is given.
    #[command(subcommand)]
    pub command: Command,
}

const AFTER_HELP: &str = "\
Without a command, `launch` runs: `oci-insta-scale --dry-run` is `oci-insta-scale launch --dry-run`.
Flags with one dash (`-config x -dry-run`) work too.

Start here:
  oci-insta-scale --simulate --config config.example.yaml   rehearse: no tenancy, no key, no cost
  oci-insta-scale --dry-run                                 show what would be sent; create nothing
  oci-insta-scale --count 3                                 launch three

Exit codes:
  0    every instance is RUNNING (or launched, with --no-wait)
  2    a mistake in the command or in the config; nothing was sent
  3    some instances failed
  4    no instance was launched
  5    the login was refused
  130  interrupted (Ctrl-C); `oci-insta-scale resume` goes on";

/// Flags of every command.
#[derive(Clone, Debug, Args)]
pub struct Global {
    /// The config file [default: config.yaml]
    #[arg(long, global = true, value_name = "FILE", env = "OCI_INSTA_SCALE_CONFIG", hide_env_values = true)]
    pub config: Option<PathBuf>,
    /// Sign as this profile of ~/.oci/config, whatever the config file says
    #[arg(long, global = true, value_name = "NAME")]
    pub profile: Option<String>,
    /// Send every request to this base URL (a simulator, say)
    #[arg(long, global = true, value_name = "URL", env = "OCI_INSTA_SCALE_ENDPOINT", hide_env_values = true)]
    pub endpoint: Option<String>,
    /// Where runs are remembered [default: $XDG_STATE_HOME/oci-insta-scale]
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "OCI_INSTA_SCALE_STATE_DIR",
        hide_env_values = true,
        value_parser = clap::builder::TypedValueParser::map(clap::builder::OsStringValueParser::new(), PathBuf::from)
    )]
    pub state_dir: Option<PathBuf>,
    /// What is printed on stdout
    #[arg(short, long, global = true, value_name = "FORMAT", default_value = "table")]
    pub output: OutputFormat,
    /// More messages on stderr; twice (-vv): each request too
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Only errors on stderr
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
}

/// What is printed on stdout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// A table for people
    Table,
    /// One JSON document at the end
    Json,
    /// One JSON object a line, as things happen
    Jsonl,
    /// Comma-separated values, for commands that list
    Csv,
    /// The table with every column, for `instances list`
    Wide,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Launch the instances of the config (the default)
    Launch(LaunchArgs),
    /// Go on with a run that was interrupted
    Resume(ResumeArgs),
    /// List the runs on this machine
    Runs(RunsArgs),
    /// Show one run
    Show(ShowArgs),
    /// Ask beforehand: how many can be had where, what stands in the way, what it costs
    Plan(PlanArgs),
    /// Capacity reservations
    Reservation(ReservationArgs),
    /// The capacity report: availability domains × fault domains × shapes
    Capacity(CapacityArgs),
    /// Print the least IAM policy for what the config does
    Policy(PolicyArgs),
    /// Find what goes into the config: availability domains, shapes, images, subnets, compartments
    Find(FindArgs),
    /// List, start, stop, reboot and terminate instances
    Instances(InstancesArgs),
    /// Delete what our own runs left behind
    Cleanup(CleanupArgs),
    /// Write instances down for ssh, Ansible, /etc/hosts, Terraform or a spreadsheet
    Export(ExportArgs),
    /// The simulated region
    Sim(SimArgs),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}

/// How a launch is carried out.
#[derive(Clone, Debug, Args)]
pub struct Pace {
    /// Do not wait for RUNNING
    #[arg(long)]
    pub no_wait: bool,
    /// How long to wait for one instance after its launch
    #[arg(long, value_name = "TIME", default_value = "20m", value_parser = duration::parse, conflicts_with = "no_wait")]
    pub wait_timeout: Duration,
    /// The most launches a second [default: found while running]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = positive)]
    pub rate: Option<f64>,
    /// The most launches under way at once
    #[arg(long, value_name = "N", default_value = "100", allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub max_concurrency: u32,
    /// How long to go on trying when no place has capacity, from the last launch that was accepted [default: no longer
    /// than the places take]
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    pub retry_for: Option<Duration>,
    /// After so long launch nothing more and wait no longer, with --min giving back what is too little
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    pub deadline: Option<Duration>,
}

/// Flags of `launch`.
#[derive(Clone, Debug, Args)]
pub struct LaunchArgs {
    /// Show what would be sent, and ask the service what stands in its way; launch nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Ask nobody, with --dry-run
    #[arg(long, requires = "dry_run")]
    pub offline: bool,
    /// How many instances, in place of the config's count
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..=i64::from(crate::config::MAX_COUNT)))]
    pub count: Option<u32>,
    /// At least so many, or nothing: below that everything is given back, instances, volumes and reservations
    #[arg(long, value_name = "M", allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..))]
    pub min: Option<u32>,
    /// Keep what there is even if it is fewer than --min
    #[arg(long, requires = "min")]
    pub keep_partial: bool,
    /// Launch nothing if all of it would cost more than this an hour, by the price list and `prices:` of the config
    #[arg(long, value_name = "USD", allow_negative_numbers = true, value_parser = positive)]
    pub max_cost_per_hour: Option<f64>,
    /// Launch so many more: names continue after the highest number that the compartment shows
    #[arg(long)]
    pub extend: bool,
    /// Start another run although one of this config is unfinished, or instances of the same names are there
    #[arg(long)]
    pub new: bool,
    /// Do not ask before launching
    #[arg(short, long)]
    pub yes: bool,
    /// Launch in a simulated region: a scenario's name or file [default: roomy]
    #[arg(long, value_name = "SCENARIO", num_args = 0..=1, require_equals = true, default_missing_value = "roomy")]
    pub simulate: Option<String>,
    /// Simulated seconds in one second, with --simulate
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = positive, requires = "simulate")]
    pub speed: Option<f64>,
    /// Let the fleet live so long: a tag says until when, and `cleanup --expired` terminates it then
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    pub ttl: Option<Duration>,
    /// Whether it reserves its own capacity.
    #[command(flatten)]
    pub reserving: Reserving,
    /// How it is carried out.
    #[command(flatten)]
    pub pace: Pace,
}

/// Flags of `resume`.
#[derive(Clone, Debug, Args)]
pub struct ResumeArgs {
    /// The run, or the beginning of its id [default: the last unfinished one of the config]
    pub run: Option<String>,
    /// Find the run by the tags of its instances when this machine does not remember it; needs the whole id
    #[arg(long, requires = "run")]
    pub from_cloud: bool,
    /// How many instances the run was to have, with --from-cloud [default: the config's count]
    #[arg(long, value_name = "N", requires = "from_cloud", allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..=i64::from(crate::config::MAX_COUNT)))]
    pub count: Option<u32>,
    /// How long lists may lag behind launches: they are believed after that, with --from-cloud and where records are lost
    #[arg(long, value_name = "TIME", default_value = "90s", value_parser = duration::parse)]
    pub list_lag: Duration,
    /// Keep what there is even if it is fewer than the run's --min
    #[arg(long)]
    pub keep_partial: bool,
    /// Go on although requests go to another endpoint than when the run began: the same service is there now
    #[arg(long)]
    pub other_endpoint: bool,
    /// Do not ask before going on
    #[arg(short, long)]
    pub yes: bool,
    /// How it is carried out.
    #[command(flatten)]
    pub pace: Pace,
}

impl LaunchArgs {
    /// The least count that the run itself watches over. Whoever keeps what there is wants it watched by nobody.
    pub fn least(&self) -> Option<u32> {
        self.min.filter(|_| !self.keep_partial)
    }
}

impl ResumeArgs {
    /// The flags of a resume that a launch turned into.
    pub fn of(run: String, launch: &LaunchArgs) -> Self {
        Self {
            run: Some(run),
            from_cloud: false,
            count: None,
            list_lag: fleet::launch::LONGEST_LAG,
            keep_partial: launch.keep_partial,
            other_endpoint: false,
            yes: launch.yes,
            pace: launch.pace.clone(),
        }
    }
}

/// Flags of `runs`.
#[derive(Clone, Debug, Args)]
pub struct RunsArgs {
    /// How many, the newest first
    #[arg(long, value_name = "N", default_value = "20")]
    pub limit: usize,
    /// Runs in the simulated region instead
    #[arg(long)]
    pub simulated: bool,
}

/// Flags of `show`.
#[derive(Clone, Debug, Args)]
pub struct ShowArgs {
    /// The run, or the beginning of its id [default: the last one]
    pub run: Option<String>,
    /// A run in the simulated region
    #[arg(long)]
    pub simulated: bool,
}

/// A number above 0.
fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() && value > 0.0 => Ok(value),
        _ => Err("a number above 0 is needed".to_owned()),
    }
}
