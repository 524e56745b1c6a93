//! Flags of `instances`, `cleanup` and `export`, and of `manage-instances`, their older front door.

use super::{duration, positive};
use clap::{Args, Subcommand, ValueEnum};
use fleet::select::{Named, STATES, Tag};
use std::path::PathBuf;
use std::time::Duration;

/// Flags of `instances`.
#[derive(Clone, Debug, Args)]
pub struct InstancesArgs {
    /// What to do with instances.
    #[command(subcommand)]
    pub command: InstancesCommand,
}

/// What can be done with instances.
#[derive(Clone, Debug, Subcommand)]
pub enum InstancesCommand {
    /// List instances with their addresses and what they cost
    #[command(after_help = SELECT_HELP)]
    List(ListInstances),
    /// Count instances by state, availability domain and shape
    #[command(after_help = SELECT_HELP)]
    Status(StatusInstances),
    /// Start instances
    #[command(after_help = ACT_HELP)]
    Start(ActInstances),
    /// Shut instances down; power off those that take too long
    #[command(after_help = ACT_HELP)]
    Stop(SoftInstances),
    /// Reboot instances; reset those that take too long
    #[command(after_help = ACT_HELP)]
    Reboot(SoftInstances),
    /// Terminate instances: they and what is on them are gone
    #[command(after_help = TERMINATE_HELP)]
    Terminate(TerminateInstances),
    /// Let instances with an expiry (`launch --ttl`) live longer
    Extend(ExtendInstances),
}

const SELECT_HELP: &str = "\
Which instances: by OCID or display name, and by --prefix, --run, --tag, --state, --ad, --shape and --file, which
combine: an instance is meant when all of them mean it. Values of one flag are alternatives, but every --tag must be
there. `-` reads OCIDs from standard input. Terminated instances are listed by the service for 12 hours or more and
are shown with --terminated only.";

const ACT_HELP: &str = "\
Which instances: by OCID or display name, and by --prefix, --run, --tag, --state, --ad, --shape and --file, which
combine; one of them is needed, or --all for the whole compartment. Instances that are there already are skipped.

Exit codes: 0 all there, 2 bad usage, 3 some failed, 4 none succeeded, none found (see --allow-empty) or declined,
5 login refused, 130 interrupted.";

const TERMINATE_HELP: &str = "\
Which instances: by OCID or display name, and by --prefix, --run, --tag, --state, --ad, --shape and --file, which
combine; one of them is needed, or --all for the whole compartment.

The instances, their number and their price are shown, and the word DELETE is asked for. Without a terminal, nothing
is done unless --yes is given. What was shown is what is terminated: nothing that appears later.

Exit codes: 0 all gone, 2 bad usage, 3 some failed, 4 none terminated, none found (see --allow-empty) or declined,
5 login refused, 130 interrupted.";

/// Which instances.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Which instances")]
pub struct Select {
    /// OCIDs or display names; `-` reads OCIDs from standard input
    #[arg(value_name = "INSTANCE")]
    pub named: Vec<String>,
    /// The compartment [default: the config's]
    #[arg(short, long, value_name = "OCID")]
    pub compartment: Option<String>,
    /// Display names that begin with this
    #[arg(short, long)]
    pub prefix: Option<String>,
    /// Launched by this run: its id or the beginning of it, or `last`
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    /// With this tag; `Namespace.key=value` for a defined tag
    #[arg(long, value_name = "KEY[=VALUE]")]
    pub tag: Vec<Tag>,
    /// In this state
    #[arg(long, value_name = "STATE", value_delimiter = ',', value_parser = state)]
    pub state: Vec<String>,
    /// In this availability domain: its full name, or `AD-1`
    #[arg(long, value_name = "AD", value_delimiter = ',')]
    pub ad: Vec<String>,
    /// Of this shape
    #[arg(long, value_delimiter = ',')]
    pub shape: Vec<String>,
    /// Named in this file: one OCID a line, `#` begins a comment
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Terminated ones too
    #[arg(long)]
    pub terminated: bool,
}

