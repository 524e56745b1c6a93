//! The words that the controller and its callers exchange.

use std::time::Duration;

/// A request that was let out. Hand it back with its outcome.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ticket {
    /// 1, 2, 3, … in the order of leaving.
    pub(super) number: u64,
    /// When it left.
    pub(super) sent: Duration,
    /// Requests a second at which it left.
    pub(super) rate: f64,
}

/// Whether a request may leave.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Next {
    /// Now. It is counted as sent.
    Now(Ticket),
    /// Not before this moment: ask again then.
    At(Duration),
    /// Not before one that is under way has come back.
    WhenOneReturns,
}

/// What the controller is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Nothing was refused yet: using the burst, faster with each answer.
    Ramp,
    /// The burst is used up; looking for the rate.
    Search,
    /// The rate is known: swinging around it.
    Cruise,
    /// Nothing is let through: one probe at a time.
    Refused,
}

/// Why the rate changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A request was refused with 429.
    Throttled,
    /// Nothing was refused for a while, so more is tried.
    Probe,
    /// The service refuses everything for a time.
    Penalty,
    /// The service lets requests through again.
    Recovered,
}

impl Reason {
    /// The word in events: `throttled`, `probe`, `penalty`, `recovered`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::Probe => "probe",
            Self::Penalty => "penalty",
            Self::Recovered => "recovered",
        }
    }
}

/// A change worth telling.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateChange {
    /// Requests a second from now on; 0 while the service refuses everything.
    pub rate: f64,
    /// Why.
    pub reason: Reason,
}
