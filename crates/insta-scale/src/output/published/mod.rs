//! The documents that programs read: their names, the commands that print them, and a JSON Schema of each. The schemas are made
//! from the types that are written, are kept in `docs/schemas`, and are part of the program as they are kept (decision 0146).
//!
//! It must not know what the documents mean.

mod kept;
mod listed;
mod make;
mod table;

pub use listed::SchemaRow;
pub use make::list_value;
pub use table::{TABLE, made, names};

use super::simulated::mark;
use crate::args::OutputFormat;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// In `COMMANDS`: every command.
pub const EVERY: &[&str] = &["*"];

/// One JSON document.
pub trait PublishedDocument: Serialize + JsonSchema {
    /// Its name for `schema`.
    const NAME: &'static str;
    /// Its version. A new field does not change it; a changed or removed one does.
    const VERSION: u32 = 1;
    /// The commands that print it.
    const COMMANDS: &'static [&'static str];
}

/// An element of a document that is a list; with `--output jsonl`, a line of its own.
pub trait PublishedRow: Serialize + JsonSchema {
    /// The name of the document for `schema`; that of the line ends in `-line`.
    const NAME: &'static str;
    /// The version of the document.
    const VERSION: u32 = 1;
    /// The plural noun for the rows, which is their key in the document.
    const LIST: &'static str;
    /// The commands that print it.
    const COMMANDS: &'static [&'static str];
}

/// A line of `--output jsonl` that is neither a document nor a row of one.
pub trait PublishedLine: Serialize + JsonSchema {
    /// Its name for `schema`.
    const NAME: &'static str;
    /// The commands that print it.
    const COMMANDS: &'static [&'static str];
}

impl PublishedLine for ledger::Record {
    const NAME: &'static str = "event-line";
    const COMMANDS: &'static [&'static str] = &[
        "launch",
        "hunt",
        "resume",
        "show",
        "cleanup",
        "instances start",
        "instances stop",
        "instances reboot",
        "instances terminate",
        "scale",
        "replace",
    ];
}

/// What a schema describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublishedForm {
    /// A document; with `--output jsonl`, the same on one line.
    Document,
    /// A line of `--output jsonl`.
    Line,
    /// A document of an earlier version that is an array of such lines.
    Array,
}

/// A row of the table of published schemas.
#[derive(Clone, Copy, Debug)]
pub struct Published {
    /// The name for `schema`.
    pub name: &'static str,
    /// The version of what it describes.
    pub version: u32,
    /// The commands that print it; [`EVERY`] if any may.
    pub commands: &'static [&'static str],
    /// What it describes.
    pub form: PublishedForm,
}

impl Published {
    const fn document<D: PublishedDocument>() -> Self {
        Self { name: D::NAME, version: D::VERSION, commands: D::COMMANDS, form: PublishedForm::Document }
    }

    const fn list<R: PublishedRow>() -> Self {
        Self { name: R::NAME, version: R::VERSION, commands: R::COMMANDS, form: PublishedForm::Document }
    }

    const fn line<L: PublishedLine>() -> Self {
        Self { name: L::NAME, version: 1, commands: L::COMMANDS, form: PublishedForm::Line }
    }

    /// An array of lines, without a version of its own.
    const fn array<L: PublishedLine>(name: &'static str, version: u32) -> Self {
        Self { name, version, commands: L::COMMANDS, form: PublishedForm::Array }
    }

    const fn row<R: PublishedRow>(name: &'static str) -> Self {
        Self { name, version: R::VERSION, commands: R::COMMANDS, form: PublishedForm::Line }
    }

    /// The schema as it is in its file in `docs/schemas`.
    pub fn text(&self) -> &'static str {
        kept::text(self.name)
    }

    /// The schema.
    pub fn schema(&self) -> Value {
        // A test reads every one of them.
        serde_json::from_str(self.text()).unwrap_or_default()
    }

    /// What it describes, in one line: the start of the schema's description.
    pub fn about(&self) -> String {
        let schema = self.schema();
        let text = schema["description"].as_str().unwrap_or_default();
        text.split("\n\n").next().unwrap_or_default().replace('\n', " ")
    }
}

/// The document as a value: its version, its fields, and whether the region is simulated.
pub fn value_of<D: PublishedDocument>(document: &D) -> Value {
    let mut fields = serde_json::Map::new();
    fields.insert("schema_version".to_owned(), D::VERSION.into());
    // Strings, numbers and times only, so serialisation cannot fail.
    if let Ok(Value::Object(own)) = serde_json::to_value(document) {
        fields.extend(own);
    }
    mark(Value::Object(fields))
}

/// A line with its line break.
pub fn line_of<L: PublishedLine>(line: &L) -> String {
    // Strings, numbers and times only, so serialisation cannot fail.
    mark(serde_json::to_value(line).unwrap_or_default()).to_string() + "\n"
}

/// The document as text with a trailing line break, for a command that prints nothing else with `--output jsonl`.
pub fn text_of<D: PublishedDocument>(document: &D, format: OutputFormat) -> String {
    written(&value_of(document), format)
}

/// The document on one line in both formats, for whoever waits for no more of stdout than a line. `None` for people.
pub fn one_line_of<D: PublishedDocument>(document: &D, format: OutputFormat) -> Option<String> {
    let is_wanted = matches!(format, OutputFormat::Json | OutputFormat::Jsonl);
    is_wanted.then(|| value_of(document).to_string() + "\n")
}

/// The same as [`text_of`]; `None` for people.
pub fn text_for_programs<D: PublishedDocument>(document: &D, format: OutputFormat) -> Option<String> {
    let is_wanted = matches!(format, OutputFormat::Json | OutputFormat::Jsonl);
    is_wanted.then(|| text_of(document, format))
}

/// The same for a command whose document is the last of several lines with `--output jsonl`.
pub fn summary_of<D: PublishedDocument>(document: &D, format: OutputFormat) -> String {
    match format {
        OutputFormat::Jsonl => last_line(value_of(document)),
        format => written(&value_of(document), format),
    }
}

/// A document as the last of the JSON lines: `{"type":"summary",…}`.
pub fn last_line(document: serde_json::Value) -> String {
    let mut line = serde_json::json!({"type": "summary"});
    if let (Some(line), serde_json::Value::Object(fields)) = (line.as_object_mut(), document) {
        line.extend(fields);
    }
    line.to_string() + "\n"
}

/// A value on one line, or on many with `--output json`.
fn written(value: &Value, format: OutputFormat) -> String {
    match format {
        OutputFormat::Json => serde_json::to_string_pretty(value).unwrap_or_default() + "\n",
        _ => value.to_string() + "\n",
    }
}
