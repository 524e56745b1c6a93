//! The result of a cleanup of volumes and reservations: a table and a document.

use super::action::{ActionDocument, ActionError, word};
use super::columns::{Column, columns_table};
use super::list::short_ocid;
use crate::args::OutputFormat;
use crate::output::console;
use crate::output::listing::Listing;
use crate::output::published::{PublishedDocument, PublishedRow, text_of};
use crate::output::summary::describe;
use crate::output::text::{clean, count};
use crate::tuning::ROWS_SHOWN;
use fleet::action::RowResult;
use fleet::cleanup::{CleanupRow, CleanupSummary};
use ledger::{Outcome, RunId};
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt::Write as _;

/// The columns of the found resources.
pub const COLUMNS: [&str; 6] = ["KIND", "NAME", "WHERE", "PRICE/HOUR", "WHY", "OCID"];

/// The found resources as a table that fits the terminal. Before a question, every row shows what it is and the end of its
/// OCID.
pub fn found_table(listing: &Listing<Leftover>, width: Option<usize>) -> String {
    let cells = |at: usize| listing.rows.iter().map(move |row| row.get(at).cloned().unwrap_or_default());
    let ranks = [0, 0, 3, 1, 2, 0];
    let columns = COLUMNS.iter().zip(ranks).enumerate().map(|(at, (title, rank))| {
        let column = Column::new(title, rank, cells(at));
        match *title {
            "NAME" | "WHY" => column.cut(),
            "OCID" => column.or_short(cells(at).map(|ocid| short_ocid(&ocid))),
            _ => column,
        }
    });
    columns_table(columns.collect(), width)
}

/// The table and the totals, for stdout.
pub fn cleanup_table(summary: &CleanupSummary) -> String {
    text(summary, console::width())
}

fn text(summary: &CleanupSummary, width: Option<usize>) -> String {
    let whole = summary.leftovers.len() <= ROWS_SHOWN;
    let fine = |row: &&CleanupRow| row.result == fleet::action::RowResult::Done;
    let rows: Vec<&CleanupRow> =
        summary.leftovers.iter().filter(|row| whole || !fine(row)).take(ROWS_SHOWN).collect();
    let mut out = String::new();
    if !rows.is_empty() {
        let column = |title, rank, cell: &dyn Fn(&CleanupRow) -> String| {
            Column::new(title, rank, rows.iter().map(|row| cell(row)))
        };
        let columns = vec![
            column("KIND", 0, &|row| row.kind.to_owned()),
            column("NAME", 0, &|row| row.name.clone()).cut(),
            column("RESULT", 0, &|row| word(row.result).to_owned()),
            column("OCID", 1, &|row| row.ocid.clone()).or_short(rows.iter().map(|row| short_ocid(&row.ocid))),
        ];
        out.push_str(&columns_table(columns, width));
        out.push('\n');
    }
    // Writing to a String cannot fail, so the results are ignored.
    let _ = writeln!(out, "{}", totals(summary));
    out
}

/// `cleanup: 3 of 4 leftovers deleted, 1 failed`.
fn totals(summary: &CleanupSummary) -> String {
    let mut text = format!("cleanup: {} of {} deleted", summary.done, count(summary.requested, "leftover"));
    for (number, word) in [(summary.failed, "failed"), (summary.left, "left")] {
        if number > 0 {
            let _ = write!(text, ", {number} {word}");
        }
    }
    text
}

/// What failed and what to do, for stderr. Empty if everything succeeded.
pub fn cleanup_advice(summary: &CleanupSummary) -> String {
    let mut out = String::new();
    for row in &summary.leftovers {
        if let Some(error) = &row.error {
            let _ = writeln!(out, "failed: {}: {}", clean(&row.name), describe(error));
        }
    }
    if summary.failed + summary.left > 0 {
        let _ =
            writeln!(out, "  hint: run `oci-insta-scale cleanup` again; it finds the remaining resources");
    }
    out
}

/// A leftover of an earlier run.
#[derive(Debug, JsonSchema, Serialize)]
pub struct Leftover {
    /// Its kind: `instance`, `boot volume`, `volume`, `reservation`.
    pub kind: String,
    /// Its display name.
    pub name: String,
    /// Its OCID.
    pub ocid: String,
    /// What it costs; `null` if unknown.
    pub price_per_hour: Option<f64>,
    /// Why it is left over.
    pub why: String,
}

impl PublishedRow for Leftover {
    const NAME: &'static str = "cleanup-dry-run";
    const LIST: &'static str = "leftovers";
    const COMMANDS: &'static [&'static str] = &["cleanup"];
}

/// The result of a `cleanup`.
#[derive(Debug, JsonSchema, Serialize)]
pub struct CleanupDocument<'a> {
    /// The run of the volumes and reservations; `null` if there were none.
    pub run_id: Option<RunId>,
    /// The document of the termination; `null` if there were no instances.
    pub instances: Option<ActionDocument<'a>>,
    /// OCIDs of deleted volumes and reservations.
    pub deleted: &'a [String],
    /// What could not be deleted.
    pub failed: Vec<NotDeleted<'a>>,
    /// OCIDs of what was not tried, or whose end is unknown.
    pub left: &'a [String],
    /// Warnings to the user.
    pub warnings: &'a [String],
}

