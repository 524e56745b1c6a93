//! One JSON document. Files outlive the program, so the document states its version.

use crate::args::OutputFormat;
use crate::output::published::{PublishedDocument, PublishedLine, text_of};
use fleet::select::Machine;
use schemars::JsonSchema;
use serde::Serialize;

/// Exported instances.
#[derive(Debug, JsonSchema, Serialize)]
pub struct ExportDocument<'a> {
    /// One entry per instance.
    instances: &'a [Machine],
}

impl PublishedDocument for ExportDocument<'_> {
    const NAME: &'static str = "export";
    const COMMANDS: &'static [&'static str] = &["export"];
}

impl PublishedLine for Machine {
    const NAME: &'static str = "export-line";
    const COMMANDS: &'static [&'static str] = &["export"];
}

pub(super) fn write(machines: &[Machine]) -> String {
    text_of(&ExportDocument { instances: machines }, OutputFormat::Json)
}
