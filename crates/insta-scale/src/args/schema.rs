//! The flags of `schema`.

use clap::Args;
use std::path::PathBuf;

/// Flags of `schema`.
#[derive(Clone, Debug, Args)]
pub struct SchemaArgs {
    /// Document to print the schema of, such as `runs` [default: list all of them]
    #[arg(value_name = "NAME", value_parser = clap::builder::PossibleValuesParser::new(crate::output::published::names()), hide_possible_values = true)]
    pub document: Option<String>,
    /// Write the schemas of all documents to this directory instead
    #[arg(long, value_name = "DIR", conflicts_with = "document")]
    pub dir: Option<PathBuf>,
}
