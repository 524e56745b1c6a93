//! The state machine: what an answer means for the rate, and when the next request may leave.

use super::cruise::{Shape, Swing, fastest_growth};
use super::jitter::Jitter;
use super::meter::{Measured, Meter};
use super::refused::Refused;
use super::settings::Settings;
use super::ticket::{Change, Next, Phase, Reason, Ticket};
use std::time::Duration;

/// In the ramp, each answer adds this many requests a second: the rate doubles about three times a second where answers
/// are quick, and waits for them where they are slow.
const RAMP_GAIN: f64 = 2.0;
/// The search begins at this part of what the ramp sent a second: its burst made it look faster than the service is.
const AFTER_BURST: f64 = 0.25;
/// So many requests let through between two refusals measure the rate well enough to swing around it.
const ENOUGH: f64 = 8.0;
/// The search goes on at this part of the rate that was refused. A small step: two that search at once end up alike.
const SEARCH_STEP: f64 = 0.7;
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
/// The part that a newly measured rate has in what counts as usual.
const REFERENCE_WEIGHT: f64 = 0.1;
/// A rate that rose fast to where it was refused keeps a part of that, at most this many times what was let through on
/// average: else the one who has less and rises would be cut more than the one who has much.
const RISER: f64 = 1.3;
/// Timers wake a sleeper up to so many seconds late: what was due meanwhile leaves at once.
const TIMER: f64 = 0.002;
/// After a refusal, this many requests are left out, as far as the service's bucket keeps them: answers and requests do
/// not come in order, and an empty bucket would refuse some of them for that alone.
const CUSHION: f64 = 2.0;
/// Each request leaves late by up to this part of the time between two, so that senders do not fall into step.
const JITTER: f64 = 0.15;
/// The first rate after being refused for a time is so many requests in that time.
const AFTER_REFUSED: f64 = 4.0;
/// What counts as usual at first is not less than this many requests a second: a sender that found little because another
/// one was there first must be able to grow.
const LEAST_REFERENCE: f64 = 4.0;
/// No rate is lower: one request in ten minutes.
const LEAST_RATE: f64 = 1.0 / 600.0;
/// A `Retry-After` beyond this is taken for a mistake of the service.
const LONGEST_HOLD: Duration = Duration::from_mins(10);

#[derive(Clone, Copy, Debug)]
enum Mode {
    Ramp,
    Search { from: f64, growth: f64 },
    Cruise(Swing),
}

/// Decides for one class of requests. See the module's documentation.
#[derive(Clone, Debug)]
pub struct Controller {
    settings: Settings,
    jitter: Jitter,
    mode: Mode,
    refused: Option<Refused>,
    meter: Meter,
    /// Seconds of sending since the mode began: time in which nobody wanted to send does not count.
    sending: f64,
    /// When the next request is due, before jitter: may lie in the past when nobody wanted to send.
    due: Duration,
    /// The same with jitter.
    slot: Duration,
    hold_until: Duration,
    last_sent: Duration,
    sent: u64,
    delivered: u64,
    in_flight: u32,
    window: f64,
    /// The last request that had left when the rate was lowered: what was refused before it is no news.
    reaction: u64,
    refusals: u32,
    /// Searches that ended before they measured anything.
    misses: u32,
    refused_since: Duration,
    latency: Option<f64>,
    measured: Option<f64>,
    /// What the ramp got through, and in how many seconds.
    ramp: Measured,
    burst: f64,
    patience: f64,
    /// The rate that was usual lately.
    reference: f64,
    /// Seconds that the dearest penalty took.
    penalty: f64,
    /// The pause after which the last penalty was over.
    penalty_wait: Option<Duration>,
    /// Requests that a full bucket may have given since the meter's mark.
    flattered: f64,
    reported: f64,
    change: Option<Change>,
}

/// What the controller knows, for the progress line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Snapshot {
    /// What it is doing.
    pub phase: Phase,
    /// Requests a second that may leave now; 0 while refused.
    pub rate: f64,
    /// Requests under way.
    pub in_flight: u32,
    /// The rate last measured between two refusals, requests a second.
    pub measured: Option<f64>,
    /// What the service's bucket holds, as far as known.
    pub burst: f64,
    /// When the next request may leave.
    pub next: Duration,
}

