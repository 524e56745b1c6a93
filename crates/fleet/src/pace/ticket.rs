//! The types that the controller and its callers exchange.

use std::time::Duration;

/// A request that was sent. The caller returns the ticket with the result.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ticket {
    /// The sequence number of sending: 1, 2, 3, …
    pub(super) number: u64,
    /// When it was sent.
    pub(super) sent: Duration,
    /// The rate at which it was sent, in requests per second.
    pub(super) rate: f64,
}

/// Whether a request may be sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Next {
    /// It may be sent now, and is counted as sent.
    Now(Ticket),
    /// Not before this time: ask again then.
    At(Duration),
    /// Not before a request in flight has returned.
    WhenOneReturns,
}

/// The phase of the controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Nothing was refused yet: it uses the burst, faster with each response.
    Ramp,
    /// The burst is used up: it looks for the rate.
    Search,
    /// The rate is known: it swings around it.
    Cruise,
    /// Nothing is admitted: it sends one probe at a time.
    Refused,
}

/// Why the rate changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A request was refused with 429.
    Throttled,
    /// Nothing was refused for a while, so the rate grows.
    Probe,
    /// The service refuses everything for some time.
    Penalty,
    /// The service admits requests again.
    Recovered,
}

impl Reason {
    /// The name in events: `throttled`, `probe`, `penalty`, `recovered`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::Probe => "probe",
            Self::Penalty => "penalty",
            Self::Recovered => "recovered",
        }
    }
}

/// A notable change.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateChange {
    /// Requests per second from now on; 0 while the service refuses everything.
    pub rate: f64,
    /// The reason.
    pub reason: Reason,
}
