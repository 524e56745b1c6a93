//! Flags of `ssh`, and those that `export` shares with it.

use clap::{Args, ValueEnum};

const SSH_HELP: &str = "\
NAME is the display name of a member of the config's fleet, or the OCID of any instance. The command is printed for
a shell; --exec runs it in place of this program. Nothing else ever starts a program, and no config can request it.

The user follows from the operating system of the image: `opc` for Oracle Linux and CentOS, `ubuntu` for Ubuntu. Set
`ssh: {user, address, jump_host, identity_file}` in the config, or use the flags, which win.

Examples:
  oci-insta-scale ssh web-3
  oci-insta-scale ssh web-3 --exec
  oci-insta-scale ssh web-3 --jump-host opc@bastion.example.com";

/// Flags of `ssh`.
#[derive(Clone, Debug, Args)]
#[command(after_help = SSH_HELP)]
pub struct SshArgs {
    /// Display name of a member of the fleet, or OCID of an instance
    #[arg(value_name = "NAME")]
    pub instance: String,
    /// Replace this program with ssh instead of printing the command
    #[arg(long)]
    pub exec: bool,
    /// How to log in.
    #[command(flatten)]
    pub login: LoginArgs,
}

/// How to log in to instances.
#[derive(Clone, Debug, Default, Args)]
pub struct LoginArgs {
    /// Use this address of an instance [default: the config's ssh.address, otherwise auto]
    #[arg(long, value_name = "ADDRESS")]
    pub address: Option<ExportAddress>,
    /// Log in as this user [default: the config's ssh.user, otherwise the user of the image's operating system]
    #[arg(long)]
    pub user: Option<String>,
    /// Log in with this private key [default: the config's ssh.identity_file, otherwise none named]
    #[arg(long, value_name = "FILE")]
    pub identity_file: Option<String>,
    /// Connect through this host, `[user@]host[:port]`; `none` for a direct connection [default: the config's ssh.jump_host,
    /// otherwise none]
    #[arg(long, value_name = "HOST")]
    pub jump_host: Option<String>,
}

/// Which address stands for an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportAddress {
    /// The public address if there is one, otherwise the private address; with a jump host, the private address
    Auto,
    /// The public address only
    Public,
    /// The private address only
    Private,
}