/// Flags of `instances list`.
#[derive(Clone, Debug, Args)]
pub struct ListInstances {
    /// Which instances.
    #[command(flatten)]
    pub select: Select,
    /// Leave addresses out: fewer requests
    #[arg(long)]
    pub no_ips: bool,
    /// By what to sort
    #[arg(long, value_name = "COLUMN", default_value = "name")]
    pub sort: Sort,
    /// The other way round
    #[arg(long)]
    pub reverse: bool,
    /// Every column, however wide
    #[arg(long)]
    pub wide: bool,
}

/// By what instances are sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Sort {
    Name,
    Created,
    Age,
    State,
    Ad,
    Shape,
    Price,
    Ip,
}

/// Flags of `instances status`.
#[derive(Clone, Debug, Args)]
pub struct StatusInstances {
    /// Which instances.
    #[command(flatten)]
    pub select: Select,
    /// Look again until none is on its way to another state
    #[arg(short, long)]
    pub watch: bool,
    /// How long between two looks, with --watch
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration::parse, requires = "watch")]
    pub every: Duration,
}

/// How actions are carried out.
#[derive(Clone, Debug, Args)]
pub struct Carry {
    /// Every instance of the compartment
    #[arg(long)]
    pub all: bool,
    /// Do not wait until the instances are in the wanted state
    #[arg(long)]
    pub no_wait: bool,
    /// How long to wait for one instance
    #[arg(long, value_name = "TIME", default_value = "20m", value_parser = duration::parse)]
    pub wait_timeout: Duration,
    /// The most actions a second [default: found while running]
    #[arg(long, value_name = "N", value_parser = positive)]
    pub rate: Option<f64>,
    /// The most actions under way at once
    #[arg(long, value_name = "N", default_value = "100", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub max_concurrency: u32,
    /// End with exit code 0 even if there is no instance to act on
    #[arg(long)]
    pub allow_empty: bool,
    /// Stop a launch that is still at work on these instances first; `terminate` ends it for good. Refused otherwise
    #[arg(long)]
    pub stop_run: bool,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}

/// Flags of `instances start`.
#[derive(Clone, Debug, Args)]
pub struct ActInstances {
    /// Which instances.
    #[command(flatten)]
    pub select: Select,
    /// How.
    #[command(flatten)]
    pub carry: Carry,
}

/// Flags of `instances stop` and `instances reboot`.
#[derive(Clone, Debug, Args)]
pub struct SoftInstances {
    /// Which instances.
    #[command(flatten)]
    pub select: Select,
    /// How.
    #[command(flatten)]
    pub carry: Carry,
    /// How long the system of an instance has to shut down before the power is cut [default: 5m]. With --no-wait it is
    /// only asked to, and the power is not cut
    #[arg(long, value_name = "TIME", value_parser = duration::parse, conflicts_with_all = ["force", "no_wait"])]
    pub grace: Option<Duration>,
    /// Cut the power at once
    #[arg(long)]
    pub force: bool,
}

/// Flags of `instances terminate`.
#[derive(Clone, Debug, Args)]
pub struct TerminateInstances {
    /// Which instances.
    #[command(flatten)]
    pub select: Select,
    /// How.
    #[command(flatten)]
    pub carry: Carry,
    /// Keep boot volumes; they go on costing
    #[arg(long)]
    pub keep_boot_volumes: bool,
    /// Keep data volumes that were made with the instances; they go on costing
    #[arg(long)]
    pub keep_data_volumes: bool,
    /// Refuse to terminate instances with this tag
    #[arg(long, value_name = "KEY[=VALUE]")]
    pub protect: Vec<Tag>,
}