impl Controller {
    /// A controller that has seen nothing. The seed makes its jitter: give each process another one.
    pub fn new(settings: Settings, seed: u64) -> Self {
        Self {
            window: f64::from(settings.first_window.max(1)),
            reported: settings.first_rate,
            settings,
            jitter: Jitter::new(seed),
            mode: Mode::Ramp,
            refused: None,
            meter: Meter::new(),
            sending: 0.0,
            due: Duration::ZERO,
            slot: Duration::ZERO,
            hold_until: Duration::ZERO,
            last_sent: Duration::ZERO,
            sent: 0,
            delivered: 0,
            in_flight: 0,
            reaction: 0,
            refusals: 0,
            misses: 0,
            refused_since: Duration::ZERO,
            latency: None,
            measured: None,
            ramp: Measured { requests: 0.0, seconds: 0.0 },
            burst: 0.0,
            patience: 0.4,
            reference: 1.0,
            penalty: 0.0,
            penalty_wait: None,
            flattered: 0.0,
            change: None,
        }
    }

    /// Whether the next request may leave. [`Next::Now`] counts it as sent.
    pub fn next(&mut self, now: Duration) -> Next {
        if self.in_flight >= self.settings.concurrency_cap.max(1) {
            return Next::WhenOneReturns;
        }
        if now < self.hold_until {
            return Next::At(self.hold_until);
        }
        if let Some(refused) = &mut self.refused {
            if refused.probing || self.in_flight > 0 {
                return Next::WhenOneReturns;
            }
            if now < refused.next {
                return Next::At(refused.next);
            }
            refused.probing = true;
            return Next::Now(self.send(now));
        }
        if matches!(self.mode, Mode::Ramp) && f64::from(self.in_flight) >= self.window {
            return Next::WhenOneReturns;
        }
        if now < self.slot {
            return Next::At(self.slot);
        }
        Next::Now(self.send(now))
    }

    fn send(&mut self, now: Duration) -> Ticket {
        if self.sent == 0 {
            self.meter.begin(now);
            self.last_sent = now;
            self.due = now;
        }
        let rate = self.rate();
        self.sending += now.saturating_sub(self.last_sent).as_secs_f64().min(2.0 / rate);
        self.last_sent = now;
        self.sent += 1;
        self.in_flight += 1;
        let rate = self.rate();
        self.tell_probe(rate);
        // What was not sent in its time may be sent later at once, as far as the service's bucket will have kept it.
        let kept = if self.settings.rate_cap.is_some() { 1.0 } else { (self.burst / 2.0).max(1.0).max(TIMER * rate) };
        self.due = self.due.max(now.saturating_sub(seconds(kept / rate))) + seconds(1.0 / rate);
        self.slot = self.due + seconds(JITTER * self.jitter.unit() / rate);
        Ticket { number: self.sent, sent: now, rate }
    }

    /// Requests a second, capped.
    fn rate(&self) -> f64 {
        let rate = match self.mode {
            Mode::Ramp => self.settings.first_rate + RAMP_GAIN * self.delivered as f64,
            Mode::Search { from, growth } => from * (growth * self.sending).min(20.0).exp(),
            Mode::Cruise(swing) => swing.rate(self.sending),
        };
        rate.min(self.settings.rate_cap.unwrap_or(f64::INFINITY)).clamp(LEAST_RATE, 1e6)
    }

