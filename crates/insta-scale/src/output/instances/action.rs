//! The result of an action run: a table, a document, and each kind of failure once with its hint.

use super::columns::{Column, columns_table};
use super::list::short_ocid;
use crate::hints;
use crate::output::again::advice;
use crate::output::console;
use crate::output::document::{SCHEMA_VERSION, last_line};

use crate::output::listing::or_dash;
use crate::output::simulated::mark;
use crate::output::summary::describe;
use crate::output::text::{clean, count, seconds, wrap};
use crate::tuning::ROWS_SHOWN;
use fleet::action::{ActionRow, ActionSummary, RowResult, Verb};
use ledger::{ErrorClass, ErrorRecord, Outcome};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The table and the totals, for stdout.
pub fn action_table(summary: &ActionSummary) -> String {
    let whole = summary.instances.len() <= ROWS_SHOWN;
    let fine =
        |row: &&ActionRow| matches!(row.result, RowResult::Done | RowResult::Skipped | RowResult::Accepted);
    let rows: Vec<&ActionRow> =
        summary.instances.iter().filter(|row| whole || !fine(row)).take(ROWS_SHOWN).collect();
    let mut out = String::new();
    if !rows.is_empty() {
        let column = |title, rank, cell: &dyn Fn(&ActionRow) -> String| {
            Column::new(title, rank, rows.iter().map(|row| cell(row)))
        };
        let mut columns = vec![
            column("NAME", 0, &|row| if row.name.is_empty() { row.ocid.clone() } else { row.name.clone() })
                .cut(),
            column("RESULT", 0, &|row| word(row.result).to_owned()),
            column("STATE", 0, &|row| or_dash(Some(&row.state))),
            column("OCID", 1, &|row| or_dash(Some(&row.ocid)))
                .or_short(rows.iter().map(|row| short_ocid(&row.ocid))),
        ];
        if rows.iter().any(|row| row.error.is_some()) {
            let cell = |row: &ActionRow| row.error.as_ref().map_or_else(String::new, reason);
            columns.push(column("REASON", 0, &cell).cut());
        }
        out.push_str(&columns_table(columns, console::width()));
        out.push('\n');
    }
    // Writing to a String cannot fail, so the results are ignored.
    let _ = writeln!(out, "{}", wrap(&totals(summary), console::width()));
    out
}

/// Why a row is not done: the code and the text.
fn reason(error: &ErrorRecord) -> String {
    // The request id appears in the advice, and would leave no space for the rest here.
    describe(&ErrorRecord { opc_request_id: None, ..error.clone() })
}

/// A result in one or two words.
pub fn word(result: RowResult) -> &'static str {
    match result {
        RowResult::Done => "done",
        RowResult::Skipped => "was there",
        RowResult::Accepted => "accepted",
        RowResult::Failed => "failed",
        RowResult::WaitEnded => "wait ended",
        RowResult::Unknown => "unknown",
        RowResult::Left => "left",
    }
}

/// `stop: 18 of 20 done (2 were there already), 2 failed in 31.2 s`.
pub fn totals(summary: &ActionSummary) -> String {
    let verb = summary.action.map_or("run", Verb::as_str);
    let mut text = format!("{verb}: {} of {} done", summary.done, count(summary.requested, "instance"));
    if summary.skipped > 0 {
        let _ = write!(text, " ({} already in that state)", summary.skipped);
    }
    for (number, word) in [(summary.accepted, "accepted"), (summary.failed, "failed"), (summary.left, "left")]
    {
        if number > 0 {
            let _ = write!(text, ", {number} {word}");
        }
    }
    let _ = write!(text, " in {}", seconds(summary.elapsed_s));
    text
}

/// What failed and what to do, for stderr. Empty if everything succeeded.
pub fn action_advice(summary: &ActionSummary) -> String {
    let mut out = String::new();
    let mut kinds: BTreeMap<(&str, &str, &str), Vec<&ActionRow>> = BTreeMap::new();
    for row in summary.instances.iter().filter(|row| row.result != RowResult::Left) {
        if let Some(error) = &row.error {
            kinds.entry((error.class.as_str(), &error.code, &error.message)).or_default().push(row);
        }
    }
    for rows in kinds.values() {
        let Some(error) = rows.first().and_then(|row| row.error.as_ref()) else { continue };
        let _ = writeln!(out, "failed: {}: {}", names(rows), describe(error));
        let _ = writeln!(out, "  hint: {}", hint(error));
    }
    for warning in &summary.warnings {
        let _ = writeln!(out, "warning: {}", clean(warning));
    }
    if summary.left > 0 {
        let left: Vec<&ActionRow> = summary
            .instances
            .iter()
            .filter(|row| matches!(row.result, RowResult::Left | RowResult::Unknown))
            .collect();
        let why = match summary.outcome {
            Some(Outcome::Interrupted) => "interrupted",
            Some(Outcome::NotAuthenticated) => "the login was refused",
            _ => "the run ended early",
        };
        let _ = writeln!(out, "left ({why}): {}", names(&left));
        let _ = writeln!(
            out,
            "  hint: run the same command again; it skips instances that are already in that state"
        );
    }
    out
}

