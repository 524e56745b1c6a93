//! Flags of `report`.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Flags of `report`.
#[derive(Clone, Debug, Args)]
pub struct ReportArgs {
    /// Id of a run, the start of it, `last` for the last launch, or the name of a fleet [default: the last run]
    #[arg(value_name = "RUN|FLEET")]
    pub run: Option<String>,
    /// Write this file, or stdout for `-` [default: for html, `report-` with the id or the name; for md, stdout]
    #[arg(long, value_name = "FILE")]
    pub output_file: Option<PathBuf>,
    /// Write a page or Markdown [default: html]
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<ReportFormat>,
    /// Overwrite a file that is no report
    #[arg(long)]
    pub force: bool,
    /// Look among the runs in the simulated region
    #[arg(long)]
    pub simulated: bool,
}

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// One page that opens offline
    Html,
    /// Markdown for an issue or a chat
    Md,
}
