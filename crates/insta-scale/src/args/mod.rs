//! The flags and commands of `oci-insta-scale`.
//!
//! This module must not know what the commands do.

mod capacity;
mod config;
mod cost;
mod doctor;
mod duration;
mod fleets;
mod global;
mod go_style;
mod hunt;
mod init;
mod instances;
mod ledger;
mod limits;
mod manage;
mod manager;
mod metrics;
mod notify;
mod outline;
mod parse;
mod prices;
mod report;
mod reservation;
mod schema;
mod sim;
mod ssh;
mod watch;

pub use capacity::{
    AskedShape, CapacityArgs, CapacityCommand, Find, FindArgs, HistoryArgs, PlacementsFormat, PlanArgs,
    PolicyArgs, Where,
};
pub use config::{ConfigArgs, ConfigCommand};
pub use cost::CostArgs;
pub use doctor::DoctorArgs;
pub use duration::parse as parse_duration;
pub use fleets::{
    AdoptArgs, AskedSize, FleetArgs, FleetCommand, FleetsArgs, MaintainArgs, ReplaceArgs, ScaleArgs,
    StatusArgs,
};
pub use global::Global;
pub use go_style::{go_flags, missed_equals, normalise, wanted_output};
pub use hunt::{HuntArgs, HuntFlags};
pub use init::InitArgs;
pub use instances::{
    ActInstances, Carry, CleanupArgs, ExportArgs, ExportFormat, ExtendInstances, FleetChoice, InstancesArgs,
    InstancesCommand, Keep, ListInstances, Select, SoftInstances, Sort, StatusInstances, TerminateInstances,
};
pub use ledger::{CopyLedger, GrantLedger, LedgerArgs, LedgerCommand, LedgerRole, PruneLedger};
pub use limits::{
    CancelLimitRequest, CommentLimitRequest, LimitsArgs, LimitsCommand, ListLimitRequests, RequestLimits,
};
pub use manage::ManageInstances;
pub use manager::CapacityManager;
pub use metrics::MetricsFlags;
pub use notify::{NotifyArgs, NotifyCommand, NotifyTest};
pub use outline::{CommandFlags, outline};
pub use parse::{parse, parse_with};
pub use prices::{ListPrices, PricesArgs, PricesCommand, UpdatePrices};
pub use report::{ReportArgs, ReportFormat};
pub use reservation::{
    CreateReservation, DeleteReservation, KindArgs, ListReservations, ReservationArgs, ReservationCommand,
    Reserving, UpdateReservation, WaitReservation,
};
pub use schema::SchemaArgs;
pub use sim::{SimArgs, SimCommand, SimExec, SimHome, SimReset, SimServe, SimServeAlone};
pub use ssh::{ExportAddress, LoginArgs, SshArgs};
pub use watch::WatchArgs;

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

/// Launch a fleet of Oracle Cloud Infrastructure instances from one YAML file, each instance exactly once.
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
The default command is `launch`: `oci-insta-scale --dry-run` runs `oci-insta-scale launch --dry-run`.
Long flags also work with one dash (`-config x -dry-run`).

Examples:
  oci-insta-scale --simulate --config config.example.yaml   try it in a simulated region, free of charge
  oci-insta-scale --dry-run                                 show what would be sent without creating anything
  oci-insta-scale --count 3                                 launch three instances

Exit codes:
  0    every instance is RUNNING (or launched, with --no-wait)
  2    the command or the config is invalid; nothing was created
  3    some instances failed
  4    no instance was launched
  5    the login was refused
  6    with `hunt --once`: not yet
  7    a ratchet ran out of time or money and gave everything back
  130  interrupted (Ctrl-C); continue with `oci-insta-scale resume`";

