//! What refusals and answers mean for the rate.
//!
//! The numbers below were found by search: thousands of variants ran against the model server of the `lab` crate, and the
//! one was kept that was best over a table of limits, latencies, changes and rivals (`docs/pacing.md`).

use super::{Controller, JITTER, LEAST_RATE, Mode, seconds};
use crate::pace::cruise::{Shape, Swing, fastest_growth};
use crate::pace::meter::Measured;
use crate::pace::refused::Refused;
use crate::pace::ticket::{Reason, Ticket};
use std::time::Duration;

/// The search begins at this part of what the ramp sent a second: its burst made it look faster than the service is.
const AFTER_BURST: f64 = 0.17;
/// So many requests let through between two refusals measure the rate well enough to swing around it.
const ENOUGH: f64 = 8.0;
/// The search goes on at this part of the rate that was refused. A small step: two that search at once end up alike.
const SEARCH_STEP: f64 = 0.75;
/// A bucket is supposed to hold this many requests until it is measured: what the ramp got beyond that is rate.
const LIKELY_BURST: f64 = 40.0;
/// So many refusals with nothing let through in between, each at a lower rate, mean that asking slower does not help.
const REFUSALS_IN_A_ROW: u32 = 5;
/// Being refused for so long, where the known rate says that one of the next requests should have passed, is a penalty.
const PENALTY_SECONDS: f64 = 5.0;
/// The same, where the rate is not known.
const PENALTY_SECONDS_UNKNOWN: f64 = 20.0;
/// How long to stay below the limit after a penalty, as a multiple of what it cost: probing may cost 3 % at most.
const PENALTY_MEMORY: f64 = 30.0;
/// The first rate after a penalty that came before the rate was known.
const AFTER_PENALTY: f64 = 1.0;
/// A rate beyond this multiple of what was usual is a limit that has risen, not another sender that has less.
const RISEN: f64 = 1.5;
/// The same, downwards. Between the two, what is usual stays as it is: two who share a limit take equal steps as long as
/// they agree on it.
const FALLEN: f64 = 0.27;
/// A rate that rose fast to where it was refused keeps a part of that, at most this many times what was let through on
/// average: else the one who has less and rises would be cut more than the one who has much.
const RISER: f64 = 2.8;
/// A swing that ends within this part of its length met expectations: the limit has not changed.
const STEADY: f64 = 0.3;
/// Each such swing makes the next one longer by this factor, …
const CALMER: f64 = 1.1;
/// … and any other one shorter by this, …
const ALARMED: f64 = 0.6;
/// … but not below this part of the usual length.
const LEAST_PATIENCE: f64 = 0.56;
/// Nor above this part. A narrow range: one who is calmer than another gets less than it.
pub(super) const MOST_PATIENCE: f64 = 0.9;
/// After a refusal, this many requests are left out, as far as the service's bucket keeps them: answers and requests do
/// not come in order, and an empty bucket would refuse some of them for that alone.
const CUSHION: f64 = 0.8;
/// The first rate after a penalty: this many requests in the time that the penalty took.
const AFTER_REFUSED: f64 = 4.0;
/// What counts as usual at first is not less than this many requests a second: a sender that found little because another
/// one was there first must be able to grow.
const LEAST_REFERENCE: f64 = 1.3;

impl Controller {
    pub(super) fn slow_down(
        &mut self,
        ticket: Ticket,
        now: Duration,
        measured: Measured,
        searched: Measured,
    ) {
        self.refusals += 1;
        if self.refusals == 1 {
            self.refused_since = ticket.sent;
        }
        let rate = ticket.rate;
        if measured.requests < ENOUGH {
            // A penalty ends with a full bucket. This one did not: others had emptied it, or little flows into it.
            self.penalty = 0.0;
        }
        self.reaction = self.sent;
        let mode = self.after_refusal(rate, measured, searched);
        self.flattered = 0.0;
        self.begin(mode, now);
        // A service that made us pay before is not asked twice.
        if self.refusals >= REFUSALS_IN_A_ROW || self.penalty > 0.0 {
            let first_wait = seconds((1.0 / self.rate()).max(0.25)).min(self.settings.longest_wait);
            let refused = Refused::new(self.refused_since, first_wait, self.penalty_wait);
            self.refused = Some(refused.and_wait(now, self.settings.longest_wait, &mut self.jitter));
            self.tell(0.0, Reason::Penalty);
        } else {
            self.tell(self.rate(), Reason::Throttled);
        }
    }

    /// The mode after the first refusal since something was let through.
    fn after_refusal(&mut self, rate: f64, measured: Measured, searched: Measured) -> Mode {
        match self.mode {
            Mode::Ramp => {
                self.ramp = measured;
                let beyond = (measured.requests - LIKELY_BURST) / measured.seconds.max(1e-3);
                self.search((measured.rate() * AFTER_BURST).max(0.7 * beyond).clamp(rate / 8.0, rate / 2.0))
            }
            Mode::Search { growth, .. } if self.flattered > 0.0 => {
                let centre = draining(rate, growth, self.flattered);
                self.cruise(centre)
            }
            Mode::Search { .. } if searched.requests >= ENOUGH => {
                let centre = searched.rate().min(rate);
                self.burst = (self.ramp.requests - centre * self.ramp.seconds).max(0.0);
                self.cruise(centre)
            }
            Mode::Search { .. } => self.search_on(rate),
            Mode::Cruise(swing) => self.swing_again(swing, rate, measured),
        }
    }

