//! A model of a throttling service, and senders that do not know its limit. Time is virtual: an hour takes milliseconds, and
//! the same seed produces the same run.

pub mod rivals;
pub mod run;
pub mod scenario;
pub mod server;

use std::time::Duration;

/// A way of pacing, as the model uses it. Times count from the start of the model.
pub trait Pacing {
    /// How many requests have yet to be answered, sent or not.
    fn note_outstanding(&mut self, _outstanding: u64) {}
    /// Whether a request may be sent now; counts it as sent if so.
    fn next(&mut self, now: Duration) -> Next;
    /// The request was admitted.
    fn on_success(&mut self, ticket: u64, now: Duration);
    /// The request was refused. Returns how long it waits before it may be sent again.
    fn on_throttled(&mut self, ticket: u64, now: Duration, retry_after: Option<Duration>) -> Duration;
    /// The rate at which it wants to send, in requests per second, for plots.
    fn rate(&self) -> f64;
}

/// Whether a request may be sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Next {
    /// It may be sent now, with this number.
    Now(u64),
    /// It must wait until this time.
    At(Duration),
    /// It must wait for a response.
    WhenOneReturns,
}

/// The pacing of this project.
pub struct Ours {
    controller: fleet::pace::Controller,
    under_way: std::collections::HashMap<u64, fleet::pace::Ticket>,
    last: u64,
}

impl Ours {
    /// A new controller.
    pub fn new(settings: fleet::pace::Settings, seed: u64) -> Self {
        Self {
            controller: fleet::pace::Controller::new(settings, seed),
            under_way: std::collections::HashMap::new(),
            last: 0,
        }
    }
}

impl Pacing for Ours {
    fn note_outstanding(&mut self, outstanding: u64) {
        self.controller.note_outstanding(outstanding);
    }

    fn next(&mut self, now: Duration) -> Next {
        match self.controller.next(now) {
            fleet::pace::Next::Now(ticket) => {
                self.last += 1;
                self.under_way.insert(self.last, ticket);
                Next::Now(self.last)
            }
            fleet::pace::Next::At(then) => Next::At(then),
            fleet::pace::Next::WhenOneReturns => Next::WhenOneReturns,
        }
    }

    fn on_success(&mut self, ticket: u64, now: Duration) {
        if let Some(ticket) = self.under_way.remove(&ticket) {
            self.controller.on_success(ticket, now);
        }
    }

    fn on_throttled(&mut self, ticket: u64, now: Duration, retry_after: Option<Duration>) -> Duration {
        if let Some(ticket) = self.under_way.remove(&ticket) {
            self.controller.on_throttled(ticket, now, retry_after);
        }
        Duration::ZERO
    }

    fn rate(&self) -> f64 {
        self.controller.snapshot().rate
    }
}