/// The hint for a failure of an action.
fn hint(error: &ErrorRecord) -> &'static str {
    match &error.class {
        ErrorClass::WrongState => "`oci-insta-scale instances status` shows the current state",
        ErrorClass::Missing => {
            "check the name or OCID, the compartment (-c) and the region; `instances list --terminated` also shows \
                 terminated instances"
        }
        ErrorClass::Protected => "remove the tag from the instance, or omit --protect",
        ErrorClass::WaitTimeout => {
            "the action was accepted and may still succeed: check with `instances status --watch`, or wait longer \
                 with --wait-timeout"
        }
        ErrorClass::Network | ErrorClass::Service | ErrorClass::Ambiguous | ErrorClass::Throttled => {
            "run the same command again; it skips instances that are already in that state"
        }
        ErrorClass::Capacity => {
            "OCI does not hold on-demand capacity for a stopped instance: keep trying with `instances start \
                 --retry-for 2h`, or start it from a capacity reservation"
        }
        ErrorClass::Limit
        | ErrorClass::Authentication
        | ErrorClass::NotFound
        | ErrorClass::Conflict
        | ErrorClass::Busy
        | ErrorClass::InvalidatedRetryToken
        | ErrorClass::StaleEtag
        | ErrorClass::Invalid
        | ErrorClass::Blocked
        | ErrorClass::ReservationExhausted
        | ErrorClass::ReservationGone
        | ErrorClass::Expired
        | ErrorClass::Deadline
        | ErrorClass::Bound
        | ErrorClass::Gone
        | ErrorClass::Superseded
        | ErrorClass::Stopped
        | ErrorClass::Hidden
        | ErrorClass::Mismatch
        | ErrorClass::Lost
        | ErrorClass::TokenExpired
        | ErrorClass::GivenBack
        | ErrorClass::NotDeleted
        | ErrorClass::Held
        | ErrorClass::Changed
        | ErrorClass::Other(_) => hints::hint(error),
    }
}

/// `web-1, web-2, web-3 and 4 more`.
fn names(rows: &[&ActionRow]) -> String {
    let shown: Vec<String> = rows
        .iter()
        .take(5)
        .map(|row| clean(if row.name.is_empty() { &row.ocid } else { &row.name }))
        .collect();
    match rows.len() - shown.len() {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// A failure with its hint, for documents.
pub fn error_value(record: &ErrorRecord) -> Value {
    let mut value = json!({"opc_request_id": null});
    // Strings and numbers only, so serialisation cannot fail.
    if let (Some(error), Ok(Value::Object(fields))) = (value.as_object_mut(), serde_json::to_value(record)) {
        error.extend(fields);
        error.insert("hint".to_owned(), advice(hint(record)).into());
    }
    value
}

/// The document.
pub fn action_value(summary: &ActionSummary) -> Value {
    // Strings, numbers and times only, so serialisation cannot fail.
    let mut value = serde_json::to_value(summary).unwrap_or_default();
    if let Some(rows) = value.get_mut("instances").and_then(Value::as_array_mut) {
        for (row, from) in rows.iter_mut().zip(&summary.instances) {
            if let (Some(row), Some(record)) = (row.as_object_mut(), &from.error) {
                row.insert("error".to_owned(), error_value(record));
            }
        }
    }
    let mut document = mark(json!({"schema_version": SCHEMA_VERSION}));
    if let (Some(document), Value::Object(fields)) = (document.as_object_mut(), value) {
        document.extend(fields);
    }
    document
}

/// One document.
pub fn action_json(summary: &ActionSummary) -> String {
    serde_json::to_string_pretty(&action_value(summary)).unwrap_or_default() + "\n"
}

/// The document as the last of the JSON lines: `{"type":"summary",…}`.
pub fn action_json_line(summary: &ActionSummary) -> String {
    last_line(action_value(summary))
}
