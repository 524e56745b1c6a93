//! Scenarios: a service, those who send to it, and what must come of it. They are files, so that a promise can be read
//! without reading code.

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
    /// What it shows, as a promise.
    pub promise: String,
    /// The service.
    pub service: Service,
    /// Who sends.
    pub senders: Vec<Load>,
    /// What must be true.
    pub expect: Expect,
}

/// One who sends.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Load {
    /// How many requests it wants let through.
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

/// What must be true in every one of the seeded runs, or in the middle one where it says so.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Expect {
    /// The time until all were let through against the ideal, at most.
    pub time_ratio: Option<f64>,
    /// The same, in the middle run.
    pub median_time_ratio: Option<f64>,
    /// Refused requests as a part of those let through, at most.
    pub refused_part: Option<f64>,
    /// The same, in the middle run.
    pub median_refused_part: Option<f64>,
    /// The smaller part of two senders of what both got while both sent: at least, in the middle run, …
    pub median_share: Option<f64>,
    /// … in nine of ten runs …
    pub least_share: Option<f64>,
    /// … and in every run.
    pub least_share_ever: Option<f64>,
    /// What both got of what the service allowed meanwhile, at least.
    pub together: Option<f64>,
    /// The most requests sent in any second, and under way at once.
    pub peak_rate: Option<f64>,
    /// The most under way at once.
    pub peak_under_way: Option<usize>,
    /// The end of the run, in seconds, at most: where no ideal can be told.
    pub seconds: Option<f64>,
}

/// What came of one seeded run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// Time against the ideal, of the first sender.
    pub time_ratio: f64,
    /// Refused against let through, of all senders.
    pub refused_part: f64,
    /// The smaller of two senders' parts; 1 with one sender.
    pub share: f64,
    /// What all got of what was allowed while all sent.
    pub together: f64,
    /// The most sent by one sender in any second.
    pub peak_rate: f64,
    /// The most under way at once by one sender.
    pub peak_under_way: usize,
    /// When the last sender had all, in seconds.
    pub seconds: f64,
}

impl Expect {
    /// What is not as expected in these runs; empty if all is.
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
    /// Reads a scenario file.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(yaml: &str) -> Result<Self, serde_saphyr::Error> {
        serde_saphyr::from_str(yaml)
    }

    /// One run with our controllers.
    pub fn run(&self, seed: u64) -> Vec<SenderLog> {
        self.run_with(seed, &|load, seed| {
            let mut settings = fleet::pace::Settings::launch();
            settings.rate_cap = load.rate_cap;
            settings.concurrency_cap = load.concurrency_cap.unwrap_or(settings.concurrency_cap);
            Box::new(Ours::new(settings, seed))
        })
    }

    /// One run in another way of pacing.
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

    /// What came of a run.
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

    /// What the service lets through in a span, with its burst where the span begins with a full bucket.
    fn allowed(&self, from: f64, until: f64) -> f64 {
        let burst = if from <= 0.0 { self.service.burst } else { 0.0 };
        let steps = ((until - from).clamp(0.0, HORIZON) * 100.0) as u64;
        let flow: f64 = (0..steps).map(|step| self.service.rate_at(from + step as f64 * 0.01) * 0.01).sum();
        (burst + flow).max(1e-9)
    }
}

/// The most of these moments that lie within one second.
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
