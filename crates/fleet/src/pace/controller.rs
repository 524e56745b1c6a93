//! The state machine of the pace: when the next request may be sent, and what is known about the limit. `decide` interprets
//! refusals and responses.

mod decide;

use super::cruise::Swing;
use super::jitter::Jitter;
use super::meter::{Measured, Meter};
use super::refused::Refused;
use super::settings::Settings;
use super::ticket::{Next, Phase, RateChange, Reason, Ticket};
use std::time::Duration;

/// During the ramp, each response adds this many requests per second. The rate doubles about three times per second if
/// responses are fast, and waits for slow ones.
const RAMP_GAIN: f64 = 1.0;
/// Timers wake a sleeper up to this many seconds late; requests that were due meanwhile are sent at once.
const TIMER: f64 = 0.002;
/// Each request is delayed by up to this fraction of the interval, so that senders do not synchronise.
const JITTER: f64 = 0.15;
/// The minimum rate, unless `--rate` is lower: one request per minute. Oracle, "REST APIs": back off "to a maximum of 60
/// seconds". Without a minimum, refusals that are independent of the rate would lower it forever; if the service really allows
/// less, the pauses of `refused` become longer than that.
pub const LEAST_RATE: f64 = 1.0 / 60.0;
/// The last requests of a sender may be sent at once, up to this fraction of what the service's bucket should have kept.
const LAST: f64 = 0.8;
/// A longer `Retry-After` is treated as a mistake of the service.
pub const LONGEST_HOLD: Duration = Duration::from_mins(10);

#[derive(Clone, Copy, Debug)]
enum Mode {
    Ramp,
    Search { from: f64, growth: f64 },
    Cruise(Swing),
}

/// Decides for one class of requests. See the documentation of the module.
#[derive(Clone, Debug)]
pub struct Controller {
    settings: Settings,
    jitter: Jitter,
    mode: Mode,
    refused: Option<Refused>,
    meter: Meter,
    /// Seconds of sending since the mode began; idle time does not count.
    sending: f64,
    /// When the next request is due, before jitter. It may be in the past after idle time.
    due: Duration,
    /// The same with jitter.
    slot: Duration,
    hold_until: Duration,
    last_sent: Duration,
    sent: u64,
    delivered: u64,
    in_flight: u32,
    window: f64,
    /// The last request sent before the rate was lowered: refusals of earlier requests contain no news.
    reaction: u64,
    refusals: u32,
    /// Searches that ended before they measured anything.
    misses: u32,
    refused_since: Duration,
    latency: Option<f64>,
    measured: Option<f64>,
    /// The requests that the ramp got through, and its duration in seconds.
    ramp: Measured,
    burst: f64,
    patience: f64,
    /// The usual rate of the recent past.
    reference: f64,
    /// The duration of the most expensive penalty, in seconds.
    penalty: f64,
    /// The pause after which the last penalty was over.
    penalty_wait: Option<Duration>,
    /// Requests that a full bucket may have admitted since the meter's mark.
    flattered: f64,
    /// Whether the last swing measured what was known, as it does for a sender that shares its limit with nobody.
    is_alone: bool,
    /// The requests that have yet to be answered, sent or not, if their number is known.
    outstanding: Option<u64>,
    reported: f64,
    change: Option<RateChange>,
}

/// The controller's knowledge, for the progress line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Snapshot {
    /// Its current phase.
    pub phase: Phase,
    /// Requests per second that may be sent now; 0 while refused.
    pub rate: f64,
    /// Requests in flight.
    pub in_flight: u32,
    /// The rate last measured between two refusals, in requests per second.
    pub measured: Option<f64>,
    /// The size of the service's bucket, as far as known.
    pub burst: f64,
    /// When the next request may be sent.
    pub next: Duration,
}

