//! Flags of `ledger`.

use super::duration;
use clap::{Args, Subcommand, ValueEnum};
use std::time::Duration;

/// Flags of `ledger`.
#[derive(Clone, Debug, Args)]
pub struct LedgerArgs {
    /// What to do with the ledger.
    #[command(subcommand)]
    pub command: LedgerCommand,
}

/// What can be done with a ledger.
#[derive(Clone, Debug, Subcommand)]
pub enum LedgerCommand {
    /// Copy all runs to another ledger; a repetition goes on where the last one ended
    #[command(after_help = COPY_HELP)]
    Copy(CopyLedger),
    /// Read every record, and show those that cannot be read
    Check,
    /// Remove old runs that have ended and of which no instance is left
    Prune(PruneLedger),
    /// Print the SQL that gives a role of the database what it needs
    Grant(GrantLedger),
}

const COPY_HELP: &str = "\
Each ledger is the address of a database (`postgres://ann@db.example.com/fleets`) or a state directory. The copy of each run
is compared with the original, record by record. A run that a process is working on is left out.

Examples:
  oci-insta-scale ledger copy ~/.local/state/oci-insta-scale postgres://ann@db.example.com/fleets
  oci-insta-scale ledger copy postgres://ann@db.example.com/fleets ./backup";

/// Flags of `ledger copy`.
#[derive(Clone, Debug, Args)]
pub struct CopyLedger {
    /// The ledger to read
    #[arg(value_name = "FROM", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub from: String,
    /// The ledger to write; it is created if it does not exist
    #[arg(value_name = "TO", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub to: String,
}

/// Flags of `ledger prune`.
#[derive(Clone, Debug, Args)]
pub struct PruneLedger {
    /// Remove only runs whose last record is older than this
    #[arg(long, value_name = "TIME", value_parser = duration::prune)]
    pub older_than: Duration,
    /// Show what would be removed, and remove nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Skip the confirmation prompt
    #[arg(short, long)]
    pub yes: bool,
}

/// Flags of `ledger grant`.
#[derive(Clone, Debug, Args)]
pub struct GrantLedger {
    /// What the role may do
    #[arg(value_enum)]
    pub role: LedgerRole,
    /// The role of the database, such as a user or a group
    #[arg(value_name = "NAME", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub name: String,
}

/// What somebody may do with a shared ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LedgerRole {
    /// See runs, fleets and reports
    Reader,
    /// Also launch, and change fleets
    Operator,
    /// Also remove runs, and upgrade the tables
    Owner,
}
