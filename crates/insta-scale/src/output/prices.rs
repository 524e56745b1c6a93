//! Shows price lists.

use super::listing::Listing;
use super::published::{PublishedDocument, PublishedRow, text_of};
use super::text::{clean, count};
use crate::args::OutputFormat;
use fleet::price::{PriceChange, PriceList, Prices, Rates, can_be_preemptible, part_numbers, rates};
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt::Write as _;

const COLUMNS: &[&str] =
    &["SHAPE", "OCPU/HOUR", "GB/HOUR", "GPU/HOUR", "NVME TB/HOUR", "PREEMPTIBLE", "PARTS", "LIST DATE"];

/// The prices of a shape per hour; `null` if it has no such part or the price is unknown.
#[derive(Debug, JsonSchema, Serialize)]
pub struct ShapePrice<'a> {
    /// The shape.
    shape: &'a str,
    /// The currency.
    currency: &'a str,
    /// The price of an OCPU.
    ocpu_per_hour: Option<f64>,
    /// The price of a GB of memory.
    memory_gb_per_hour: Option<f64>,
    /// The price of a GPU.
    gpu_per_hour: Option<f64>,
    /// The price of a TB of local NVMe storage.
    nvme_tb_per_hour: Option<f64>,
    /// Whether it may be preemptible.
    preemptible: bool,
    /// The parts of the price list.
    part_numbers: Vec<&'static str>,
    /// The date of the list; the oldest one if the parts come from several.
    list_date: Option<&'a str>,
}

impl PublishedRow for ShapePrice<'_> {
    const NAME: &'static str = "prices";
    const LIST: &'static str = "prices";
    const COMMANDS: &'static [&'static str] = &["prices", "prices list"];
}

/// The prices of these shapes.
pub fn listing<'a>(prices: &'a Prices, shapes: &[&'a str]) -> Listing<ShapePrice<'a>> {
    let mut listing = Listing::new(COLUMNS);
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
        let value = ShapePrice {
            shape,
            currency: prices.currency(),
            ocpu_per_hour: ocpu,
            memory_gb_per_hour: memory_gb,
            gpu_per_hour: gpu,
            nvme_tb_per_hour: nvme_tb,
            preemptible,
            part_numbers: parts,
            list_date: oldest,
        };
        listing.push(cells, &value);
    }
    listing
}

/// The price list that is used from now on.
#[derive(Debug, JsonSchema, Serialize)]
pub struct PricesUpdate<'a> {
    /// The file that was written.
    file: &'a str,
    /// The date of the list.
    list_date: &'a str,
    /// The date of the list that it replaced.
    replaced_list_date: &'a str,
    /// The currencies of the list.
    currencies: Vec<CurrencyParts<'a>>,
    /// The prices that changed.
    changes: Vec<PriceChange>,
}

impl PublishedDocument for PricesUpdate<'_> {
    const NAME: &'static str = "prices-update";
    const COMMANDS: &'static [&'static str] = &["prices update"];
}

/// A currency, and how many parts have a price in it.
#[derive(Debug, JsonSchema, Serialize)]
struct CurrencyParts<'a> {
    /// The currency.
    currency: &'a str,
    /// The number of parts of instances and volumes.
    parts: usize,
}

/// The result of `prices reset`.
#[derive(Debug, JsonSchema, Serialize)]
pub struct PricesReset<'a> {
    /// Whether there was another list.
    removed: bool,
    /// The date of the built-in list.
    list_date: &'a str,
}

impl PublishedDocument for PricesReset<'_> {
    const NAME: &'static str = "prices-reset";
    const COMMANDS: &'static [&'static str] = &["prices reset"];
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
        match output {
            OutputFormat::Json | OutputFormat::Jsonl => {
                let parts = |currency| CurrencyParts { currency, parts: list.priced(currency) };
                let document = PricesUpdate {
                    file,
                    list_date: &list.as_of,
                    replaced_list_date: &before.as_of,
                    currencies: list.currencies().map(parts).collect(),
                    changes,
                };
                text_of(&document, output)
            }
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
    match output {
        OutputFormat::Json | OutputFormat::Jsonl => {
            text_of(&PricesReset { removed, list_date: built_in }, output)
        }
        OutputFormat::Table | OutputFormat::Wide | OutputFormat::Csv if removed => {
            format!("removed; prices come from the built-in list of {built_in}\n")
        }
        _ => format!("there was no other list; prices come from the built-in list of {built_in}\n"),
    }
}
