//! Metrics as the text that Prometheus reads (exposition format 0.0.4). It knows no metric.
//!
//! The commands use it as well, for the metrics of their runs.

use std::fmt::Write as _;

/// The content type of the text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// How a metric changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// It only grows.
    Counter,
    /// It rises and falls.
    Gauge,
    /// Observations by size.
    Histogram,
}

/// A metric: all samples of one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// How it changes.
    pub kind: MetricKind,
    /// What it means, in one line.
    pub help: &'static str,
}

impl Metric {
    /// A counter.
    pub const fn counter(name: &'static str, help: &'static str) -> Self {
        Self { name, kind: MetricKind::Counter, help }
    }

    /// A gauge.
    pub const fn gauge(name: &'static str, help: &'static str) -> Self {
        Self { name, kind: MetricKind::Gauge, help }
    }

    /// A histogram.
    pub const fn histogram(name: &'static str, help: &'static str) -> Self {
        Self { name, kind: MetricKind::Histogram, help }
    }
}

/// A text of metrics that grows.
#[derive(Clone, Debug, Default)]
pub struct Exposition {
    text: String,
    /// The labels of every sample, as they are written.
    common: String,
}

impl Exposition {
    /// An empty text whose samples all have these labels.
    pub fn labelled(common: &[(&str, &str)]) -> Self {
        Self { text: String::new(), common: written(common) }
    }

    /// Adds a metric with its samples: labels and value of each. Without samples it is left out.
    pub fn add<'a>(
        &mut self,
        metric: Metric,
        samples: impl IntoIterator<Item = (Vec<(&'a str, &'a str)>, f64)>,
    ) {
        let mut samples = samples.into_iter().peekable();
        if samples.peek().is_none() {
            return;
        }
        self.head(metric);
        for (labels, value) in samples {
            self.sample(metric.name, &labels, value);
        }
    }

    /// Adds a metric with one sample that has no labels of its own; without a value it is left out.
    pub fn add_value(&mut self, metric: Metric, value: impl Into<Option<f64>>) {
        self.add(metric, value.into().map(|value| (Vec::new(), value)));
    }

    /// Adds a histogram: the number of observations up to each bound, their sum and their number.
    pub fn add_histogram(
        &mut self,
        metric: Metric,
        up_to: impl IntoIterator<Item = (f64, u64)>,
        sum: f64,
        count: u64,
    ) {
        self.head(metric);
        let bucket = format!("{}_bucket", metric.name);
        for (bound, number) in up_to {
            self.sample(&bucket, &[("le", &bound.to_string())], number as f64);
        }
        self.sample(&bucket, &[("le", "+Inf")], count as f64);
        self.sample(&format!("{}_sum", metric.name), &[], sum);
        self.sample(&format!("{}_count", metric.name), &[], count as f64);
    }

    /// The text.
    pub fn into_text(self) -> String {
        self.text
    }

    fn head(&mut self, Metric { name, kind, help }: Metric) {
        let kind = match kind {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram => "histogram",
        };
        // Writing to a String cannot fail, so the result is ignored.
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        let own = written(labels);
        let comma = if own.is_empty() || self.common.is_empty() { "" } else { "," };
        let (opening, closing) = if own.is_empty() && self.common.is_empty() { ("", "") } else { ("{", "}") };
        let _ = writeln!(self.text, "{name}{opening}{}{comma}{own}{closing} {value}", self.common);
    }
}

fn written(labels: &[(&str, &str)]) -> String {
    let each = labels.iter().map(|(label, text)| format!("{label}=\"{}\"", escaped(text)));
    each.collect::<Vec<_>>().join(",")
}

/// The value of a label, which must not end its quotes or its line.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_label_stays_within_its_quotes() {
        let mut out = Exposition::labelled(&[("fleet", "a\"} 1\nevil 2\\")]);
        out.add(Metric::counter("m_total", "Help."), [(vec![("outcome", "x\"y")], 3.0)]);
        out.add_value(Metric::gauge("none", "Help."), None);
        assert_eq!(
            out.into_text(),
            "# HELP m_total Help.\n# TYPE m_total counter\n\
             m_total{fleet=\"a\\\"} 1\\nevil 2\\\\\",outcome=\"x\\\"y\"} 3\n"
        );
    }

    #[test]
    fn a_histogram_ends_with_all_observations() {
        let mut out = Exposition::default();
        out.add_histogram(Metric::histogram("h_seconds", "Help."), [(1.0, 2), (2.5, 3)], 9.5, 4);
        let text = out.into_text();
        assert!(text.contains("h_seconds_bucket{le=\"2.5\"} 3\nh_seconds_bucket{le=\"+Inf\"} 4\n"), "{text}");
        assert!(text.ends_with("h_seconds_sum 9.5\nh_seconds_count 4\n"), "{text}");
    }
}
