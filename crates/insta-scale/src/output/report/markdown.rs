//! The report as Markdown, for an issue or a chat: facts, notes and tables, and the instances that failed.
//!
//! A text from outside is a code span, in which nothing is markup, a mention or a link.

use super::MARK;
use super::tables::{Sheet, SheetCell, SheetTable};
use crate::output::text::thousands;
use crate::tuning::REPORT_ROWS;
use std::fmt::Write as _;

/// The report as Markdown.
pub fn to_markdown(sheet: &Sheet) -> String {
    let mut out = format!("{MARK}\n## {}\n\n", span(&sheet.title));
    // Writing to a String cannot fail, so the results are ignored.
    let _ = writeln!(out, "| | |\n| --- | --- |");
    for (name, value) in &sheet.facts {
        let _ = writeln!(out, "| {name} | {} |", span(value));
    }
    if !sheet.notes.is_empty() {
        out.push('\n');
    }
    for note in &sheet.notes {
        let _ = writeln!(out, "- {}", span(note));
    }
    for table in &sheet.tables {
        out.push_str(&section(table));
    }
    let _ = writeln!(out, "\n{}", sheet.foot);
    out
}

fn section(table: &SheetTable) -> String {
    let mut out = format!("\n### {}\n\n{}.\n\n", table.title, table.caption);
    let titles: Vec<&str> = table.columns.iter().map(|(title, _)| *title).collect();
    let rules = table.columns.iter().map(|(_, numeric)| if *numeric { "---:" } else { "---" });
    let _ = writeln!(out, "| {} |\n| {} |", titles.join(" | "), rules.collect::<Vec<_>>().join(" | "));
    for row in table.rows.iter().take(REPORT_ROWS) {
        let cells: Vec<String> = row.iter().map(cell).collect();
        let _ = writeln!(out, "| {} |", cells.join(" | "));
    }
    if let Some(more) = table.rows.len().checked_sub(REPORT_ROWS).filter(|more| *more > 0) {
        let _ = writeln!(out, "\n… and {more} more: `--format html` has them all.");
    }
    out
}

fn cell(cell: &SheetCell) -> String {
    match cell {
        SheetCell::Text(text) => span(text),
        SheetCell::Number(number) if number.fract() == 0.0 => thousands(*number, 0),
        SheetCell::Number(number) => thousands(*number, 4).trim_end_matches('0').to_owned(),
        SheetCell::Nothing => "–".to_owned(),
    }
}

/// A text as a code span that a table may contain.
fn span(text: &str) -> String {
    let text = text.replace('`', "'").replace('|', "\\|");
    let text = text.trim();
    if text.is_empty() { "–".to_owned() } else { format!("`{text}`") }
}
