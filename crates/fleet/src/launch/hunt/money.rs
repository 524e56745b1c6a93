//! The money of a hunt with a bound on its cost, while one process carries it out. What it decides is in `launch/over.rs`.

use ledger::{ErrorRecord, Event};
use std::sync::{Mutex, OnceLock, PoisonError};

/// The money of a hunt.
#[derive(Debug, Default)]
pub(crate) struct Money {
    /// The price per hour of launches whose intents are being written, which the state does not include yet.
    announced: Mutex<f64>,
    /// Why nothing more is launched, once that is so, and the event that says it.
    pub over: OnceLock<(ErrorRecord, Event)>,
}

impl Money {
    /// The price per hour of the launches that are being announced.
    pub fn announced(&self) -> f64 {
        *self.announced.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a launch at this price per hour until the returned value is dropped.
    pub fn announce(&self, hour: f64) -> Announced<'_> {
        self.add(hour);
        Announced { money: self, hour }
    }

    fn add(&self, hour: f64) {
        *self.announced.lock().unwrap_or_else(PoisonError::into_inner) += hour;
    }
}

/// A launch that counts although its intent is still being written.
pub(crate) struct Announced<'a> {
    money: &'a Money,
    hour: f64,
}

impl Drop for Announced<'_> {
    fn drop(&mut self) {
        self.money.add(-self.hour);
    }
}
