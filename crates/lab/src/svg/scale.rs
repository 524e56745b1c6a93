//! Axes: positions of numbers, and round numbers for the ticks.

use super::text;
use std::fmt::Write as _;

/// The frame of a panel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) top: f64,
    pub(super) bottom: f64,
}

impl Frame {
    pub(super) fn of(width: f64, height: f64) -> Self {
        Self { left: 52.0, right: width - 14.0, top: 26.0, bottom: height - 38.0 }
    }

    pub(super) fn y(self, value: f64, top_value: f64) -> f64 {
        let part = if top_value > 0.0 { value / top_value } else { 0.0 };
        self.bottom - (self.bottom - self.top) * part.clamp(0.0, 1.0)
    }

    pub(super) fn x(self, value: f64, last_value: f64) -> f64 {
        let part = if last_value > 0.0 { value / last_value } else { 0.0 };
        self.left + (self.right - self.left) * part.clamp(0.0, 1.0)
    }

    /// Title, horizontal grid and the labels of both axes.
    pub(super) fn draw(self, title: &str, x_label: &str, y_label: &str, top_value: f64) -> String {
        let mut svg = text((self.left, 16.0), "start", 13.0, "#222222", title);
        for tick in ticks(top_value) {
            let y = self.y(tick, top_value);
            let _ = writeln!(
                svg,
                "<line x1=\"{:.1}\" y1=\"{y:.1}\" x2=\"{:.1}\" y2=\"{y:.1}\" stroke=\"#e3e3e3\"/>",
                self.left, self.right
            );
            svg.push_str(&text((self.left - 6.0, y + 4.0), "end", 11.0, "#555555", &number(tick)));
        }
        let middle = f64::midpoint(self.left, self.right);
        svg.push_str(&text((middle, self.bottom + 32.0), "middle", 11.0, "#555555", x_label));
        let middle = f64::midpoint(self.top, self.bottom);
        let _ = writeln!(svg, "<g transform=\"translate(12 {middle:.1}) rotate(-90)\">");
        svg.push_str(&text((0.0, 0.0), "middle", 11.0, "#555555", y_label));
        svg.push_str("</g>\n");
        svg
    }

    /// The numbers under the horizontal axis.
    pub(super) fn draw_x_ticks(self, last_value: f64) -> String {
        let mut svg = String::new();
        for tick in ticks(last_value) {
            let x = self.x(tick, last_value);
            svg.push_str(&text((x, self.bottom + 16.0), "middle", 11.0, "#555555", &number(tick)));
        }
        svg
    }
}

/// Round numbers from 0 up to the last: 4 to 8 of them.
pub(super) fn ticks(last: f64) -> Vec<f64> {
    if !(last.is_finite() && last > 0.0) {
        return vec![0.0];
    }
    let rough = last / 5.0;
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|by| by * power).find(|step| *step >= rough);
    let step = step.unwrap_or(rough);
    (0..=(last / step + 1e-9) as u32).map(|index| f64::from(index) * step).collect()
}

fn number(value: f64) -> String {
    let rounded = (value * 1000.0).round() / 1000.0;
    if rounded >= 10_000.0 { format!("{}k", rounded / 1000.0) } else { format!("{rounded}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_few() {
        assert_eq!(ticks(48.0), [0.0, 10.0, 20.0, 30.0, 40.0]);
        assert_eq!(ticks(1.2), [0.0, 0.25, 0.5, 0.75, 1.0]);
        assert_eq!(ticks(0.0), [0.0]);
        for last in [0.003, 0.7, 7.0, 19.0, 123.0, 99_999.0] {
            assert!((4..=8).contains(&ticks(last).len()), "{last}: {:?}", ticks(last));
        }
    }
}
