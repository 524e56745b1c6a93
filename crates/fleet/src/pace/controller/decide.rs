//! Decides what refusals and responses mean for the rate.
//!
//! The constants below were found by search: thousands of variants ran against the model server of the `lab` crate, and the
//! best one over a table of limits, latencies, changes and competing senders was kept (`docs/pacing.md`).

use super::{Controller, JITTER, LEAST_RATE, Mode, seconds};
use crate::pace::cruise::{Shape, Swing, fastest_growth};
use crate::pace::meter::Measured;
use crate::pace::refused::Refused;
use crate::pace::ticket::{Reason, Ticket};
use std::time::Duration;

/// The search begins at this fraction of the ramp's rate, because the burst made the service look faster than it is.
const AFTER_BURST: f64 = 0.17;
/// This many admitted requests between two refusals measure the rate well enough to swing around it.
pub(super) const ENOUGH: f64 = 8.0;
/// The search continues at this fraction of the refused rate. The step is small so that two concurrent searches end at similar
/// rates.
const SEARCH_STEP: f64 = 0.75;
/// The assumed bucket size until it is measured; what the ramp got beyond it is rate.
const LIKELY_BURST: f64 = 40.0;
/// After this many consecutive refusals without an admitted request, each at a lower rate, asking more slowly does not help.
const REFUSALS_IN_A_ROW: u32 = 5;
/// Being refused for this long, although by the known rate one of the next requests should have passed, is a penalty.
const PENALTY_SECONDS: f64 = 5.0;
/// The same if the rate is unknown.
const PENALTY_SECONDS_UNKNOWN: f64 = 20.0;
/// How long to stay below the limit after a penalty, as a multiple of its cost: probing may cost at most 3 %.
const PENALTY_MEMORY: f64 = 30.0;
/// The first rate after a penalty that came before the rate was known.
const AFTER_PENALTY: f64 = 1.0;
/// A rate above this multiple of the usual rate means that the limit has risen, not that another sender uses less.
const RISEN: f64 = 1.5;
/// The same for a fall. Between the two, the usual rate stays unchanged: two senders that share a limit take equal steps as
/// long as they agree on it.
const FALLEN: f64 = 0.27;
/// A rate that rose quickly until it was refused keeps a part of that, at most this multiple of the average admitted rate.
/// Otherwise a sender with a small, rising share would be cut more than one with a large share.
const RISER: f64 = 2.8;
/// A swing that ends within this fraction of its length met expectations: the limit has not changed.
const STEADY: f64 = 0.3;
/// Two swings that measure rates within this fraction of each other measure the whole rate of the service: a lone sender's are
/// within 1 to 3 % of each other, and those of senders that share a limit move with what the others take.
const SAME: f64 = 0.05;
/// The factor by which each such swing lengthens the next one …
const CALMER: f64 = 1.1;
/// … and by which any other swing shortens it …
const ALARMED: f64 = 0.6;
/// … down to this fraction of the usual length …
const LEAST_PATIENCE: f64 = 0.56;
/// … and up to this one. The range is narrow because a sender with longer swings gets a smaller share.
pub(super) const MOST_PATIENCE: f64 = 0.9;
/// After a refusal, this many requests are skipped if the service's bucket keeps them: responses and requests arrive out of
/// order, and an empty bucket would refuse some of them for that reason alone.
const CUSHION: f64 = 0.8;
/// The first rate after a penalty: this many requests in the duration of the penalty.
const AFTER_REFUSED: f64 = 4.0;
/// The minimum of the initial usual rate, in requests per second, so that a sender that found little because another one was
/// first can grow.
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
            // A penalty ends with a full bucket. This one did not: other senders had emptied it, or it fills slowly.
            self.penalty = 0.0;
        }
        self.reaction = self.sent;
        let mode = self.after_refusal(rate, measured, searched);
        self.flattered = 0.0;
        self.begin(mode, now);
        // After an earlier penalty the service is not asked twice.
        if self.refusals >= REFUSALS_IN_A_ROW || self.penalty > 0.0 {
            let first_wait = seconds((1.0 / self.rate()).max(0.25)).min(self.settings.longest_wait);
            let refused = Refused::new(self.refused_since, first_wait, self.penalty_wait);
            self.refused = Some(refused.and_wait(now, self.settings.longest_wait, &mut self.jitter));
            self.tell(0.0, Reason::Penalty);
        } else {
            self.tell(self.rate(), Reason::Throttled);
        }
    }

    /// The mode after the first refusal since a request was admitted.
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

    /// The next swing, based on the last one.
    fn swing_again(&mut self, swing: Swing, rate: f64, measured: Measured) -> Mode {
        let is_steady = (self.sending / swing.seconds - 1.0).abs() < STEADY;
        self.is_alone = is_steady && (measured.rate() / swing.centre - 1.0).abs() < SAME;
        let factor = if is_steady { CALMER } else { ALARMED };
        self.patience = (self.patience * factor).clamp(LEAST_PATIENCE, MOST_PATIENCE);
        // Few requests measure poorly, and so does a time in which responses overtake each other. But then the time was short,
        // and the rate at its end is what was admitted.
        let settled = (measured.seconds / (2.0 * self.latency_or_guess())).min(1.0);
        let weight = settled * measured.requests / (measured.requests + 5.0);
        let found = measured.rate() * weight + rate.min(swing.upper()) * (1.0 - weight);
        let least = (rate / (1.0 + 2.0 * self.settings.swing)).min(RISER * found);
        let centre = found.max(least).min(rate);
        let again = if self.refusals > 2 { SEARCH_STEP } else { 1.0 };
        self.cruise(again * centre)
    }

    /// Searches lower because the rate was refused.
    fn search_on(&mut self, rate: f64) -> Mode {
        // If many requests are in flight, each step is expensive.
        let step = if rate * self.latency_or_guess() > 2.0 { SEARCH_STEP * SEARCH_STEP } else { SEARCH_STEP };
        self.misses += 1;
        searching(step * rate, SEARCH_STEP.powf(f64::from(self.misses.min(8))), self.latency_or_guess())
    }

    fn latency_or_guess(&self) -> f64 {
        self.latency.unwrap_or(0.1).max(1e-3)
    }

    /// Begins a search.
    fn search(&mut self, from: f64) -> Mode {
        self.is_alone = false;
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
            // The bucket filled up meanwhile, so what it admits now says nothing about the rate.
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

/// The rate of a service whose full bucket was emptied by a rate that grew by `e^growth` per second up to `rate`: since the
/// growing rate passed the service's rate, the bucket supplied the excess, `burst` requests in total.
fn draining(rate: f64, growth: f64, burst: f64) -> f64 {
    let given = |service: f64| (rate - service - service * (rate / service).ln()) / growth;
    let (mut low, mut high) = (LEAST_RATE, rate.max(LEAST_RATE));
    // Each step halves the range, so 40 steps leave less than a millionth of a millionth.
    for _ in 0..40 {
        let middle = f64::midpoint(low, high);
        if given(middle) > burst { low = middle } else { high = middle }
    }
    low
}
