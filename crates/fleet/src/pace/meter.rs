//! Measures the admitted rate.
//!
//! A refusal shows that the bucket was empty. Between two refusals the bucket starts and ends empty, so the requests admitted
//! in between are exactly what flowed into it: their number divided by the time is the limit (or this sender's share, if others
//! use it too). No window has to be chosen, and a burst cannot distort the result.

use super::ticket::Ticket;
use std::time::Duration;

/// Counts requests between refusals.
#[derive(Clone, Debug)]
pub(super) struct Meter {
    /// The last refused request, or the start of counting.
    mark: Ticket,
    /// Requests after the mark that were sent but not admitted.
    not_delivered: u64,
    /// An earlier mark, used to measure a rate that takes several refusals to find.
    anchor: Ticket,
    /// Requests after the anchor that were sent but not admitted.
    not_delivered_since_anchor: u64,
}

/// The requests admitted between two refusals.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measured {
    pub(super) requests: f64,
    pub(super) seconds: f64,
}

impl Measured {
    pub(super) fn rate(self) -> f64 {
        self.requests / self.seconds.max(1e-3)
    }
}

impl Meter {
    pub(super) fn new() -> Self {
        let start = Ticket { number: 0, sent: Duration::ZERO, rate: 0.0 };
        Self { mark: start, not_delivered: 0, anchor: start, not_delivered_since_anchor: 0 }
    }

    /// Counting starts when the first request is sent.
    pub(super) fn begin(&mut self, now: Duration) {
        self.mark.sent = now;
    }

    /// The requests admitted from the mark to this refused request.
    pub(super) fn until(&self, refused: Ticket) -> Measured {
        between(self.mark, refused, self.not_delivered)
    }

    /// The requests sent since the mark, the last of them with this number, that were admitted or may yet be.
    pub(super) fn since_mark(&self, sent: u64, now: Duration) -> Measured {
        let admitted = sent.saturating_sub(self.mark.number + self.not_delivered);
        Measured { requests: admitted as f64, seconds: now.saturating_sub(self.mark.sent).as_secs_f64() }
    }

    /// The requests admitted from the anchor to this refused request.
    pub(super) fn since_anchor(&self, refused: Ticket) -> Measured {
        between(self.anchor, refused, self.not_delivered_since_anchor)
    }

    /// Makes the last mark the anchor.
    pub(super) fn drop_anchor(&mut self) {
        self.anchor = self.mark;
        self.not_delivered_since_anchor = self.not_delivered;
    }

    /// Sets the mark: the bucket was empty when this request arrived.
    pub(super) fn mark(&mut self, refused: Ticket) {
        if refused.number > self.anchor.number {
            self.not_delivered_since_anchor += 1;
        }
        if refused.number > self.mark.number {
            self.mark = refused;
            self.not_delivered = 0;
        }
    }

    /// Counts a request without a conclusive response.
    pub(super) fn lost(&mut self, ticket: Ticket) {
        if ticket.number > self.anchor.number {
            self.not_delivered_since_anchor += 1;
        }
        if ticket.number > self.mark.number {
            self.not_delivered += 1;
        }
    }
}

fn between(from: Ticket, to: Ticket, not_delivered: u64) -> Measured {
    let sent = to.number.saturating_sub(from.number + 1);
    Measured {
        requests: sent.saturating_sub(not_delivered) as f64,
        seconds: to.sent.saturating_sub(from.sent).as_secs_f64(),
    }
}