    /// The next swing, from what the last one met.
    fn swing_again(&mut self, swing: Swing, rate: f64, measured: Measured) -> Mode {
        let steady = (self.sending / swing.seconds - 1.0).abs() < STEADY;
        let factor = if steady { CALMER } else { ALARMED };
        self.patience = (self.patience * factor).clamp(LEAST_PATIENCE, MOST_PATIENCE);
        // Few requests measure badly, and so does a time in which answers overtake each other. But then the time was
        // short, and the rate at its end is what was let through.
        let settled = (measured.seconds / (2.0 * self.latency_or_guess())).min(1.0);
        let weight = settled * measured.requests / (measured.requests + 5.0);
        let found = measured.rate() * weight + rate.min(swing.upper()) * (1.0 - weight);
        let least = (rate / (1.0 + 2.0 * self.settings.swing)).min(RISER * found);
        let centre = found.max(least).min(rate);
        let again = if self.refusals > 2 { SEARCH_STEP } else { 1.0 };
        self.cruise(again * centre)
    }

    /// Searches lower: the rate was refused.
    fn search_on(&mut self, rate: f64) -> Mode {
        // Where much is under way, each step is dear.
        let step = if rate * self.latency_or_guess() > 2.0 { SEARCH_STEP * SEARCH_STEP } else { SEARCH_STEP };
        self.misses += 1;
        searching(step * rate, SEARCH_STEP.powf(f64::from(self.misses.min(8))), self.latency_or_guess())
    }

    fn latency_or_guess(&self) -> f64 {
        self.latency.unwrap_or(0.1).max(1e-3)
    }

    /// Begins to search.
    fn search(&mut self, from: f64) -> Mode {
        self.misses = 0;
        self.meter.drop_anchor();
        searching(from, 1.0, self.latency_or_guess())
    }

    fn cruise(&mut self, centre: f64) -> Mode {
        let centre = centre.max(LEAST_RATE);
        self.measured = Some(centre);
        self.reference = match self.mode {
            Mode::Cruise(_) => {
                let far = centre > RISEN * self.reference || centre < FALLEN * self.reference;
                self.reference + if far { 0.3 * (centre - self.reference) } else { 0.0 }
            }
            _ => centre.max(LEAST_REFERENCE),
        };
        Mode::Cruise(Swing::around(
            centre,
            Shape {
                widest: self.settings.swing,
                seconds_at_small: self.settings.swing_time.as_secs_f64(),
                requests_per_refusal: self.settings.requests_per_refusal,
                latency: self.latency_or_guess(),
                patience: self.patience,
                reference: self.reference,
                hold: PENALTY_MEMORY * self.penalty,
            },
        ))
    }

    fn begin(&mut self, mode: Mode, now: Duration) {
        self.mode = mode;
        self.sending = 0.0;
        let rate = self.rate();
        self.due = now + seconds((1.0 + CUSHION.min(self.burst / 4.0)) / rate);
        self.slot = self.due + seconds(JITTER * self.jitter.unit() / rate);
    }

    pub(super) fn let_through_again(&mut self, refused: Refused, ticket: Ticket, now: Duration) {
        self.refused = None;
        let blocked = ticket.sent.saturating_sub(refused.since).as_secs_f64();
        let was_penalty = match self.measured {
            Some(rate) => blocked >= PENALTY_SECONDS && blocked * rate >= 10.0,
            None => blocked >= PENALTY_SECONDS_UNKNOWN,
        };
        let mode = if was_penalty {
            self.penalty = self.penalty.max(blocked);
            self.penalty_wait = Some(refused.last_wait);
            // The bucket filled up meanwhile: what it gives now says nothing about the rate.
            self.meter.mark(ticket);
            self.flattered = self.ramp.requests;
            match self.measured {
                Some(rate) => self.cruise(rate),
                None => self.search(AFTER_PENALTY.min(self.rate())),
            }
        } else {
            self.search((AFTER_REFUSED / blocked.max(1e-3)).min(self.rate()))
        };
        self.begin(mode, now);
        self.tell(self.rate(), Reason::Recovered);
    }
}

fn searching(from: f64, eagerness: f64, latency: f64) -> Mode {
    let from = from.max(LEAST_RATE);
    let growth = fastest_growth(from, latency);
    Mode::Search { from, growth: eagerness * growth }
}

/// The rate of a service whose full bucket was emptied by a rate that grew by `e^growth` a second until it was `rate`: the
/// bucket gave what exceeded the service's rate since it was passed, `burst` requests in all.
fn draining(rate: f64, growth: f64, burst: f64) -> f64 {
    let given = |service: f64| (rate - service - service * (rate / service).ln()) / growth;
    let (mut low, mut high) = (LEAST_RATE, rate.max(LEAST_RATE));
    // Each step halves the range: 40 leave less than a millionth of a millionth.
    for _ in 0..40 {
        let middle = f64::midpoint(low, high);
        if given(middle) > burst { low = middle } else { high = middle }
    }
    low
}
