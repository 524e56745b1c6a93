//! Lists in every format: a table, JSON, JSON lines, comma-separated values.
//!
//! It must not know what the rows are.

use super::instances::columns::{Column, columns_table};
use super::simulated::mark;
use super::text::{clean, thousands};
use crate::args::OutputFormat;
use comfy_table::{ContentArrangement, Table, presets};
use fleet::price::Per;
use serde_json::{Value, json};

/// A list: cells for people, values for programs.
#[derive(Debug)]
pub struct Listing {
    /// The plural noun for the rows, which is the key in the JSON document.
    pub what: &'static str,
    /// Titles of the columns.
    pub columns: &'static [&'static str],
    /// The cells of each row.
    pub rows: Vec<Vec<String>>,
    /// The same rows for programs.
    pub values: Vec<Value>,
}

impl Listing {
    /// A list without rows.
    pub fn new(what: &'static str, columns: &'static [&'static str]) -> Self {
        Self { what, columns, rows: Vec::new(), values: Vec::new() }
    }

    /// Adds a row.
    pub fn push(&mut self, cells: Vec<String>, value: Value) {
        self.rows.push(cells);
        self.values.push(value);
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
                let document =
                    json!({ "schema_version": super::document::SCHEMA_VERSION, self.what: self.values });
                // Strings, numbers and times only, so serialisation cannot fail.
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

    fn listing() -> Listing {
        let mut listing = Listing::new("things", &["NAME", "USED/FREE"]);
        listing.push(vec!["=cmd()".into(), "-".into()], json!({"name": "=cmd()"}));
        listing.push(vec!["a\u{1b}[31mb".into(), "2".into()], json!({"name": "b"}));
        listing
    }

    #[test]
    fn every_format_is_safe_and_whole() {
        assert_eq!(listing().to_text(OutputFormat::Csv), "name,used_free\r\n'=cmd(),\r\na\u{1b}[31mb,2\r\n");
        assert!(!listing().to_text(OutputFormat::Table).contains('\u{1b}'));
        assert_eq!(listing().to_text(OutputFormat::Jsonl), "{\"name\":\"=cmd()\"}\n{\"name\":\"b\"}\n");
        let document: Value = serde_json::from_str(&listing().to_text(OutputFormat::Json)).unwrap();
        assert_eq!(document["things"].as_array().map(Vec::len), Some(2));
        assert_eq!(Listing::new("things", &["NAME"]).to_text(OutputFormat::Table), "no things\n");
    }
}