impl Controller {
    /// A controller without measurements. The seed determines its jitter, so each process needs its own.
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
            patience: decide::MOST_PATIENCE,
            reference: 1.0,
            penalty: 0.0,
            penalty_wait: None,
            flattered: 0.0,
            is_alone: false,
            outstanding: None,
            change: None,
        }
    }

    /// Whether the next request may be sent. [`Next::Now`] counts it as sent.
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
        if now < self.slot && !self.are_last_kept(now) {
            return Next::At(self.slot);
        }
        Next::Now(self.send(now))
    }

    /// Notes how many requests have yet to be answered, sent or not.
    pub fn note_outstanding(&mut self, outstanding: u64) {
        self.outstanding = Some(outstanding);
    }

    /// The requests that have yet to be sent, if their number is known.
    fn left(&self) -> Option<f64> {
        let left = self.outstanding?.saturating_sub(u64::from(self.in_flight));
        Some(left as f64)
    }

    /// Whether fewer requests are left than this swing has: then the limit need not be confirmed once more.
    fn is_last(&self, swing: Swing) -> bool {
        self.is_alone && self.left().is_some_and(|left| left < swing.centre * swing.seconds)
    }

    /// Whether all requests that are left fit into what the bucket has kept since it was last seen empty. Then there is nothing
    /// to keep it for: a run that ends in the lower half of a swing would leave admitted requests unused.
    fn are_last_kept(&self, now: Duration) -> bool {
        let (Mode::Cruise(swing), None, Some(left)) = (self.mode, self.settings.rate_cap, self.left()) else {
            return false;
        };
        let since = self.meter.since_mark(self.sent, now);
        let kept = (swing.centre * since.seconds - since.requests).min(self.burst);
        self.is_alone && self.penalty <= 0.0 && since.requests >= decide::ENOUGH && left <= LAST * kept
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
        // Requests that were not sent in time may be sent at once later, up to the number that the service's bucket has kept.
        let kept = if self.settings.rate_cap.is_some() {
            1.0
        } else {
            (self.burst / 2.0).max(1.0).max(TIMER * rate)
        };
        self.due = self.due.max(now.saturating_sub(seconds(kept / rate))) + seconds(1.0 / rate);
        self.slot = self.due + seconds(JITTER * self.jitter.unit() / rate);
        Ticket { number: self.sent, sent: now, rate }
    }

    /// Requests per second, capped.
    fn rate(&self) -> f64 {
        let rate = match self.mode {
            Mode::Ramp => self.settings.first_rate + RAMP_GAIN * self.delivered as f64,
            Mode::Search { from, growth } => from * (growth * self.sending).min(20.0).exp(),
            Mode::Cruise(swing) if self.is_last(swing) => swing.last_rate(self.sending),
            Mode::Cruise(swing) => swing.rate(self.sending),
        };
        rate.clamp(LEAST_RATE, 1e6).min(self.settings.rate_cap.unwrap_or(f64::INFINITY))
    }

    /// The service admitted the request, whatever its response: a launch that finds no capacity was not throttled.
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

    /// The service refused the request with 429.
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

    /// The request returned without a response that shows whether it was admitted.
    pub fn on_lost(&mut self, ticket: Ticket, now: Duration) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.meter.lost(ticket);
        if let Some(refused) = self.refused.filter(|_| ticket.number > self.reaction) {
            self.refused = Some(refused.and_wait(now, self.settings.longest_wait, &mut self.jitter));
        }
    }

    /// A snapshot of its knowledge.
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

    /// The last change that was not taken yet.
    pub fn take_change(&mut self) -> Option<RateChange> {
        self.change.take()
    }

    fn tell(&mut self, rate: f64, reason: Reason) {
        self.reported = rate;
        self.change = Some(RateChange { rate, reason });
    }

    /// Reports growth in steps instead of with each request.
    fn tell_probe(&mut self, rate: f64) {
        if rate > 1.5 * self.reported && self.refused.is_none() {
            self.tell(rate, Reason::Probe);
        }
    }
}

/// Seconds as a duration, limited to far longer than any run.
fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds.clamp(0.0, 86_400.0))
}
