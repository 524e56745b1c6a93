//! What runs have cost, as a table and as a document.

use super::document::SCHEMA_VERSION;
use super::listing::Listing;
use super::simulated::mark;
use super::text::{clean, count, thousands};
use crate::args::OutputFormat;
use fleet::report::{Report, ReportedRun, Spent};
use serde_json::json;
use std::fmt::Write as _;

const COLUMNS: &[&str] = &["WHAT", "COUNT", "STILL", "HOURS", "SPENT", "COST/HOUR"];

/// A row for each kind of instance, and for the unused reserved capacity of each domain.
pub fn costs_listing(spent: &Spent) -> Listing {
    let mut listing = Listing::new("costs", COLUMNS);
    for line in &spent.lines {
        let money =
            |amount: Option<f64>| amount.map_or_else(|| "unknown".to_owned(), |sum| thousands(sum, 4));
        let cells = vec![
            clean(&line.what),
            line.count.to_string(),
            line.still.to_string(),
            thousands(line.hours, 2),
            money(line.spent),
            money(line.per_hour),
        ];
        // Strings and numbers only, so serialisation cannot fail.
        listing.push(cells, serde_json::to_value(line).unwrap_or_default());
    }
    listing
}

/// The sums, and what they rest on.
pub fn costs_total(report: &Report) -> String {
    let Spent { currency, spent_at_most, per_hour, unknown_prices, prices_as_of, .. } = &report.spent;
    let currency = clean(currency);
    let mut out = subject(&report.runs)
        + &format!(
            "spent until {:.0}, at most: {} {currency}\ncosts now: {} {currency} per hour\n",
            report.until,
            thousands(*spent_at_most, 2),
            thousands(*per_hour, 4),
        );
    // Writing to a String cannot fail, so the results are ignored.
    if *unknown_prices > 0 {
        let unknown = count(*unknown_prices, "instance or reservation");
        let _ = writeln!(out, "not included: {unknown} of unknown price");
    }
    if let Some(date) = prices_as_of {
        let _ = writeln!(out, "price list of {}", clean(date));
    }
    out
}

/// Whose costs these are.
fn subject(runs: &[ReportedRun]) -> String {
    let fleet = runs.iter().find_map(|run| run.fleet.as_deref());
    let fleet = fleet.map(|name| format!(" of fleet {}", clean(name))).unwrap_or_default();
    match runs {
        [] => String::new(),
        [run] => format!("run {}{fleet}\n", run.run_id),
        runs => format!("{}{fleet}\n", count(runs.len() as u64, "run")),
    }
}

/// The document for programs.
pub fn costs_document(report: &Report, format: OutputFormat) -> String {
    let runs: Vec<String> = report.runs.iter().map(|run| run.run_id.to_string()).collect();
    let mut document = json!({"schema_version": SCHEMA_VERSION, "runs": runs, "until": report.until});
    // Strings, numbers and times only, so serialisation cannot fail.
    let fields = serde_json::to_value(&report.spent).unwrap_or_default();
    if let (Some(document), serde_json::Value::Object(fields)) = (document.as_object_mut(), fields) {
        document.extend(fields);
    }
    let document = mark(document);
    let text = match format {
        OutputFormat::Json => serde_json::to_string_pretty(&document),
        _ => serde_json::to_string(&document),
    };
    text.unwrap_or_default() + "\n"
}
