//! What runs have cost, as a table and as a document.

use super::listing::Listing;
use super::published::{PublishedDocument, text_of};
use super::text::{clean, count, thousands};
use crate::args::OutputFormat;
use fleet::report::{Report, ReportedRun, Spent};
use jiff::Timestamp;
use ledger::RunId;
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt::Write as _;

const COLUMNS: &[&str] = &["WHAT", "COUNT", "STILL", "HOURS", "SPENT", "COST/HOUR"];

/// A row for each kind of instance, and for the unused reserved capacity of each domain.
pub fn costs_listing(spent: &Spent) -> Listing {
    let mut listing = Listing::for_people("costs", COLUMNS);
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
        listing.push_cells(cells);
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

/// What runs have cost, and cost now.
#[derive(Debug, JsonSchema, Serialize)]
pub struct CostDocument<'a> {
    /// The runs.
    runs: Vec<RunId>,
    /// The time until which costs are counted.
    until: Timestamp,
    #[serde(flatten)]
    spent: &'a Spent,
}

impl PublishedDocument for CostDocument<'_> {
    const NAME: &'static str = "cost";
    const COMMANDS: &'static [&'static str] = &["cost"];
}

/// The document for programs.
pub fn costs_document(report: &Report, format: OutputFormat) -> String {
    let runs = report.runs.iter().map(|run| run.run_id).collect();
    text_of(&CostDocument { runs, until: report.until, spent: &report.spent }, format)
}
