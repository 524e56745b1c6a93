//! Shows price lists.

use super::document::SCHEMA_VERSION;
use super::listing::Listing;
use super::text::{clean, count};
use crate::args::OutputFormat;
use fleet::price::{PriceList, Prices, Rates, can_be_preemptible, part_numbers, rates};
use serde_json::json;
use std::fmt::Write as _;

const COLUMNS: &[&str] =
    &["SHAPE", "OCPU/HOUR", "GB/HOUR", "GPU/HOUR", "NVME TB/HOUR", "PREEMPTIBLE", "PARTS", "LIST DATE"];

/// The prices of these shapes.
pub fn listing(prices: &Prices, shapes: &[&str]) -> Listing {
    let mut listing = Listing::new("prices", COLUMNS);
    for shape in shapes {
        let Rates { ocpu, memory_gb, gpu, nvme_tb } = rates(prices, shape);
        let cell = |price: Option<f64>| price.map_or_else(|| "-".to_owned(), |price| price.to_string());
        let parts = part_numbers(shape);
        let dates: Vec<&str> =
            parts.iter().filter_map(|part| prices.part(part)).map(|price| price.as_of.as_str()).collect();
        let oldest = dates.iter().min().copied();
        let preemptible = can_be_preemptible(shape).unwrap_or(false);
        let cells = vec![
            (*shape).to_owned(),
            cell(ocpu),
            cell(memory_gb),
            cell(gpu),
            cell(nvme_tb),
            if preemptible { "yes" } else { "no" }.to_owned(),
            parts.join(" "),
            oldest.unwrap_or("-").to_owned(),
        ];
        let value = json!({
            "shape": shape,
            "currency": prices.currency(),
            "ocpu_per_hour": ocpu,
            "memory_gb_per_hour": memory_gb,
            "gpu_per_hour": gpu,
            "nvme_tb_per_hour": nvme_tb,
            "preemptible": preemptible,
            "part_numbers": parts,
            "list_date": oldest,
        });
        listing.push(cells, value);
    }
    listing
}

/// The result of `prices update`.
pub struct Updated<'a> {
    /// The file that was written.
    pub file: String,
    /// The new list.
    pub list: &'a PriceList,
    /// The list that it replaced, if there was one.
    pub replaced: Option<&'a PriceList>,
}

impl Updated<'_> {
    /// The text for stdout.
    pub fn text(&self, output: OutputFormat) -> String {
        let Self { file, list, replaced } = self;
        let before = replaced.unwrap_or_else(|| PriceList::built_in());
        let changes = list.changes_since(before);
        let document = json!({
            "schema_version": SCHEMA_VERSION,
            "file": file,
            "list_date": list.as_of,
            "replaced_list_date": before.as_of,
            "currencies": list.currencies().map(|currency| json!({"currency": currency, "parts": list.priced(currency)}))
                .collect::<Vec<_>>(),
            "changes": changes,
        });
        match output {
            OutputFormat::Json => serde_json::to_string_pretty(&document).unwrap_or_default() + "\n",
            OutputFormat::Jsonl => document.to_string() + "\n",
            OutputFormat::Table | OutputFormat::Wide | OutputFormat::Csv => {
                let mut out = format!("price list of {}, before {}\n", list.as_of, before.as_of);
                for currency in list.currencies() {
                    let parts = count(list.priced(currency) as u64, "part");
                    // Writing to a String cannot fail, so the results are ignored.
                    let _ = writeln!(out, "  {}: {parts} of instances and volumes", clean(currency));
                }
                for change in &changes {
                    let old = change.before.map_or_else(|| "unknown".to_owned(), |price| price.to_string());
                    let _ = writeln!(
                        out,
                        "  {} in {}: {old} → {}",
                        change.part,
                        clean(&change.currency),
                        change.now
                    );
                }
                if changes.is_empty() {
                    out.push_str("  no price has changed\n");
                }
                out.push_str("omitted parts keep the price of the built-in list; `oci-insta-scale prices reset` goes back to it\n");
                out
            }
        }
    }
}

/// The result of `prices reset`.
pub fn reset_text(output: OutputFormat, removed: bool, built_in: &str) -> String {
    let document = json!({"schema_version": SCHEMA_VERSION, "removed": removed, "list_date": built_in});
    match output {
        OutputFormat::Json => serde_json::to_string_pretty(&document).unwrap_or_default() + "\n",
        OutputFormat::Jsonl => document.to_string() + "\n",
        OutputFormat::Table | OutputFormat::Wide | OutputFormat::Csv if removed => {
            format!("removed; prices come from the built-in list of {built_in}\n")
        }
        _ => format!("there was no other list; prices come from the built-in list of {built_in}\n"),
    }
}
