//! Flags of `instances`, `cleanup` and `export`, which `manage-instances` also uses.

use super::ssh::LoginArgs;
use super::{duration, positive};
use clap::{Args, Subcommand, ValueEnum};
use fleet::action::{Options, Verb};
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
    /// List instances with their addresses and prices
    #[command(after_help = SELECT_HELP)]
    List(ListInstances),
    /// Count instances by state, availability domain and shape
    #[command(after_help = SELECT_HELP)]
    Status(StatusInstances),
    /// Start instances
    #[command(after_help = ACT_HELP)]
    Start(ActInstances),
    /// Shut down instances; power off those that exceed --grace
    #[command(after_help = ACT_HELP)]
    Stop(SoftInstances),
    /// Reboot instances; reset those that exceed --grace
    #[command(after_help = ACT_HELP)]
    Reboot(SoftInstances),
    /// Terminate instances and delete their data permanently
    #[command(after_help = TERMINATE_HELP)]
    Terminate(TerminateInstances),
    /// Postpone the expiry of instances launched with --ttl
    Extend(ExtendInstances),
}

const SELECT_HELP: &str = "\
Select instances by OCID or display name, and by --prefix, --fleet, --run, --tag, --state, --ad, --shape and
--file. An instance must match every selector. Several values of one flag are alternatives, except --tag: every tag
must match. `-` reads OCIDs from standard input. OCI lists terminated instances for 12 hours or more; --terminated shows them.

Examples:
  oci-insta-scale instances list --run last
  oci-insta-scale instances list --fleet web --watch
  oci-insta-scale instances status --prefix web- --watch";

const ACT_HELP: &str = "\
Select instances by OCID or display name, and by --prefix, --fleet, --run, --tag, --state, --ad, --shape and
--file. An instance must match every selector. At least one selector is required; --all selects the whole
compartment. Instances that are already in the wanted state are skipped.

Examples:
  oci-insta-scale instances start --prefix web- --yes --retry-for 2h
  oci-insta-scale instances stop --run last --grace 2m

Exit codes: 0 all succeeded, 2 invalid usage, 3 some failed, 4 none succeeded, none matched (see --allow-empty) or
you declined, 5 login refused, 130 interrupted.";

const TERMINATE_HELP: &str = "\
Select instances by OCID or display name, and by --prefix, --fleet, --run, --tag, --state, --ad, --shape and
--file. An instance must match every selector. At least one selector is required; --all selects the whole
compartment.

The command shows the instances, their number and their price, and asks you to type DELETE. Without a terminal, it
requires --yes. It terminates only the instances it has shown, never one that appears later.

Examples:
  oci-insta-scale instances terminate --run last
  oci-insta-scale instances terminate --prefix web- --protect keep=yes

Exit codes: 0 all terminated, 2 invalid usage, 3 some failed, 4 none terminated, none matched (see --allow-empty) or
you declined, 5 login refused, 130 interrupted.";

/// Which fleet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FleetChoice {
    /// That of the config.
    OfConfig,
    /// The one with this name.
    Named(String),
}

/// Represents an unnamed fleet. No argument can contain this character.
const CONFIG_FLEET: &str = "\0";

fn fleet(text: &str) -> Result<FleetChoice, String> {
    match text {
        CONFIG_FLEET => Ok(FleetChoice::OfConfig),
        name if name.trim().is_empty() => Err("the name of the fleet is blank".to_owned()),
        name => Ok(FleetChoice::Named(name.to_owned())),
    }
}

/// Which instances.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Which instances")]
pub struct Select {
    /// OCIDs or display names of instances; `-` reads OCIDs from standard input
    #[arg(value_name = "INSTANCE")]
    pub named: Vec<String>,
    /// Search this compartment [default: the config's]
    #[arg(short, long, value_name = "OCID")]
    pub compartment: Option<String>,
    /// Select instances whose display name starts with PREFIX
    #[arg(short, long)]
    pub prefix: Option<String>,
    /// Select instances launched by this run: an id, the start of one, or `last`
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    /// Select members of this fleet, by its tag; without NAME, of the config's fleet
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = CONFIG_FLEET, value_parser = fleet)]
    pub fleet: Option<FleetChoice>,
    /// Select instances with this tag; write `Namespace.key=value` for a defined tag; repeat to require several
    #[arg(long, value_name = "KEY[=VALUE]")]
    pub tag: Vec<Tag>,
    /// Select instances in these states, separated by commas
    #[arg(long, value_name = "STATE", value_delimiter = ',', value_parser = state)]
    pub state: Vec<String>,
    /// Select instances in these availability domains, by full name or as `AD-1`
    #[arg(long, value_name = "AD", value_delimiter = ',')]
    pub ad: Vec<String>,
    /// Select instances of these shapes, separated by commas
    #[arg(long, value_delimiter = ',')]
    pub shape: Vec<String>,
    /// Select the instances listed in this file: one OCID per line, `#` starts a comment
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Include terminated instances
    #[arg(long)]
    pub terminated: bool,
}

