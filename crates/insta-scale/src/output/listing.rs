//! Lists of things, in every format: a table, JSON, JSON lines, comma-separated values.
//!
//! Must not know what the things are.

use super::text::clean;
use crate::args::OutputFormat;
use comfy_table::{ContentArrangement, Table, presets};
use serde_json::{Value, json};

/// A list: cells for people, values for programs.
#[derive(Debug)]
pub struct Listing {
    /// What the rows are, in the plural; the key of the JSON document.
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

    /// The whole as text, for stdout.
    pub fn to_text(&self, format: OutputFormat) -> String {
        match format {
            OutputFormat::Table | OutputFormat::Wide => self.table(),
            OutputFormat::Csv => {
                let head: Vec<String> =
                    self.columns.iter().map(|title| title.to_lowercase().replace([' ', '/'], "_")).collect();
                let mut text = fleet::export::csv_record(head.iter().map(String::as_str));
                for row in &self.rows {
                    // A dash stands for nothing in a table only.
                    let cells = row.iter().map(|cell| if cell == "-" { "" } else { cell.as_str() });
                    text.push_str(&fleet::export::csv_record(cells));
                }
                text
            }
            OutputFormat::Json => {
                let document =
                    json!({ "schema_version": super::document::SCHEMA_VERSION, self.what: self.values });
                // Texts, numbers and times: nothing that JSON cannot hold.
                serde_json::to_string_pretty(&document).unwrap_or_default() + "\n"
            }
            OutputFormat::Jsonl => self.values.iter().map(|value| value.to_string() + "\n").collect(),
        }
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

/// A text, or a dash for none.
pub fn or_dash(text: Option<&str>) -> String {
    text.filter(|text| !text.is_empty()).unwrap_or("-").to_owned()
}

/// A price an hour, or `unknown`: never 0 for one that nobody knows.
pub fn per_hour(price: Option<f64>) -> String {
    price.map_or_else(|| "unknown".to_owned(), |price| format!("{price:.4}"))
}

#[cfg(test)]
mod tests {
    use super::*;

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
