//! Measures what the service lets through.
//!
//! A refusal says that the bucket was empty. Between two refusals the bucket starts and ends empty, so the requests that
//! were let through in between are exactly what flowed into it: their number over the time is the limit (our part of it,
//! when others draw on it too). No window has to be chosen, and a burst cannot flatter the result.

use super::ticket::Ticket;
use std::time::Duration;

/// Counts requests between refusals.
#[derive(Clone, Debug)]
pub(super) struct Meter {
    /// The last refused request, or where counting began.
    mark: Ticket,
    /// Requests after the mark that left but were not let through.
    not_delivered: u64,
    /// An earlier mark, from which a rate is measured that takes several refusals to find.
    anchor: Ticket,
    /// The same as above, after the anchor.
    not_delivered_since_anchor: u64,
}

/// What was let through between two refusals.
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

    /// What was let through from the mark to this refused request.
    pub(super) fn until(&self, refused: Ticket) -> Measured {
        between(self.mark, refused, self.not_delivered)
    }

    /// What was let through from the anchor to this refused request.
    pub(super) fn since_anchor(&self, refused: Ticket) -> Measured {
        between(self.anchor, refused, self.not_delivered_since_anchor)
    }

    /// The last mark becomes the anchor.
    pub(super) fn drop_anchor(&mut self) {
        self.anchor = self.mark;
        self.not_delivered_since_anchor = self.not_delivered;
    }

    /// The bucket was empty when this one came.
    pub(super) fn mark(&mut self, refused: Ticket) {
        if refused.number > self.anchor.number {
            self.not_delivered_since_anchor += 1;
        }
        if refused.number > self.mark.number {
            self.mark = refused;
            self.not_delivered = 0;
        }
    }

    /// It got no conclusive response.
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
