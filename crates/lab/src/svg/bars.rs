//! Bars side by side, in groups.

use super::scale::Frame;
use super::{COLOURS, Panel, text};
use std::fmt::Write as _;

/// Bars with a common name under them, one per colour.
#[derive(Clone, Debug)]
pub struct Group {
    /// The name.
    pub name: String,
    /// Their heights.
    pub values: Vec<f64>,
}

/// A chart of bars.
#[derive(Clone, Debug)]
pub struct Bars {
    title: String,
    y_label: String,
    colours: Vec<String>,
    groups: Vec<Group>,
}

impl Bars {
    /// An empty chart; `colours` names the bars of a group.
    pub fn new(title: &str, y_label: &str, colours: &[&str]) -> Self {
        Self {
            title: title.to_owned(),
            y_label: y_label.to_owned(),
            colours: colours.iter().map(|name| (*name).to_owned()).collect(),
            groups: Vec::new(),
        }
    }

    /// Adds a group.
    #[must_use]
    pub fn group(mut self, name: &str, values: &[f64]) -> Self {
        self.groups.push(Group { name: name.to_owned(), values: values.to_vec() });
        self
    }
}

impl Panel for Bars {
    fn draw(&self, width: f64, height: f64) -> String {
        let frame = Frame::of(width, height);
        let all = self.groups.iter().flat_map(|group| &group.values).copied();
        let top = 1.12 * all.filter(|value| value.is_finite()).fold(0.0, f64::max);
        let mut svg = frame.draw(&self.title, "", &self.y_label, top);
        let room = (frame.right - frame.left) / self.groups.len().max(1) as f64;
        for (index, group) in self.groups.iter().enumerate() {
            let left = frame.left + index as f64 * room;
            let bar = 0.76 * room / group.values.len().max(1) as f64;
            for (nth, (value, colour)) in group.values.iter().zip(COLOURS.iter().cycle()).enumerate() {
                let (x, y) = (left + 0.12 * room + nth as f64 * bar, frame.y(*value, top));
                let _ = writeln!(
                    svg,
                    "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{colour}\"/>",
                    0.9 * bar,
                    frame.bottom - y
                );
                let label = if *value >= 100.0 { format!("{value:.0}") } else { format!("{value:.3}") };
                let label = label.trim_end_matches('0').trim_end_matches('.').to_owned();
                let label = if *value >= 100.0 { format!("{value:.0}") } else { label };
                svg.push_str(&text((x + 0.45 * bar, y - 4.0), "middle", 10.0, "#333333", &label));
            }
            let middle = left + room / 2.0;
            svg.push_str(&text((middle, frame.bottom + 16.0), "middle", 11.0, "#333333", &group.name));
        }
        svg
    }

    fn legend(&self) -> Vec<(String, String)> {
        let colours = COLOURS.iter().cycle().map(|colour| (*colour).to_owned());
        self.colours.iter().cloned().zip(colours).collect()
    }
}