/// Flags of `instances list`.
#[derive(Clone, Debug, Args)]
pub struct ListInstances {
    /// Omit addresses, which saves requests
    #[arg(long)]
    pub no_ips: bool,
    /// Sort by this column
    #[arg(long, value_name = "COLUMN", default_value = "name")]
    pub sort: Sort,
    /// Reverse the sort order
    #[arg(long)]
    pub reverse: bool,
    /// Show every column, however wide the table becomes
    #[arg(long)]
    pub wide: bool,
    /// Refresh until Ctrl-C
    #[arg(short, long)]
    pub watch: bool,
    /// Time between refreshes with --watch, at least 1s
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration::refresh, requires = "watch")]
    pub every: Duration,
    /// Which instances.
    #[command(flatten)]
    pub select: Select,
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
    /// Refresh until no instance is changing state
    #[arg(short, long)]
    pub watch: bool,
    /// Time between refreshes with --watch, at least 1s
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration::refresh, requires = "watch")]
    pub every: Duration,
    /// Which instances.
    #[command(flatten)]
    pub select: Select,
}

/// How actions are carried out.
#[derive(Clone, Debug, Args)]
pub struct Carry {
    /// Select every instance of the compartment
    #[arg(long, help_heading = "Which instances")]
    pub all: bool,
    /// Return without waiting for the instances to reach the wanted state
    #[arg(long)]
    pub no_wait: bool,
    /// Wait this long for each instance to reach the wanted state
    #[arg(long, value_name = "TIME", default_value = "20m", value_parser = duration::parse)]
    pub wait_timeout: Duration,
    /// Limit the rate to N actions per second [default: adapt to what OCI accepts]
    #[arg(long, value_name = "N", value_parser = positive)]
    pub rate: Option<f64>,
    /// Run at most N actions at the same time
    #[arg(long, value_name = "N", default_value = "100", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub max_concurrency: u32,
    /// Exit with code 0 even if no instance matches [default: exit with 4]
    #[arg(long)]
    pub allow_empty: bool,
    /// First stop a launch that is still at work on these instances; `terminate` also ends that run for good [default:
    /// refuse to act]
    #[arg(long)]
    pub stop_run: bool,
    /// Skip the confirmation prompt
    #[arg(short, long)]
    pub yes: bool,
}

/// Flags of `instances start`.
#[derive(Clone, Debug, Args)]
pub struct ActInstances {
    /// Keep starting instances that find no capacity until this long after the beginning, about one attempt a minute
    /// [default: fail at once]
    #[arg(long, value_name = "TIME", value_parser = duration::parse, conflicts_with = "no_wait")]
    pub retry_for: Option<Duration>,
    /// With --retry-for, send no notifications [default: tell the receivers under `notify:` in the config]
    #[arg(long, requires = "retry_for")]
    pub no_notify: bool,
    /// How.
    #[command(flatten)]
    pub carry: Carry,
    /// Which instances.
    #[command(flatten)]
    pub select: Select,
}

/// Flags of `instances stop` and `instances reboot`.
#[derive(Clone, Debug, Args)]
pub struct SoftInstances {
    /// How.
    #[command(flatten)]
    pub carry: Carry,
    /// Cut the power of an instance whose operating system has not shut down after this time; never with --no-wait
    /// [default: 5m]
    #[arg(long, value_name = "TIME", value_parser = duration::parse, conflicts_with_all = ["force", "no_wait"])]
    pub grace: Option<Duration>,
    /// Cut the power immediately, without shutting down the operating system
    #[arg(long)]
    pub force: bool,
    /// Which instances.
    #[command(flatten)]
    pub select: Select,
}

