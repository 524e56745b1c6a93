//! The result of an action run: a table, a document, and each kind of failure once with its hint.

use super::columns::{Column, columns_table};
use super::list::short_ocid;
use crate::hints;
use crate::output::again::advice;
use crate::output::console;
use crate::output::document::SCHEMA_VERSION;
use crate::output::listing::or_dash;
use crate::output::published::{PublishedDocument, last_line};
use crate::output::simulated;
use crate::output::summary::describe;
use crate::output::text::{clean, count, seconds, wrap};
use crate::tuning::ROWS_SHOWN;
use fleet::action::{ActionRow, ActionSummary, RowResult, Verb};
use fleet::price::StillCosts;
use ledger::{ErrorClass, ErrorRecord, Outcome, RequestCount, RunId};
use schemars::JsonSchema;
use serde::Serialize;
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

/// A failure, and what to do about it.
#[derive(Debug, JsonSchema, Serialize)]
pub struct ActionError<'a> {
    /// The id of the request, for a support request.
    opc_request_id: Option<&'a str>,
    /// The kind of failure.
    class: &'a ErrorClass,
    /// The status of the response; absent without a response.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// The code, from OCI.
    code: &'a str,
    /// The text, from OCI.
    message: &'a str,
    /// What to do.
    hint: String,
}

impl<'a> ActionError<'a> {
    /// A failure with its hint.
    pub fn of(record: &'a ErrorRecord) -> Self {
        Self {
            opc_request_id: record.opc_request_id.as_deref(),
            class: &record.class,
            status: record.status,
            code: &record.code,
            message: &record.message,
            hint: advice(hint(record)),
        }
    }
}

/// The result of starting, stopping, rebooting or terminating instances.
#[derive(Debug, JsonSchema, Serialize)]
pub struct ActionDocument<'a> {
    schema_version: u32,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    simulated: bool,
    /// The run; `null` if there was nothing to do and therefore no run.
    run_id: Option<RunId>,
    /// The action.
    action: Option<Verb>,
    /// How it ended; `null` while it has not.
    outcome: Option<Outcome>,
    /// Instances selected.
    requested: u32,
    /// Instances whose action was accepted but that were not seen in the wanted state: with `--no-wait`, all of them.
    accepted: u32,
    /// Instances in the wanted state, including those that were there before.
    done: u32,
    /// The part of them that was there before.
    skipped: u32,
    /// Instances that failed, or whose wait ended.
    failed: u32,
    /// Instances that were not acted on, because the run was interrupted or stopped first.
    left: u32,
    /// Seconds since the run began.
    elapsed_s: f64,
    /// Requests by operation.
    requests: &'a BTreeMap<String, RequestCount>,
    /// The named instances that were not found, as the user wrote them. Each also has a row with a failure.
    missing: &'a [String],
    /// One entry per instance, in the order of the selection.
    instances: Vec<ActionInstance<'a>>,
    /// Warnings to the user.
    warnings: &'a [String],
    /// Unused resources that continue to cost money; absent if this was not checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    still_costs: Option<&'a [StillCosts]>,
}

impl PublishedDocument for ActionDocument<'_> {
    const NAME: &'static str = "action";
    const COMMANDS: &'static [&'static str] =
        &["instances start", "instances stop", "instances reboot", "instances terminate", "show"];
}

/// The result for one instance.
#[derive(Debug, JsonSchema, Serialize)]
struct ActionInstance<'a> {
    /// Its number in the selection, from 1.
    slot: u32,
    /// Its display name.
    name: &'a str,
    /// Its OCID. This field and the following ones are `null` if it was named but not found.
    ocid: Option<&'a str>,
    /// The result.
    result: RowResult,
    /// The state in which it was last seen.
    state: Option<&'a str>,
    /// Its region.
    region: Option<&'a str>,
    /// Its availability domain.
    availability_domain: Option<&'a str>,
    /// Its fault domain.
    fault_domain: Option<&'a str>,
    /// Its shape.
    shape: Option<&'a str>,
    /// Requests sent for it.
    attempts: u32,
    /// Why it failed, or why it was last refused if nothing was done.
    error: Option<ActionError<'a>>,
}

impl<'a> ActionDocument<'a> {
    /// The document of an action.
    pub fn of(summary: &'a ActionSummary) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            simulated: simulated::is(),
            run_id: summary.run_id,
            action: summary.action,
            outcome: summary.outcome,
            requested: summary.requested,
            accepted: summary.accepted,
            done: summary.done,
            skipped: summary.skipped,
            failed: summary.failed,
            left: summary.left,
            elapsed_s: summary.elapsed_s,
            requests: &summary.requests,
            missing: &summary.missing,
            instances: summary.instances.iter().map(ActionInstance::of).collect(),
            warnings: &summary.warnings,
            still_costs: summary.still_costs.as_deref(),
        }
    }
}

impl<'a> ActionInstance<'a> {
    fn of(row: &'a ActionRow) -> Self {
        let known = |text: &'a str| Some(text).filter(|text| !text.is_empty());
        Self {
            slot: row.slot,
            name: &row.name,
            ocid: known(&row.ocid),
            result: row.result,
            state: known(&row.state),
            region: row.region.as_deref(),
            availability_domain: known(&row.availability_domain),
            fault_domain: row.fault_domain.as_deref(),
            shape: known(&row.shape),
            attempts: row.attempts,
            error: row.error.as_ref().map(ActionError::of),
        }
    }
}

/// One document.
pub fn action_json(summary: &ActionSummary) -> String {
    // Strings, numbers and times only, so serialisation cannot fail.
    serde_json::to_string_pretty(&ActionDocument::of(summary)).unwrap_or_default() + "\n"
}

/// The document as the last of the JSON lines: `{"type":"summary",…}`.
pub fn action_json_line(summary: &ActionSummary) -> String {
    last_line(serde_json::to_value(ActionDocument::of(summary)).unwrap_or_default())
}
