//! Flags of `notify`.

use clap::{Args, Subcommand};

/// Flags of `notify`.
#[derive(Clone, Debug, Args)]
pub struct NotifyArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: NotifyCommand,
}

/// What can be done with notifications.
#[derive(Clone, Debug, Subcommand)]
pub enum NotifyCommand {
    /// Send a test to each receiver and report what came of it
    Test(NotifyTest),
}

/// Flags of `notify test`.
#[derive(Clone, Debug, Args)]
pub struct NotifyTest {
    /// Test only the receiver with this name
    #[arg(long, value_name = "NAME", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub receiver: Option<String>,
}
