//! The JSON document of a command that ended without a result, described in docs/output.md.

use super::again::advice;
use super::console;
use super::published::{EVERY, PublishedDocument, summary_of};
use super::text::{clean, clean_lines};
use crate::args::OutputFormat;
use crate::error::CommandError;
use ledger::RunId;
use schemars::JsonSchema;
use serde::Serialize;

/// A command that ended without a result.
#[derive(Debug, JsonSchema, Serialize)]
pub struct ErrorDocument {
    /// Always `null`: there is no run.
    run_id: Option<RunId>,
    /// Why.
    error: Reason,
}

impl PublishedDocument for ErrorDocument {
    const NAME: &'static str = "error";
    const COMMANDS: &'static [&'static str] = EVERY;
}

/// The reason, with the fields of the error of an instance.
#[derive(Debug, JsonSchema, Serialize)]
pub struct Reason {
    /// The kind of failure. Accept unknown kinds: new ones may be added.
    class: &'static str,
    /// The code, from OCI; `null` if no request failed.
    code: Option<String>,
    /// The text.
    message: String,
    /// The id of the request; `null` if no request failed.
    opc_request_id: Option<String>,
    /// What to do; `null` if the text says it.
    hint: Option<String>,
}

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
    match output {
        OutputFormat::Json | OutputFormat::Jsonl => {
            Some(summary_of(&ErrorDocument { run_id: None, error: reason(error) }, output))
        }
        OutputFormat::Table | OutputFormat::Wide | OutputFormat::Csv => None,
    }
}

/// The same five fields as in the error of an instance.
pub fn reason(error: &CommandError) -> Reason {
    let (code, message, id) = match error {
        CommandError::Failure(failure) => (
            Some(clean(&failure.code)),
            clean(&failure.message),
            failure.opc_request_id.as_deref().map(clean),
        ),
        error => (None, clean_lines(&error.to_string()), None),
    };
    Reason {
        class: error.class(),
        code,
        message,
        opc_request_id: id,
        hint: error.hint().map(|hint| advice(&hint)),
    }
}
