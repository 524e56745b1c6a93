//! A table that fits the terminal: less important columns are dropped first, and a long name does not displace other columns.
//!
//! It must not know what the columns mean.

use crate::output::text::clean;
use anstyle::Style;
use console::{measure_text_width, truncate_str};
use std::fmt::Write as _;

/// One column.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its title.
    pub title: &'static str,
    /// Its cells.
    pub cells: Vec<String>,
    /// Shorter cells, used before any column is dropped.
    pub short: Option<Vec<String>>,
    /// The order in which columns are dropped, highest first. Rank 0 always stays.
    pub rank: u8,
    /// Whether its cells, such as names, may be cut.
    pub can_be_cut: bool,
    /// The style of each cell; plain where there is none.
    pub styles: Vec<Style>,
}

impl Column {
    /// A column, with its cells made safe for a terminal.
    pub fn new(title: &'static str, rank: u8, cells: impl Iterator<Item = String>) -> Self {
        Self {
            title,
            cells: cells.map(|cell| clean(&cell)).collect(),
            short: None,
            rank,
            can_be_cut: false,
            styles: Vec::new(),
        }
    }

    /// Allows cutting the cells if there is not enough space.
    #[must_use]
    pub fn cut(mut self) -> Self {
        self.can_be_cut = true;
        self
    }

    /// Adds shorter cells for narrow terminals.
    #[must_use]
    pub fn or_short(mut self, cells: impl Iterator<Item = String>) -> Self {
        self.short = Some(cells.map(|cell| clean(&cell)).collect());
        self
    }

    /// Adds a style for each cell.
    #[must_use]
    pub fn styled(mut self, styles: impl Iterator<Item = Style>) -> Self {
        self.styles = styles.collect();
        self
    }

    fn width(&self) -> usize {
        let widest = self.cells.iter().map(|cell| measure_text_width(cell)).max().unwrap_or(0);
        widest.max(self.title.len())
    }
}

/// The space between two columns.
const GAP: usize = 2;
/// A name may displace other columns only up to this width (or a third of the terminal).
const NAME: usize = 24;
/// No name is cut to less than this.
const LEAST: usize = 8;

/// The table as lines, each with a line break. `width` is the terminal's, if there is one.
pub fn columns_table(mut columns: Vec<Column>, width: Option<usize>) -> String {
    if let Some(width) = width {
        fit(&mut columns, width);
    }
    let widths: Vec<usize> = columns.iter().map(Column::width).collect();
    let rows = columns.first().map_or(0, |column| column.cells.len());
    // Growing the buffer by doubling would hold a long table in memory three times.
    let line_length = widths.iter().map(|width| width + GAP).sum::<usize>() + 1;
    let mut out = String::with_capacity(line_length.saturating_mul(rows + 1));
    let mut line = |cells: &mut dyn Iterator<Item = (&str, Style)>| {
        let start = out.len();
        for ((cell, style), width) in cells.zip(&widths) {
            if style.is_plain() {
                out.push_str(cell);
            } else {
                // Writing to a String cannot fail, so the result is ignored.
                let _ = write!(out, "{style}{cell}{style:#}");
            }
            let pad = width.saturating_sub(measure_text_width(cell)) + GAP;
            out.extend(std::iter::repeat_n(' ', pad));
        }
        let end = out[start..].trim_end().len();
        out.truncate(start + end);
        out.push('\n');
    };
    line(&mut columns.iter().map(|column| (column.title, Style::new())));
    for row in 0..rows {
        line(&mut columns.iter().map(|column| {
            let style = column.styles.get(row).copied().unwrap_or_default();
            (column.cells.get(row).map_or("", String::as_str), style)
        }));
    }
    out
}

fn total(columns: &[Column]) -> usize {
    columns.iter().map(|column| column.width() + GAP).sum::<usize>().saturating_sub(GAP)
}

/// Uses the shorter cells first; then drops columns as if no name were long; then gives names the remaining space.
fn fit(columns: &mut Vec<Column>, width: usize) {
    if total(columns) <= width {
        return;
    }
    for column in columns.iter_mut() {
        if let Some(short) = column.short.take() {
            column.cells = short;
        }
    }
    let least = |column: &Column| {
        if column.can_be_cut { column.width().min((width / 3).max(NAME)) } else { column.width() }
    };
    let needed = |columns: &[Column]| columns.iter().map(|column| least(column) + GAP).sum::<usize>();
    while needed(columns) > width + GAP {
        let Some(rank) = columns.iter().map(|column| column.rank).max().filter(|rank| *rank > 0) else {
            break;
        };
        columns.retain(|column| column.rank != rank);
    }
    let mut spare = (width + GAP).saturating_sub(needed(columns));
    let mut over = needed(columns).saturating_sub(width + GAP);
    for column in columns.iter_mut().filter(|column| column.can_be_cut) {
        let (natural, least) = (column.width(), least(column));
        let more = spare.min(natural - least);
        let less = over.min(least.saturating_sub(LEAST));
        (spare, over) = (spare - more, over - less);
        let room = least + more - less;
        for cell in &mut column.cells {
            *cell = truncate_str(cell, room, "…").into_owned();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> Vec<Column> {
        let cells = |cells: [&str; 2]| cells.map(str::to_owned).into_iter();
        vec![
            Column::new("NAME", 0, cells(["web-1", "a-very-long-name-of-a-machine"])).cut(),
            Column::new("STATE", 0, cells(["RUNNING", "STOPPED"])),
            Column::new("AGE", 2, cells(["3 h", "10 d"])),
            Column::new(
                "OCID",
                1,
                cells(["ocid1.instance.oc1.phx.aaaaaaaa1", "ocid1.instance.oc1.phx.aaaaaaaa2"]),
            )
            .or_short(cells(["…aaaa1", "…aaaa2"])),
        ]
    }

    #[test]
    fn a_wide_table_has_everything() {
        insta::assert_snapshot!(columns_table(columns(), None), @r"
        NAME                           STATE    AGE   OCID
        web-1                          RUNNING  3 h   ocid1.instance.oc1.phx.aaaaaaaa1
        a-very-long-name-of-a-machine  STOPPED  10 d  ocid1.instance.oc1.phx.aaaaaaaa2
        ");
    }

    #[test]
    fn one_long_name_drives_no_column_out() {
        let mut columns = columns();
        columns[0].cells[1] = "x".repeat(255);
        let wide = columns_table(columns.clone(), Some(80));
        insta::assert_snapshot!(wide, @r"
        NAME                                                       STATE    AGE   OCID
        web-1                                                      RUNNING  3 h   …aaaa1
        xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…  STOPPED  10 d  …aaaa2
        ");
        let narrow = columns_table(columns, Some(50));
        assert!(narrow.contains("…aaaa2") && narrow.contains("STOPPED"), "{narrow}");
    }

    #[test]
    fn a_narrow_terminal_shortens_then_drops_then_cuts() {
        insta::assert_snapshot!(columns_table(columns(), Some(60)), @r"
        NAME                           STATE    AGE   OCID
        web-1                          RUNNING  3 h   …aaaa1
        a-very-long-name-of-a-machine  STOPPED  10 d  …aaaa2
        ");
        insta::assert_snapshot!(columns_table(columns(), Some(30)), @r"
        NAME                   STATE
        web-1                  RUNNING
        a-very-long-name-of-…  STOPPED
        ");
        for width in 20..120 {
            let fits =
                columns_table(columns(), Some(width)).lines().all(|line| measure_text_width(line) <= width);
            assert!(fits, "{width}");
        }
    }
}
