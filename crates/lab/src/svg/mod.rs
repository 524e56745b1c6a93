//! Draws line and bar charts as SVG text. It must not know what the numbers mean.
//!
//! Colours are the eight of Okabe and Ito (2008), which colour-blind readers can distinguish; the background is white, so that
//! a chart looks the same on a dark page.

mod bars;
mod lines;
mod scale;

pub use bars::{Bars, Group};
pub use lines::{Lines, Series};

use std::fmt::Write as _;

/// Colours, in the order in which they are used.
pub const COLOURS: [&str; 7] = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"];

const FONT: &str = "font-family=\"system-ui, sans-serif\"";

/// Something that can be drawn into a rectangle.
pub trait Panel {
    /// The SVG elements of the panel, its upper left corner at 0, 0.
    fn draw(&self, width: f64, height: f64) -> String;
    /// The legend of its colours: name and colour.
    fn legend(&self) -> Vec<(String, String)>;
}

/// Panels side by side in rows of `columns`, under one title and one legend.
pub fn page(title: &str, panels: &[&dyn Panel], columns: usize, panel: (f64, f64)) -> String {
    let (width, height) = panel;
    let columns = columns.clamp(1, panels.len().max(1));
    let rows = panels.len().div_ceil(columns);
    let total = (columns as f64 * width, 56.0 + rows as f64 * height + 8.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0}\" height=\"{1:.0}\" viewBox=\"0 0 {0:.0} {1:.0}\" role=\"img\">\n",
        total.0, total.1
    );
    let _ = writeln!(svg, "<title>{}</title>", escape(title));
    let _ = writeln!(svg, "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>");
    svg.push_str(&text((14.0, 22.0), "start", 15.0, "#222222", title));
    let mut x = 14.0;
    for (name, colour) in panels.first().map(|panel| panel.legend()).unwrap_or_default() {
        let _ = writeln!(
            svg,
            "<line x1=\"{x:.1}\" y1=\"40\" x2=\"{:.1}\" y2=\"40\" stroke=\"{colour}\" stroke-width=\"3\"/>",
            x + 18.0
        );
        svg.push_str(&text((x + 23.0, 44.0), "start", 12.0, "#222222", &name));
        x += 38.0 + 6.9 * name.chars().count() as f64;
    }
    for (index, panel) in panels.iter().enumerate() {
        let left = (index % columns) as f64 * width;
        let top = 56.0 + (index / columns) as f64 * height;
        let _ = writeln!(svg, "<g transform=\"translate({left:.1} {top:.1})\">");
        svg.push_str(&panel.draw(width, height));
        svg.push_str("</g>\n");
    }
    svg.push_str("</svg>\n");
    svg
}

/// One text element. `anchor` is `start`, `middle` or `end`.
fn text(at: (f64, f64), anchor: &str, size: f64, colour: &str, words: &str) -> String {
    format!(
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\" font-size=\"{size}\" fill=\"{colour}\" {FONT}>{}</text>\n",
        at.0,
        at.1,
        escape(words)
    )
}

fn escape(words: &str) -> String {
    words.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_cannot_become_markup() {
        let panel = Lines::new("<b>&\"", "x", "y");
        let svg = page("</svg><script>", &[&panel], 1, (300.0, 200.0));
        assert!(!svg.contains("<script>") && !svg.contains("<b>"), "{svg}");
    }

    #[test]
    fn a_chart_without_points_is_still_a_chart() {
        let svg = page("empty", &[&Lines::new("none", "x", "y")], 1, (300.0, 200.0));
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n") && !svg.contains("NaN"), "{svg}");
    }
}