impl PublishedDocument for CleanupDocument<'_> {
    const NAME: &'static str = "cleanup";
    const COMMANDS: &'static [&'static str] = &["cleanup"];
}

/// A volume or reservation that could not be deleted.
#[derive(Debug, JsonSchema, Serialize)]
pub struct NotDeleted<'a> {
    /// Its OCID.
    pub ocid: &'a str,
    /// Why.
    pub error: ActionError<'a>,
}

/// A past cleanup. The instances that it terminated are in a separate run.
#[derive(Debug, JsonSchema, Serialize)]
pub struct PastCleanup<'a> {
    /// The kind of run.
    action: &'static str,
    /// The run.
    run_id: RunId,
    /// How it ended; `null` while it has not.
    outcome: Option<Outcome>,
    /// Resources to be deleted.
    requested: u32,
    /// Resources that were deleted.
    done: u32,
    /// Resources that could not be deleted.
    failed: u32,
    /// Resources that were not tried, or whose end is unknown.
    left: u32,
    /// One entry per resource, in the order in which they were shown.
    leftovers: Vec<PastLeftover<'a>>,
}

impl PublishedDocument for PastCleanup<'_> {
    const NAME: &'static str = "show-cleanup";
    const COMMANDS: &'static [&'static str] = &["show"];
}

/// A resource of a past cleanup.
#[derive(Debug, JsonSchema, Serialize)]
struct PastLeftover<'a> {
    /// Its number in the run, from 1.
    slot: u32,
    /// Its kind: `boot volume`, `volume`, `reservation`.
    kind: &'a str,
    /// Its display name.
    name: &'a str,
    /// Its OCID.
    ocid: &'a str,
    /// The result.
    result: RowResult,
    /// Why it failed.
    error: Option<ActionError<'a>>,
}

impl<'a> PastLeftover<'a> {
    fn of(row: &'a CleanupRow) -> Self {
        Self {
            slot: row.slot,
            kind: row.kind,
            name: &row.name,
            ocid: &row.ocid,
            result: row.result,
            error: row.error.as_ref().map(ActionError::of),
        }
    }
}

/// One document.
pub fn cleanup_json(summary: &CleanupSummary) -> String {
    let document = PastCleanup {
        action: "cleanup",
        run_id: summary.run_id,
        outcome: summary.outcome,
        requested: summary.requested,
        done: summary.done,
        failed: summary.failed,
        left: summary.left,
        leftovers: summary.leftovers.iter().map(PastLeftover::of).collect(),
    };
    text_of(&document, OutputFormat::Json)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::ErrorRecord;

    #[test]
    fn what_was_found_fits_the_terminal() {
        let mut listing = Listing::<Leftover>::new(&COLUMNS);
        let why = "its run failed to get it running, or has another in its place";
        let row = ["instance", "web-1", "PHX-AD-1", "0.0340", why, "ocid1.instance.oc1.phx.unique00000001"];
        listing.rows.push(row.map(str::to_owned).to_vec());
        insta::assert_snapshot!(found_table(&listing, Some(80)), @r"
        KIND      NAME   WHERE     PRICE/HOUR  WHY                             OCID
        instance  web-1  PHX-AD-1  0.0340      its run failed to get it runn…  …00000001
        ");
        insta::assert_snapshot!(found_table(&listing, Some(40)), @r"
        KIND      NAME   PRICE/HOUR  OCID
        instance  web-1  0.0340      …00000001
        ");
    }

    #[test]
    fn what_is_still_there_is_told_with_what_to_do() {
        let row = |slot, kind, name: &str, result| CleanupRow {
            slot,
            kind,
            name: name.to_owned(),
            ocid: format!("ocid1.{name}"),
            result,
            error: (result == RowResult::Failed).then(|| ErrorRecord {
                code: "IncorrectState".to_owned(),
                message: "it is attached".to_owned(),
                status: Some(409),
                ..ErrorRecord::default()
            }),
        };
        let summary = CleanupSummary {
            run_id: RunId(uuid::Uuid::from_u128(1)),
            outcome: Some(Outcome::Partial),
            requested: 3,
            done: 1,
            failed: 1,
            left: 1,
            leftovers: vec![
                row(1, "boot volume", "web-1 (Boot Volume)", RowResult::Done),
                row(2, "volume", "data", RowResult::Failed),
                row(3, "reservation", "prod", RowResult::Left),
            ],
        };
        insta::assert_snapshot!(text(&summary, None) + &cleanup_advice(&summary), @r"
        KIND         NAME                 RESULT  OCID
        boot volume  web-1 (Boot Volume)  done    ocid1.web-1 (Boot Volume)
        volume       data                 failed  ocid1.data
        reservation  prod                 left    ocid1.prod

        cleanup: 1 of 3 leftovers deleted, 1 failed, 1 left
        failed: data: 409 IncorrectState: it is attached
          hint: run `oci-insta-scale cleanup` again; it finds the remaining resources
        ");
    }
}
