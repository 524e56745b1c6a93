//! Flags of `manage-instances`, the original tool's interface to `instances`.

use super::Global;
use super::instances::{
    ActInstances, Carry, InstancesCommand, Keep, ListInstances, Select, SoftInstances, Sort, StatusInstances,
    TerminateInstances,
};
use clap::{Parser, ValueEnum};
use fleet::select::Tag;
use std::path::PathBuf;
use std::time::Duration;

/// The original tool's `manage-instances.sh`: `list -c <compartment> [-p PREFIX] [-y]`, and the same for `status`,
/// `start`, `stop` and `terminate`.
#[derive(Debug, Parser)]
#[command(
    name = "manage-instances",
    version,
    max_term_width = 100,
    arg_required_else_help = true,
    after_help = "`oci-insta-scale instances` does the same, and more."
)]
pub struct ManageInstances {
    /// What to do with the instances
    pub action: ManageAction,
    /// Compartment of the instances [default: the config's]
    #[arg(short, long, value_name = "OCID")]
    pub compartment: Option<String>,
    /// Select instances whose display name starts with PREFIX
    #[arg(short, long, default_value = "instance-")]
    pub prefix: String,
    /// With `terminate`, select the instances listed in this file instead: one OCID per line, `#` starts a comment
    #[arg(short, long, value_name = "FILE")]
    pub file: Option<PathBuf>,
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
    /// With `terminate`, keep boot volumes, which continue to cost money [default: delete them]
    #[arg(long)]
    pub keep_boot_volumes: bool,
    /// With `terminate`, delete data volumes created with the instances [default: keep them]
    #[arg(long)]
    pub delete_data_volumes: bool,
    /// With `terminate`, refuse to terminate instances with this tag; repeat for more tags
    #[arg(long, value_name = "KEY[=VALUE]")]
    pub protect: Vec<Tag>,
    /// Flags of every command.
    #[command(flatten)]
    pub global: Global,
}

/// What the original tool does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ManageAction {
    /// List instances
    List,
    /// Count instances by state, availability domain and shape
    Status,
    /// Start instances
    Start,
    /// Stop instances
    Stop,
    /// Terminate instances
    Terminate,
}

impl ManageInstances {
    /// Refuses volume flags with other actions, where they would be ignored silently.
    pub fn check(&self) -> Result<(), String> {
        let given = [
            ("--keep-boot-volumes", self.keep_boot_volumes),
            ("--delete-data-volumes", self.delete_data_volumes),
            ("--protect", !self.protect.is_empty()),
        ];
        match given.iter().find(|(_, given)| *given && self.action != ManageAction::Terminate) {
            Some((flag, _)) => Err(format!("{flag} works only with `terminate`")),
            None => Ok(()),
        }
    }

    /// The equivalent `oci-insta-scale instances` command.
    pub fn command(self) -> (Global, InstancesCommand) {
        let select = Select {
            compartment: self.compartment,
            // A list of OCIDs selects the instances; an additional prefix would silently exclude some of them.
            prefix: self.file.is_none().then_some(self.prefix),
            file: self.file,
            ..Select::default()
        };
        let carry = Carry { allow_empty: self.allow_empty, stop_run: self.stop_run, ..Carry::with(self.yes) };
        let command = match self.action {
            ManageAction::List => InstancesCommand::List(ListInstances {
                select,
                no_ips: false,
                sort: Sort::Name,
                reverse: false,
                wide: false,
                watch: false,
                every: Duration::from_secs(5),
            }),
            ManageAction::Status => InstancesCommand::Status(StatusInstances {
                select,
                watch: false,
                every: Duration::from_secs(5),
            }),
            ManageAction::Start => {
                InstancesCommand::Start(ActInstances { retry_for: None, no_notify: false, carry, select })
            }
            ManageAction::Stop => {
                InstancesCommand::Stop(SoftInstances { select, carry, grace: None, force: false })
            }
            ManageAction::Terminate => InstancesCommand::Terminate(TerminateInstances {
                select,
                carry,
                keep: Keep {
                    keep_boot_volumes: self.keep_boot_volumes,
                    keep_data_volumes: !self.delete_data_volumes,
                    protect: self.protect,
                },
            }),
        };
        (self.global, command)
    }
}
