//! Scenarios: a service, its senders, and the expected results. They are files, so that promises can be read without reading
//! code.

use super::rivals::Way;
use super::run::{HORIZON, Sender, SenderLog, run};
use super::server::Service;
use super::{Ours, Pacing};
use serde::Deserialize;
use std::time::Duration;

/// One scenario file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// The promise that it checks.
    pub promise: String,
    /// The service.
    pub service: Service,
    /// The senders.
    pub senders: Vec<Load>,
    /// The expected results.
    pub expect: Expect,
}

/// A sender.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Load {
    /// How many requests must be admitted.
    pub wanted: usize,
    /// When it begins, in seconds.
    #[serde(default)]
    pub start: f64,
    /// Its `--rate`.
    #[serde(default)]
    pub rate_cap: Option<f64>,
    /// Its `--max-concurrency`.
    #[serde(default)]
    pub concurrency_cap: Option<u32>,
}

/// The expected results of every seeded run, or of the median run where stated.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Expect {
    /// The largest ratio of the time until all requests were admitted to the ideal time.
    pub time_ratio: Option<f64>,
    /// The same, in the median run.
    pub median_time_ratio: Option<f64>,
    /// The largest ratio of refused to admitted requests.
    pub refused_part: Option<f64>,
    /// The same, in the median run.
    pub median_refused_part: Option<f64>,
    /// The smallest share that the slower of two senders may get while both send: in the median run, …
    pub median_share: Option<f64>,
    /// … in nine of ten runs …
    pub least_share: Option<f64>,
    /// … and in every run.
    pub least_share_ever: Option<f64>,
    /// The smallest share of the allowed requests that both senders together may get.
    pub together: Option<f64>,
    /// The most requests sent in any second.
    pub peak_rate: Option<f64>,
    /// The most requests in progress at the same time.
    pub peak_under_way: Option<usize>,
    /// The latest end of the run, in seconds, where no ideal time is defined.
    pub seconds: Option<f64>,
}

/// The result of one seeded run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// The ratio of the time of the first sender to the ideal time.
    pub time_ratio: f64,
    /// The ratio of refused to admitted requests of all senders.
    pub refused_part: f64,
    /// The share of the slower of two senders; 1 with one sender.
    pub share: f64,
    /// The share of the allowed requests that all senders got while all were sending.
    pub together: f64,
    /// The most requests that one sender sent in any second.
    pub peak_rate: f64,
    /// The most requests of one sender that were in progress at the same time.
    pub peak_under_way: usize,
    /// When the last sender was done, in seconds.
    pub seconds: f64,
}

impl Expect {
    /// The expectations that these runs miss; empty if they meet all.
    pub fn missed(&self, outcomes: &[Outcome]) -> Vec<String> {
        let mut missed = Vec::new();
        let mut check = |what: &str, limit: Option<f64>, found: f64, at_most: bool| {
            if let Some(limit) = limit
                && (if at_most { found > limit } else { found < limit } || found.is_nan())
            {
                let word = if at_most { "at most" } else { "at least" };
                missed.push(format!("{what}: {found:.3}, expected {word} {limit}"));
            }
        };
        let each = |of: fn(&Outcome) -> f64| {
            let mut all: Vec<f64> = outcomes.iter().map(of).collect();
            all.sort_by(f64::total_cmp);
            all
        };
        let (times, refused) = (each(|of| of.time_ratio), each(|of| of.refused_part));
        let (shares, together) = (each(|of| of.share), each(|of| of.together));
        check("time against the ideal", self.time_ratio, times[times.len() - 1], true);
        check("time against the ideal, median", self.median_time_ratio, times[times.len() / 2], true);
        check("refused part", self.refused_part, refused[refused.len() - 1], true);
        check("refused part, median", self.median_refused_part, refused[refused.len() / 2], true);
        check("smaller share, median", self.median_share, shares[shares.len() / 2], false);
        check("smaller share, in nine of ten runs", self.least_share, shares[shares.len() / 10], false);
        check("smaller share, ever", self.least_share_ever, shares[0], false);
        check("together", self.together, together[0], false);
        let most = |of: fn(&Outcome) -> f64| outcomes.iter().map(of).fold(0.0, f64::max);
        check("most sent in a second", self.peak_rate, most(|of| of.peak_rate), true);
        let under_way = self.peak_under_way.map(|most| most as f64);
        check("most under way", under_way, most(|of| of.peak_under_way as f64), true);
        check("seconds", self.seconds, most(|of| of.seconds), true);
        missed
    }
}