/// What is printed on stdout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// A table for people
    Table,
    /// One JSON document at the end
    Json,
    /// One JSON object per line, as events happen
    Jsonl,
    /// Comma-separated values, for commands that list
    Csv,
    /// The table with every column, for `instances list`
    Wide,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Launch the instances of the config (default command)
    Launch(CommandFlags<LaunchArgs>),
    /// Ask what to launch and where, write config.yaml, and show its plan
    Init(CommandFlags<InitArgs>),
    /// Keep asking for the instances of the config, for weeks, until they run
    Hunt(CommandFlags<HuntArgs>),
    /// Continue an interrupted run
    Resume(CommandFlags<ResumeArgs>),
    /// List the runs on this machine
    Runs(CommandFlags<RunsArgs>),
    /// Show the details of a run
    Show(CommandFlags<ShowArgs>),
    /// Write a report of a run or a fleet: one page with timelines, times, refusals and costs
    Report(CommandFlags<ReportArgs>),
    /// Serve the report of a run as a page that follows it while it goes on
    Watch(CommandFlags<WatchArgs>),
    /// Show what a run or a fleet has cost so far, and costs per hour now
    Cost(CommandFlags<CostArgs>),
    /// Check how many instances can launch in each availability domain, what prevents more, and the price
    Plan(CommandFlags<PlanArgs>),
    /// Bring the fleet to a size: launch what is missing, or terminate what is too many
    Scale(CommandFlags<ScaleArgs>),
    /// Keep the fleet at its wanted size: replace members that fail
    Maintain(CommandFlags<MaintainArgs>),
    /// Replace members that differ from the config
    Replace(CommandFlags<ReplaceArgs>),
    /// Compare the existing members of the fleet with the wanted size
    Status(CommandFlags<StatusArgs>),
    /// List the fleets of a compartment
    Fleets(CommandFlags<FleetsArgs>),
    /// Manage the members of the fleet
    Fleet(CommandFlags<FleetArgs>),
    /// Manage capacity reservations
    Reservation(CommandFlags<ReservationArgs>),
    /// Report capacity by availability domain, fault domain and shape
    Capacity(CommandFlags<CapacityArgs>),
    /// Show which service limits stand in the way of the fleet, and request higher ones
    Limits(CommandFlags<LimitsArgs>),
    /// Check everything that a launch needs, and say what to do about the rest
    Doctor(CommandFlags<DoctorArgs>),
    /// Print the resulting config, or the JSON Schema of config.yaml
    Config(CommandFlags<ConfigArgs>),
    /// Print the smallest IAM policy that the config needs
    Policy(CommandFlags<PolicyArgs>),
    /// Copy, check or prune the records of runs, which several machines can share
    Ledger(CommandFlags<LedgerArgs>),
    /// Show the prices of shapes, or use another price list
    Prices(CommandFlags<PricesArgs>),
    /// Find values for the config: availability domains, shapes, images, subnets and compartments
    Find(CommandFlags<FindArgs>),
    /// List, start, stop, reboot and terminate instances
    Instances(CommandFlags<InstancesArgs>),
    /// Delete resources that earlier runs left behind
    Cleanup(CommandFlags<CleanupArgs>),
    /// Export instances for ssh, Ansible, /etc/hosts, Terraform or a spreadsheet
    Export(CommandFlags<ExportArgs>),
    /// Test the receivers of notifications
    Notify(CommandFlags<NotifyArgs>),
    /// Print the command that logs in to a member of the fleet, or run it with --exec
    Ssh(CommandFlags<SshArgs>),
    /// Run a simulated region
    Sim(CommandFlags<SimArgs>),
    /// Print the JSON Schemas of the documents for programs
    Schema(CommandFlags<SchemaArgs>),
    /// Print a completion script for a shell
    Completions {
        /// Shell to write the script for
        shell: clap_complete::Shell,
    },
    /// Print the manual page of a command
    Man(CommandFlags<ManArgs>),
}

