//! Lists in every format: a table, JSON, JSON lines, comma-separated values.
//!
//! It must not know what the rows are.

use super::instances::columns::{Column, columns_table};
use super::published::{PublishedRow, list_value};
use super::simulated::mark;
use super::text::{clean, thousands};
use crate::args::OutputFormat;
use comfy_table::{ContentArrangement, Table, presets};
use fleet::price::Per;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use std::fmt::Write as _;
use std::marker::PhantomData;

/// The rows of a list that programs do not get.
#[derive(Debug, JsonSchema, Serialize)]
pub struct ForPeople;

impl PublishedRow for ForPeople {
    const NAME: &'static str = "";
    const LIST: &'static str = "";
    const COMMANDS: &'static [&'static str] = &[];
}

/// A list: cells for people, values for programs.
#[derive(Debug)]
pub struct Listing<R = ForPeople> {
    /// The plural noun for the rows, which is the key in the JSON document.
    pub what: &'static str,
    /// Titles of the columns.
    pub columns: &'static [&'static str],
    /// The cells of each row.
    pub rows: Vec<Vec<String>>,
    /// The same rows for programs.
    values: Vec<Value>,
    row: PhantomData<R>,
}

impl Listing {
    /// A list of which programs get another document, or none.
    pub fn for_people(what: &'static str, columns: &'static [&'static str]) -> Self {
        Self { what, columns, rows: Vec::new(), values: Vec::new(), row: PhantomData }
    }

    /// Adds a row.
    pub fn push_cells(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }
}

impl<R: PublishedRow> Listing<R> {
    /// A list without rows.
    pub fn new(columns: &'static [&'static str]) -> Self {
        Self { what: R::LIST, columns, rows: Vec::new(), values: Vec::new(), row: PhantomData }
    }

    /// Adds a row.
    pub fn push(&mut self, cells: Vec<String>, row: &R) {
        self.rows.push(cells);
        // Strings, numbers and times only, so serialisation cannot fail.
        self.values.push(serde_json::to_value(row).unwrap_or_default());
    }

    /// The complete text, for stdout.
    pub fn to_text(&self, format: OutputFormat) -> String {
        match format {
            OutputFormat::Table | OutputFormat::Wide => self.table(),
            OutputFormat::Csv => {
                let head: Vec<String> = self.columns.iter().map(|title| column_name(title)).collect();
                let mut text = super::export::csv_record(head.iter().map(String::as_str));
                for row in &self.rows {
                    // Only tables show a dash for an empty cell.
                    let cells = row.iter().map(|cell| if cell == "-" { "" } else { cell.as_str() });
                    text.push_str(&super::export::csv_record(cells));
                }
                text
            }
            OutputFormat::Json => {
                let document = list_value(R::VERSION, self.what, &self.values);
                serde_json::to_string_pretty(&mark(document)).unwrap_or_default() + "\n"
            }
            OutputFormat::Jsonl => {
                self.values.iter().map(|value| mark(value.clone()).to_string() + "\n").collect()
            }
        }
    }

    /// The text; a table fits this width. `ranks` says of each column when it is dropped, highest first (0 stays), and whether its
    /// cells may be cut. The other formats have every column.
    pub fn fitted(&self, format: OutputFormat, ranks: &[(u8, bool)], width: Option<usize>) -> String {
        if format != OutputFormat::Table || self.rows.is_empty() {
            return self.to_text(format);
        }
        let columns = self.columns.iter().zip(ranks).enumerate().map(|(at, (title, (rank, can_be_cut)))| {
            let cells = self.rows.iter().map(|row| row.get(at).cloned().unwrap_or_default());
            let column = Column::new(title, *rank, cells);
            if *can_be_cut { column.cut() } else { column }
        });
        columns_table(columns.collect(), width)
    }

    fn table(&self) -> String {
        if self.rows.is_empty() {
            return format!("no {}\n", self.what.replace('_', " "));
        }
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(self.columns.iter().copied());
        for row in &self.rows {
            table.add_row(row.iter().map(|cell| clean(cell)));
        }
        super::text::lines(table.lines().map(|line| line.trim().to_owned()))
    }
}

