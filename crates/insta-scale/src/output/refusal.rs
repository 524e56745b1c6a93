//! The JSON document of a command that ended without a result, described in docs/output.md.

use super::again::advice;
use super::console;
use super::document::SCHEMA_VERSION;
use super::simulated::mark;
use super::text::{clean, clean_lines};
use crate::args::OutputFormat;
use crate::error::CommandError;
use serde_json::{Value, json};

/// Prints the document, if the output is for programs and has no other document yet.
pub fn print_refusal(error: &CommandError, output: OutputFormat) {
    let is_second = output == OutputFormat::Json && console::has_data();
    if let Some(text) = refusal_text(error, output).filter(|_| !is_second) {
        // stderr also shows the reason, so a stdout that cannot be written changes nothing.
        let _ = console::data(&text);
    }
}

/// The document as text with a trailing line break; `None` if the output is not for programs.
fn refusal_text(error: &CommandError, output: OutputFormat) -> Option<String> {
    let document = json!({"schema_version": SCHEMA_VERSION, "run_id": null, "error": reason(error)});
    let mut document = mark(document);
    match output {
        OutputFormat::Json => Some(serde_json::to_string_pretty(&document).unwrap_or_default() + "\n"),
        OutputFormat::Jsonl => {
            document["type"] = "summary".into();
            Some(document.to_string() + "\n")
        }
        OutputFormat::Table | OutputFormat::Wide | OutputFormat::Csv => None,
    }
}

/// The same five fields as in the error of an instance.
pub fn reason(error: &CommandError) -> Value {
    let (code, message, id) = match error {
        CommandError::Failure(failure) => (
            Some(clean(&failure.code)),
            clean(&failure.message),
            failure.opc_request_id.as_deref().map(clean),
        ),
        error => (None, clean_lines(&error.to_string()), None),
    };
    json!({
        "class": error.class(),
        "code": code,
        "message": message,
        "opc_request_id": id,
        "hint": error.hint().map(|hint| advice(&hint)),
    })
}