/// How a launch is carried out.
#[derive(Clone, Debug, Args)]
pub struct Pace {
    /// Return once every launch is accepted, without waiting for RUNNING
    #[arg(long)]
    pub no_wait: bool,
    /// Wait this long for each instance to reach RUNNING after its launch
    #[arg(long, value_name = "TIME", default_value = "20m", value_parser = duration::parse, conflicts_with = "no_wait")]
    pub wait_timeout: Duration,
    /// Limit the rate to N launches per second [default: adapt to what OCI accepts]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = positive)]
    pub rate: Option<f64>,
    /// Run at most N launch requests at the same time
    #[arg(long, value_name = "N", default_value = "100", allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub max_concurrency: u32,
    /// If no placement has capacity, keep trying at the pace of a launch until this long after the last accepted launch; for
    /// days or weeks, use `hunt` [default: try each placement up to 3 times, and make at most 12 attempts per instance]
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    pub retry_for: Option<Duration>,
    /// Stop launching and waiting after this time [default: none]
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    pub deadline: Option<Duration>,
    /// Send no notifications [default: tell the receivers under `notify:` in the config]
    #[arg(long)]
    pub no_notify: bool,
}

/// What a launch does if not all instances can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AskedStrategy {
    /// Keep looking for capacity as long as the launch lasts, and keep what it got
    Greedy,
    /// Ask each choice once, and keep what it got: exit code 0 if that is at least one (or --min)
    #[value(name = "best_effort", alias = "best-effort")]
    BestEffort,
    /// Roll everything back unless all instances are running
    #[value(name = "all_or_nothing", alias = "all-or-nothing")]
    AllOrNothing,
}

impl From<AskedStrategy> for fleet::Strategy {
    fn from(asked: AskedStrategy) -> Self {
        match asked {
            AskedStrategy::Greedy => Self::Greedy,
            AskedStrategy::BestEffort => Self::BestEffort,
            AskedStrategy::AllOrNothing => Self::AllOrNothing,
        }
    }
}

/// Flags of `launch`.
#[derive(Clone, Debug, Args)]
pub struct LaunchArgs {
    /// Show what would be sent and check it against the service without launching anything
    #[arg(long)]
    pub dry_run: bool,
    /// With --dry-run, send no requests
    #[arg(long, requires = "dry_run")]
    pub offline: bool,
    /// Launch N instances [default: the config's count]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..=i64::from(crate::config::MAX_COUNT)))]
    pub count: Option<u32>,
    /// Require at least M running, by the --deadline if there is one; otherwise roll back everything this run created
    /// [default: keep any number]
    #[arg(long, value_name = "M", allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..))]
    pub min: Option<u32>,
    /// Keep the instances even if fewer than --min are running
    #[arg(long, requires = "min")]
    pub keep_partial: bool,
    /// What to do if not all instances can be had [default: the config's strategy, otherwise greedy]
    #[arg(long, value_name = "STRATEGY")]
    pub strategy: Option<AskedStrategy>,
    /// Refuse to launch if the fleet would cost more than this per hour or has no known price [default: no limit]
    #[arg(long, value_name = "USD", allow_negative_numbers = true, value_parser = positive)]
    pub max_cost_per_hour: Option<f64>,
    /// Add instances to the fleet; names continue after the highest number in the compartment
    #[arg(long)]
    pub extend: bool,
    /// Start a new run even if one of this config is unfinished or instances with these names exist
    #[arg(long)]
    pub new: bool,
    /// Skip the confirmation prompt
    #[arg(short, long)]
    pub yes: bool,
    /// Launch in a simulated region instead of OCI; SCENARIO is a preset or a file and is `roomy` if omitted
    #[arg(long, value_name = "SCENARIO", num_args = 0..=1, require_equals = true, default_missing_value = "roomy")]
    pub simulate: Option<String>,
    /// With --simulate, run N simulated seconds per real second [default: the scenario's, otherwise 30]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = positive, requires = "simulate")]
    pub speed: Option<f64>,
    /// Tag the instances to expire after this time; `cleanup --expired` then terminates them [default: never]
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    pub ttl: Option<Duration>,
    /// What makes it a hunt.
    #[command(flatten)]
    pub hunting: HuntFlags,
    /// Whether it reserves its own capacity.
    #[command(flatten)]
    pub reserving: Reserving,
    /// How it is carried out.
    #[command(flatten)]
    pub pace: Pace,
    /// Where its metrics go.
    #[command(flatten)]
    pub metrics: MetricsFlags,
}