/// What a termination leaves.
#[derive(Clone, Debug, Default, Args)]
pub struct Keep {
    /// Keep boot volumes, which continue to cost money [default: delete them]
    #[arg(long)]
    pub keep_boot_volumes: bool,
    /// Keep data volumes created with the instances, which continue to cost money [default: delete them]
    #[arg(long)]
    pub keep_data_volumes: bool,
    /// Never terminate instances with this tag; repeat for more tags
    #[arg(long, value_name = "KEY[=VALUE]")]
    pub protect: Vec<Tag>,
}

impl Keep {
    /// A termination that keeps it.
    pub fn options(&self) -> Options {
        Options {
            keep_boot_volumes: self.keep_boot_volumes,
            keep_data_volumes: self.keep_data_volumes,
            protect: self.protect.clone(),
            ..Options::new(Verb::Terminate)
        }
    }
}

/// Flags of `instances terminate`.
#[derive(Clone, Debug, Args)]
pub struct TerminateInstances {
    /// How.
    #[command(flatten)]
    pub carry: Carry,
    /// What stays.
    #[command(flatten)]
    pub keep: Keep,
    /// Which instances.
    #[command(flatten)]
    pub select: Select,
}

/// Flags of `instances extend`.
#[derive(Clone, Debug, Args)]
pub struct ExtendInstances {
    /// Let the instances expire this long from now, such as `8h` or `2d`; a later expiry is kept
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    pub ttl: Duration,
    /// Also shorten the time of instances that expire later than that
    #[arg(long)]
    pub shorten: bool,
    /// Select every instance of the compartment that has an expiry
    #[arg(long)]
    pub all: bool,
    /// Exit with code 0 even if no instance matches [default: exit with 4]
    #[arg(long)]
    pub allow_empty: bool,
    /// Skip the confirmation prompt
    #[arg(short, long)]
    pub yes: bool,
    /// Which instances.
    #[command(flatten)]
    pub select: Select,
}

/// Flags of `cleanup`.
#[derive(Clone, Debug, Args)]
#[command(after_help = CLEANUP_HELP)]
pub struct CleanupArgs {
    /// Search this compartment [default: the config's]
    #[arg(short, long, value_name = "OCID")]
    pub compartment: Option<String>,
    /// Clean up only after this run: an id, the start of one, or `last` [default: all runs]
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    /// Delete only fleets past their expiry (`launch --ttl`); meant for cron
    #[arg(long)]
    pub expired: bool,
    /// Include volumes kept by `terminate --keep-boot-volumes` or `--keep-data-volumes`
    #[arg(long)]
    pub kept_volumes: bool,
    /// Include unused reservations created by `reservation create`
    #[arg(long)]
    pub unused_reservations: bool,
    /// Include networks that launches made (`network: create`) and that nothing uses
    #[arg(long)]
    pub networks: bool,
    /// Show what would be deleted without deleting anything
    #[arg(long)]
    pub dry_run: bool,
    /// Skip the confirmation prompt
    #[arg(short, long)]
    pub yes: bool,
}

const CLEANUP_HELP: &str = "\
Deletes leftovers of this program's own runs, if a record or a tag proves that they are leftovers:
  - instances whose launch failed or was rolled back, or that duplicate another instance of the run
  - boot and data volumes that should have been deleted with their instance
  - unused reservations created by `launch --reserve`
  - fleets past their expiry
It never deletes resources that others created or that the ledger does not know, and skips runs that are active or whose
records cannot be read.

Examples:
  oci-insta-scale cleanup --dry-run
  oci-insta-scale cleanup --expired --yes";

/// Flags of `export`.
#[derive(Clone, Debug, Args)]
pub struct ExportArgs {
    /// Format to write
    pub format: ExportFormat,
    /// How to log in.
    #[command(flatten)]
    pub login: LoginArgs,
    /// Which instances.
    #[command(flatten)]
    pub select: Select,
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

/// Parses a state in any spelling.
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
    /// The instances that the arguments name, without `-`.
    pub fn arguments(&self) -> Result<Vec<Named>, String> {
        self.named.iter().filter(|text| *text != "-").map(|text| text.parse()).collect()
    }

    /// Whether OCIDs are read from standard input.
    pub fn reads_stdin(&self) -> bool {
        self.named.iter().any(|text| text == "-")
            || self.file.as_deref().is_some_and(|file| file.as_os_str() == "-")
    }
}