impl Scenario {
    /// Parses a scenario file.
    ///
    /// # Errors
    /// When the file is not a scenario; the error has the position.
    pub fn parse(yaml: &str) -> Result<Self, serde_saphyr::Error> {
        serde_saphyr::from_str(yaml)
    }

    /// One run with the pacing of this project.
    pub fn run(&self, seed: u64) -> Vec<SenderLog> {
        self.run_with(seed, &|load, seed| {
            let mut settings = fleet::pace::Settings::launch();
            settings.rate_cap = load.rate_cap;
            settings.concurrency_cap = load.concurrency_cap.unwrap_or(settings.concurrency_cap);
            Box::new(Ours::new(settings, seed))
        })
    }

    /// One run with another way of pacing.
    pub fn run_way(&self, way: Way, seed: u64) -> Vec<SenderLog> {
        self.run_with(seed, &|_, seed| way.pacing(seed))
    }

    fn run_with(&self, seed: u64, pacing: &dyn Fn(&Load, u64) -> Box<dyn Pacing>) -> Vec<SenderLog> {
        let senders = self
            .senders
            .iter()
            .zip(1_u64..)
            .map(|(load, number)| Sender {
                pacing: pacing(load, seed.wrapping_mul(1000) + number),
                wanted: load.wanted,
                start: Duration::from_secs_f64(load.start),
            })
            .collect();
        run(&self.service, senders, seed, HORIZON)
    }

    /// The result of a run.
    pub fn outcome(&self, seen: &[SenderLog]) -> Outcome {
        let first = &self.senders[0];
        let ideal = self.service.ideal_seconds(first.wanted as f64, first.start);
        let together_from = self.senders.iter().map(|load| load.start).fold(0.0, f64::max);
        let together_until = seen.iter().map(SenderLog::end).fold(f64::INFINITY, f64::min);
        let got: Vec<f64> =
            seen.iter().map(|seen| seen.through_between(together_from, together_until) as f64).collect();
        let all: f64 = got.iter().sum();
        let through: usize = seen.iter().map(|seen| seen.through.len()).sum();
        let refused: usize = seen.iter().map(|seen| seen.refused.len()).sum();
        Outcome {
            time_ratio: (seen[0].end() - first.start) / ideal,
            refused_part: refused as f64 / through.max(1) as f64,
            share: if seen.len() > 1 { got.iter().copied().fold(all, f64::min) / all.max(1.0) } else { 1.0 },
            together: all / self.allowed(together_from, together_until),
            peak_rate: seen.iter().map(|seen| most_in_a_second(&seen.sent)).fold(0.0, f64::max),
            peak_under_way: seen.iter().map(|seen| seen.peak).max().unwrap_or_default(),
            seconds: seen.iter().map(SenderLog::end).fold(0.0, f64::max),
        }
    }

    /// How many requests the service admits in a span, with its burst if the span begins with a full bucket.
    fn allowed(&self, from: f64, until: f64) -> f64 {
        let burst = if from <= 0.0 { self.service.burst } else { 0.0 };
        let steps = ((until - from).clamp(0.0, HORIZON) * 100.0) as u64;
        let flow: f64 = (0..steps).map(|step| self.service.rate_at(from + step as f64 * 0.01) * 0.01).sum();
        (burst + flow).max(1e-9)
    }
}

/// The largest number of these times within one second.
fn most_in_a_second(moments: &[f64]) -> f64 {
    let mut start = 0;
    let mut most = 0;
    for (end, moment) in moments.iter().enumerate() {
        while moments[start] < moment - 1.0 {
            start += 1;
        }
        most = most.max(end + 1 - start);
    }
    most as f64
}