/// Flags of `resume`.
#[derive(Clone, Debug, Args)]
pub struct ResumeArgs {
    /// Id of the run, the start of it, or `last` [default: the last unfinished run of the config]
    pub run: Option<String>,
    /// Rebuild a run that this machine has no records of from the tags of its instances; requires the full id
    #[arg(long, requires = "run")]
    pub from_cloud: bool,
    /// With --from-cloud, the number of instances the run should have [default: the config's count]
    #[arg(long, value_name = "N", requires = "from_cloud", allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..=i64::from(crate::config::MAX_COUNT)))]
    pub count: Option<u32>,
    /// Wait this long for launches to appear in lists, with --from-cloud or if records are lost
    #[arg(long, value_name = "TIME", default_value = "90s", value_parser = duration::parse)]
    pub list_lag: Duration,
    /// Keep the instances even if fewer than the run's --min are running
    #[arg(long)]
    pub keep_partial: bool,
    /// Continue even if the endpoint differs from the one the run started with; it must serve the same instances
    #[arg(long)]
    pub other_endpoint: bool,
    /// Skip the confirmation prompt
    #[arg(short, long)]
    pub yes: bool,
    /// How it is carried out.
    #[command(flatten)]
    pub pace: Pace,
    /// Where its metrics go.
    #[command(flatten)]
    pub metrics: MetricsFlags,
    /// How a run that is a hunt is carried out.
    #[arg(skip)]
    pub hunting: HuntFlags,
}

impl LaunchArgs {
    /// The minimum that the run enforces; none if it keeps what it has.
    pub fn least(&self) -> Option<u32> {
        self.min.filter(|_| !self.keep_partial)
    }
}

impl ResumeArgs {
    /// The flags of the resume that a launch turned into.
    pub fn of(run: String, launch: &LaunchArgs) -> Self {
        Self {
            run: Some(run),
            from_cloud: false,
            count: None,
            list_lag: fleet::launch::LONGEST_LAG,
            keep_partial: launch.keep_partial,
            other_endpoint: false,
            // Starting the hunt was consent to all of it.
            yes: launch.yes || launch.is_hunt(),
            pace: launch.pace.clone(),
            metrics: launch.metrics.clone(),
            hunting: launch.hunting.clone(),
        }
    }
}

/// Flags of `runs`.
#[derive(Clone, Debug, Args)]
pub struct RunsArgs {
    /// Show the N newest runs
    #[arg(long, value_name = "N", default_value = "20")]
    pub limit: usize,
    /// Show runs in the simulated region instead
    #[arg(long)]
    pub simulated: bool,
    /// With --output json, print this version of the document [default: 2]
    #[arg(long, value_name = "VERSION")]
    pub schema: Option<RunsSchema>,
}

/// The versions of the document of `runs`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum RunsSchema {
    /// An array, as before 0.2.0
    #[value(name = "1")]
    Array,
    /// An object with `runs`
    #[default]
    #[value(name = "2")]
    Object,
}

/// Flags of `show`.
#[derive(Clone, Debug, Args)]
pub struct ShowArgs {
    /// Id of the run, the start of it, or `last` for the last launch [default: the last run; with --why, the last launch]
    pub run: Option<String>,
    /// Look among the runs in the simulated region
    #[arg(long)]
    pub simulated: bool,
    /// Of a launch, show what each target answered: attempts, the last answer, when and why it was given up
    #[arg(long)]
    pub why: bool,
}

/// Flags of `man`.
#[derive(Clone, Debug, Args)]
pub struct ManArgs {
    /// Command to print the page of, such as `instances list` [default: oci-insta-scale itself]
    #[arg(value_name = "COMMAND")]
    pub command: Vec<String>,
    /// Write the pages of all commands to this directory instead
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    pub dir: Option<PathBuf>,
}

/// Parses an amount of money: 0 or more.
fn amount(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() && value >= 0.0 => Ok(value),
        _ => Err("expected a number, 0 or more".to_owned()),
    }
}

/// Parses a number above 0.
fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() && value > 0.0 => Ok(value),
        _ => Err("expected a number above 0".to_owned()),
    }
}
