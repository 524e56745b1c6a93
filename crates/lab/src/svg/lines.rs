//! Lines over time.

use super::scale::Frame;
use super::{COLOURS, Panel};
use std::fmt::Write as _;

/// One line.
#[derive(Clone, Debug)]
pub struct Series {
    /// Its name.
    pub name: String,
    /// Its points, by increasing x.
    pub points: Vec<(f64, f64)>,
    /// Whether it is grey and dashed, as a reference for the others.
    pub reference: bool,
}

/// A chart of lines.
#[derive(Clone, Debug)]
pub struct Lines {
    title: String,
    x_label: String,
    y_label: String,
    series: Vec<Series>,
    top: Option<f64>,
    last: Option<f64>,
}

impl Lines {
    /// An empty chart.
    pub fn new(title: &str, x_label: &str, y_label: &str) -> Self {
        Self {
            title: title.to_owned(),
            x_label: x_label.to_owned(),
            y_label: y_label.to_owned(),
            series: Vec::new(),
            top: None,
            last: None,
        }
    }

    /// Ends the axes at these values (x, y), whatever the points are.
    #[must_use]
    pub fn until(mut self, last: f64, top: f64) -> Self {
        (self.last, self.top) = (Some(last), Some(top));
        self
    }

    /// Adds a line.
    #[must_use]
    pub fn line(mut self, name: &str, points: Vec<(f64, f64)>) -> Self {
        self.series.push(Series { name: name.to_owned(), points, reference: false });
        self
    }

    /// Adds a reference line.
    #[must_use]
    pub fn reference(mut self, name: &str, points: Vec<(f64, f64)>) -> Self {
        self.series.push(Series { name: name.to_owned(), points, reference: true });
        self
    }

    fn colours(&self) -> Vec<&'static str> {
        let mut colours = COLOURS.iter().cycle();
        let mut next = || colours.next().copied().unwrap_or("#000000");
        self.series.iter().map(|series| if series.reference { "#888888" } else { next() }).collect()
    }

    fn end(&self, of: fn(&(f64, f64)) -> f64) -> f64 {
        let points = self.series.iter().flat_map(|series| &series.points);
        points.map(of).filter(|value| value.is_finite()).fold(0.0, f64::max)
    }
}

impl Panel for Lines {
    fn draw(&self, width: f64, height: f64) -> String {
        let frame = Frame::of(width, height);
        let last = self.last.unwrap_or_else(|| self.end(|point| point.0));
        let top = self.top.unwrap_or_else(|| 1.05 * self.end(|point| point.1));
        let mut svg = frame.draw(&self.title, &self.x_label, &self.y_label, top);
        svg.push_str(&frame.draw_x_ticks(last));
        for (series, colour) in self.series.iter().zip(self.colours()) {
            let mut path = String::new();
            let mut before = (f64::NAN, f64::NAN);
            for (x, y) in series.points.iter().filter(|(x, _)| *x <= last) {
                let at = (frame.x(*x, last), frame.y(*y, top));
                // Points in the same place only make the file larger.
                if (at.0 - before.0).abs() < 0.4 && (at.1 - before.1).abs() < 0.4 {
                    continue;
                }
                let _ = write!(path, "{:.1},{:.1} ", at.0, at.1);
                before = at;
            }
            let dash = if series.reference { " stroke-dasharray=\"5 3\"" } else { "" };
            let _ = writeln!(
                svg,
                "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.6\"{dash} points=\"{}\"/>",
                path.trim_end()
            );
        }
        svg
    }

    fn legend(&self) -> Vec<(String, String)> {
        let names = self.series.iter().map(|series| series.name.clone());
        names.zip(self.colours().into_iter().map(str::to_owned)).collect()
    }
}
