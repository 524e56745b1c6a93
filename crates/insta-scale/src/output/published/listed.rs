//! A row of the list of schemas, which is a published document itself.

use super::PublishedRow;
use schemars::JsonSchema;
use serde::Serialize;

/// A published schema.
#[derive(Debug, JsonSchema, Serialize)]
pub struct SchemaRow {
    /// The name by which `schema` prints it.
    pub name: &'static str,
    /// The version of what it describes.
    pub version: u32,
    /// The commands that print it; `*` for every command.
    pub commands: &'static [&'static str],
    /// What it describes.
    pub about: String,
}

impl PublishedRow for SchemaRow {
    const NAME: &'static str = "schema";
    const LIST: &'static str = "schemas";
    const COMMANDS: &'static [&'static str] = &["schema"];
}
