//! The result of a cleanup of volumes and reservations: a table and a document.

use super::action::word;
use super::columns::{Column, columns_table};
use super::list::short_ocid;
use crate::output::console;
use crate::output::document::SCHEMA_VERSION;
use crate::output::listing::Listing;
use crate::output::simulated::mark;
use crate::output::summary::describe;
use crate::output::text::{clean, count};
use crate::tuning::ROWS_SHOWN;
use fleet::cleanup::{CleanupRow, CleanupSummary};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// The columns of the found resources.
pub const COLUMNS: [&str; 6] = ["KIND", "NAME", "WHERE", "PRICE/HOUR", "WHY", "OCID"];

/// The found resources as a table that fits the terminal. Before a question, every row shows what it is and the end of its
/// OCID.
pub fn found_table(listing: &Listing, width: Option<usize>) -> String {
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

/// One document.
pub fn cleanup_json(summary: &CleanupSummary) -> String {
    let mut document = mark(json!({"schema_version": SCHEMA_VERSION, "action": "cleanup"}));
    // Strings and numbers only, so serialisation cannot fail.
    if let (Some(document), Ok(Value::Object(fields))) =
        (document.as_object_mut(), serde_json::to_value(summary))
    {
        document.extend(fields);
    }
    if let Some(rows) = document.get_mut("leftovers").and_then(Value::as_array_mut) {
        for (row, from) in rows.iter_mut().zip(&summary.leftovers) {
            if let (Some(row), Some(record)) = (row.as_object_mut(), &from.error) {
                row.insert("error".to_owned(), super::action::error_value(record));
            }
        }
    }
    serde_json::to_string_pretty(&document).unwrap_or_default() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use fleet::action::RowResult;
    use ledger::{ErrorRecord, Outcome, RunId};

    #[test]
    fn what_was_found_fits_the_terminal() {
        let mut listing = Listing::new("leftovers", &COLUMNS);
        let why = "its run failed to get it running, or has another in its place";
        let row = ["instance", "web-1", "PHX-AD-1", "0.0340", why, "ocid1.instance.oc1.phx.unique00000001"];
        listing.push(row.map(str::to_owned).to_vec(), json!({}));
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