    /// The service let it through, whatever it answered: a launch that finds no capacity was not throttled.
    pub fn on_success(&mut self, ticket: Ticket, now: Duration) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.delivered += 1;
        let latency = now.saturating_sub(ticket.sent).as_secs_f64();
        self.latency = Some(self.latency.map_or(latency, |known| known + 0.1 * (latency - known)));
        self.window += if self.window < 16.0 { 1.0 } else { 0.5 };
        if ticket.number > self.reaction {
            self.refusals = 0;
        }
        if let Some(refused) = self.refused.filter(|_| ticket.number > self.reaction) {
            self.let_through_again(refused, ticket, now);
        }
    }

    /// The service refused it with 429.
    pub fn on_throttled(&mut self, ticket: Ticket, now: Duration, retry_after: Option<Duration>) {
        self.in_flight = self.in_flight.saturating_sub(1);
        if let Some(pause) = retry_after {
            let pause = pause.min(LONGEST_HOLD).mul_f64(1.0 + 0.1 * self.jitter.unit());
            self.hold_until = self.hold_until.max(now + pause);
        }
        let (measured, searched) = (self.meter.until(ticket), self.meter.since_anchor(ticket));
        self.meter.mark(ticket);
        if ticket.number <= self.reaction {
            return;
        }
        if let Some(refused) = self.refused {
            self.refused = Some(refused.and_wait(now, self.settings.longest_wait, &mut self.jitter));
            self.reaction = self.sent;
            return;
        }
        self.slow_down(ticket, now, measured, searched);
    }

    /// It came back without an answer that tells whether it was let through.
    pub fn on_lost(&mut self, ticket: Ticket, now: Duration) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.meter.lost(ticket);
        if let Some(refused) = self.refused.filter(|_| ticket.number > self.reaction) {
            self.refused = Some(refused.and_wait(now, self.settings.longest_wait, &mut self.jitter));
        }
    }

    /// What it knows.
    pub fn snapshot(&self) -> Snapshot {
        let phase = match (self.refused, self.mode) {
            (Some(_), _) => Phase::Refused,
            (None, Mode::Ramp) => Phase::Ramp,
            (None, Mode::Search { .. }) => Phase::Search,
            (None, Mode::Cruise(_)) => Phase::Cruise,
        };
        Snapshot {
            phase,
            rate: if self.refused.is_some() { 0.0 } else { self.rate() },
            in_flight: self.in_flight,
            measured: self.measured,
            burst: self.burst,
            next: self.refused.map_or(self.slot, |refused| refused.next).max(self.hold_until),
        }
    }

    /// The last change that was not asked for yet.
    pub fn take_change(&mut self) -> Option<Change> {
        self.change.take()
    }

    fn slow_down(&mut self, ticket: Ticket, now: Duration, measured: Measured, searched: Measured) {
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
                self.cruise(centre, false)
            }
            Mode::Search { .. } if searched.requests >= ENOUGH => {
                let centre = searched.rate().min(rate);
                self.burst = (self.ramp.requests - centre * self.ramp.seconds).max(0.0);
                self.cruise(centre, false)
            }
            Mode::Search { .. } => self.search_on(rate),
            Mode::Cruise(swing) => {
                let steady = (self.sending / swing.seconds - 1.0).abs() < 0.3;
                self.patience = if steady { self.patience * 1.2 } else { self.patience * 0.7 }.clamp(0.4, 1.4);
                // Few requests measure badly; but then the time was short, and the rate now is what was let through.
                let settled = (measured.seconds / (2.0 * self.latency.unwrap_or(0.1)).max(1e-3)).min(1.0);
                let weight = settled * measured.requests / (measured.requests + 5.0);
                let found = measured.rate() * weight + rate.min(swing.upper()) * (1.0 - weight);
                let least = (rate / (1.0 + 2.0 * self.settings.swing)).min(RISER * found);
                let centre = found.max(least).min(rate);
                let again = if self.refusals > 2 { SEARCH_STEP } else { 1.0 };
                self.cruise(again * centre, measured.requests < 6.0)
            }
        }
    }

    /// Searches lower: the rate was refused.
    fn search_on(&mut self, rate: f64) -> Mode {
        // Where much is under way, each step is dear.
        let step = if rate * self.latency.unwrap_or(0.1) > 2.0 { SEARCH_STEP * SEARCH_STEP } else { SEARCH_STEP };
        self.misses += 1;
        searching(step * rate, SEARCH_STEP.powi(self.misses.min(8) as i32), self.latency)
    }

    /// Begins to search.
    fn search(&mut self, from: f64) -> Mode {
        self.misses = 0;
        self.meter.drop_anchor();
        searching(from, 1.0, self.latency)
    }

    fn cruise(&mut self, centre: f64, few: bool) -> Mode {
        let centre = centre.max(LEAST_RATE);
        self.measured = Some(centre);
        self.reference = match self.mode {
            Mode::Cruise(_) => {
                let weight = if few { 3.0 * REFERENCE_WEIGHT } else { REFERENCE_WEIGHT };
                self.reference + weight * (centre - self.reference)
            }
            _ => centre.max(LEAST_REFERENCE),
        };
        Mode::Cruise(Swing::around(
            centre,
            Shape {
                widest: self.settings.swing,
                seconds_at_ten: self.settings.swing_time.as_secs_f64(),
                requests_per_refusal: self.settings.requests_per_refusal,
                burst: self.burst,
                latency: self.latency.unwrap_or(0.1),
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

    fn let_through_again(&mut self, refused: Refused, ticket: Ticket, now: Duration) {
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
                Some(rate) => self.cruise(rate, false),
                None => self.search(AFTER_PENALTY.min(self.rate())),
            }
        } else {
            self.search((AFTER_REFUSED / blocked.max(1e-3)).min(self.rate()))
        };
        self.begin(mode, now);
        self.tell(self.rate(), Reason::Recovered);
    }

    fn tell(&mut self, rate: f64, reason: Reason) {
        self.reported = rate;
        self.change = Some(Change { rate, reason });
    }

    /// Growth is told in steps, not with each request.
    fn tell_probe(&mut self, rate: f64) {
        if rate > 1.5 * self.reported && self.refused.is_none() {
            self.tell(rate, Reason::Probe);
        }
    }
}

fn searching(from: f64, eagerness: f64, latency: Option<f64>) -> Mode {
    let from = from.max(LEAST_RATE);
    let growth = fastest_growth(from, latency.unwrap_or(0.1));
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

/// Seconds as a duration; far beyond any run where they are many.
fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds.clamp(0.0, 86_400.0))
}
