//! Flags of `config`.

use clap::{Args, Subcommand};

/// Flags of `config`.
#[derive(Clone, Debug, Args)]
pub struct ConfigArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: ConfigCommand,
}

/// What can be done with the format of config.yaml.
#[derive(Clone, Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print the JSON Schema of config.yaml, with which editors check and complete it
    Schema,
    /// Print the config that results from all files, --set and environment variables, and where each value came from
    Show,
}