/// Flags of `instances extend`.
#[derive(Clone, Debug, Args)]
pub struct ExtendInstances {
    /// Which instances.
    #[command(flatten)]
    pub select: Select,
    /// How long from now on they may live: `8h`, `2d`. An end that is later already stays
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    pub ttl: Duration,
    /// Bring the end nearer where it is later
    #[arg(long)]
    pub shorten: bool,
    /// End with exit code 0 even if there is no instance to act on
    #[arg(long)]
    pub allow_empty: bool,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}

/// Flags of `cleanup`.
#[derive(Clone, Debug, Args)]
#[command(after_help = CLEANUP_HELP)]
pub struct CleanupArgs {
    /// The compartment [default: the config's]
    #[arg(short, long, value_name = "OCID")]
    pub compartment: Option<String>,
    /// Only what this run left: its id or the beginning of it, or `last`
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    /// Only fleets whose time (`launch --ttl`) is over; for cron
    #[arg(long)]
    pub expired: bool,
    /// Volumes too that `terminate --keep-boot-volumes` or `--keep-data-volumes` left on purpose
    #[arg(long)]
    pub kept_volumes: bool,
    /// Reservations too that `reservation create` made and nobody uses
    #[arg(long)]
    pub unused_reservations: bool,
    /// Show what would be deleted; delete nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}

const CLEANUP_HELP: &str = "\
Finds what our own runs left behind, and only what a record or a tag proves: instances whose launch failed or was rolled
back, or whose slot another living one has; boot and data volumes that were to go with their instance; unused reservations
made by `launch --reserve`; fleets whose time is over. What others made is never touched, nor what the ledger does not
know, nor a run that is at work or whose records cannot be read.";

/// Flags of `export`.
#[derive(Clone, Debug, Args)]
pub struct ExportArgs {
    /// What to write
    pub format: ExportFormat,
    /// Which instances.
    #[command(flatten)]
    pub select: Select,
    /// Which address stands for an instance
    #[arg(long, default_value = "auto")]
    pub address: ExportAddress,
    /// The account to log in with
    #[arg(long)]
    pub user: Option<String>,
    /// The private key to log in with
    #[arg(long, value_name = "FILE")]
    pub identity_file: Option<String>,
}

/// What to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// Blocks for ~/.ssh/config
    SshConfig,
    /// A YAML inventory for Ansible
    Ansible,
    /// Lines for /etc/hosts
    Hosts,
    /// `import` blocks for Terraform 1.5 and later
    TerraformImport,
    /// One JSON document
    Json,
    /// Comma-separated values
    Csv,
}

/// Which address stands for an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportAddress {
    /// The public one if there is one, else the private one
    Auto,
    /// The public one only
    Public,
    /// The private one only
    Private,
}

/// A state, however it is written.
fn state(text: &str) -> Result<String, String> {
    let wanted = text.trim().to_ascii_uppercase().replace('-', "_");
    if STATES.contains(&wanted.as_str()) {
        return Ok(wanted);
    }
    let near = crate::config::nearest(&wanted, STATES.into_iter());
    let help = near
        .map_or_else(|| format!("there are {}", STATES.join(", ")), |near| format!("did you mean {near}?"));
    Err(help)
}

impl Carry {
    /// As usual.
    pub fn with(yes: bool) -> Self {
        Self {
            allow_empty: false,
            stop_run: false,
            all: false,
            no_wait: false,
            wait_timeout: Duration::from_mins(20),
            rate: None,
            max_concurrency: 100,
            yes,
        }
    }
}

impl Select {
    /// The instances that the arguments name, but for `-`.
    pub fn arguments(&self) -> Result<Vec<Named>, String> {
        self.named.iter().filter(|text| *text != "-").map(|text| text.parse()).collect()
    }

    /// Whether OCIDs are to be read from standard input.
    pub fn reads_stdin(&self) -> bool {
        self.named.iter().any(|text| text == "-")
            || self.file.as_deref().is_some_and(|file| file.as_os_str() == "-")
    }
}