/// The name of a column for programs: `UNUSED/HOUR` becomes `unused_per_hour`, as in the JSON document.
fn column_name(title: &str) -> String {
    title.to_lowercase().replace("/hour", "_per_hour").replace([' ', '/'], "_")
}

/// Several prices per hour as one: the sum of the known ones, and the number of unknown ones.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sum {
    hour: f64,
    known: usize,
    unknown: usize,
}

impl Sum {
    /// Adds them up.
    pub fn of(prices: impl IntoIterator<Item = Option<f64>>) -> Self {
        prices.into_iter().fold(Self::default(), |sum, price| match price {
            Some(price) => Self { hour: sum.hour + price, known: sum.known + 1, ..sum },
            None => Self { unknown: sum.unknown + 1, ..sum },
        })
    }

    /// `0.2890 USD per hour, 208.08 per 30 days`, and what the sum lacks.
    pub fn text(self, currency: &str) -> String {
        if self.known == 0 && self.unknown > 0 {
            return format!("unknown {} per hour", clean(currency));
        }
        let per = Per::of(self.hour);
        let known = format!(
            "{} {} per hour, {} per 30 days",
            thousands(per.hour, 4),
            clean(currency),
            thousands(per.days_30, 2)
        );
        match self.unknown {
            0 => known,
            unknown => format!("{known}, plus {unknown} with an unknown price"),
        }
    }
}

/// A text, or a dash if there is none.
pub fn or_dash(text: Option<&str>) -> String {
    text.filter(|text| !text.is_empty()).unwrap_or("-").to_owned()
}

/// A price per hour, or `unknown`: an unknown price is never shown as 0.
pub fn per_hour(price: Option<f64>) -> String {
    price.map_or_else(|| "unknown".to_owned(), |price| format!("{price:.4}"))
}

/// One line of a bill.
pub fn write_price(out: &mut String, what: &str, price: Option<Per>) {
    // Writing to a String cannot fail, so the result is ignored.
    let _ = match price {
        Some(price) => {
            writeln!(
                out,
                "  {what:<56} {:>10} per hour {:>12} per 30 days",
                thousands(price.hour, 4),
                thousands(price.days_30, 2)
            )
        }
        None => writeln!(out, "  {what:<56}    unknown"),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_names_unknown_prices_and_is_never_0_for_them() {
        let text = |prices: &[Option<f64>]| Sum::of(prices.iter().copied()).text("USD");
        assert_eq!(text(&[Some(0.1), Some(0.2)]), "0.3000 USD per hour, 216.00 per 30 days");
        assert_eq!(
            text(&[Some(0.1), None, None]),
            "0.1000 USD per hour, 72.00 per 30 days, plus 2 with an unknown price"
        );
        assert_eq!(text(&[None]), "unknown USD per hour");
        assert_eq!(text(&[]), "0.0000 USD per hour, 0.00 per 30 days");
    }

    #[derive(JsonSchema, Serialize)]
    struct Thing {
        name: &'static str,
    }

    impl PublishedRow for Thing {
        const NAME: &'static str = "things";
        const LIST: &'static str = "things";
        const COMMANDS: &'static [&'static str] = &[];
    }

    fn listing() -> Listing<Thing> {
        let mut listing = Listing::new(&["NAME", "USED/FREE"]);
        listing.push(vec!["=cmd()".into(), "-".into()], &Thing { name: "=cmd()" });
        listing.push(vec!["a\u{1b}[31mb".into(), "2".into()], &Thing { name: "b" });
        listing
    }

    #[test]
    fn every_format_is_safe_and_whole() {
        assert_eq!(listing().to_text(OutputFormat::Csv), "name,used_free\r\n'=cmd(),\r\na\u{1b}[31mb,2\r\n");
        assert!(!listing().to_text(OutputFormat::Table).contains('\u{1b}'));
        assert_eq!(listing().to_text(OutputFormat::Jsonl), "{\"name\":\"=cmd()\"}\n{\"name\":\"b\"}\n");
        let document: Value = serde_json::from_str(&listing().to_text(OutputFormat::Json)).unwrap();
        assert_eq!(document["things"].as_array().map(Vec::len), Some(2));
        assert_eq!(Listing::<Thing>::new(&["NAME"]).to_text(OutputFormat::Table), "no things\n");
    }
}
