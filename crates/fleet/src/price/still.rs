//! A resource that continues to cost money, and the command that deletes it. Pure.

use ledger::RunId;
use serde::Serialize;

/// A resource that continues to cost money.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StillCosts {
    /// What it is: `reservation`, `boot volume`, `volume`.
    pub kind: &'static str,
    /// Its display name.
    pub name: String,
    /// Its OCID.
    pub ocid: String,
    /// What it costs an hour; absent when that is not known.
    pub price_per_hour: Option<f64>,
    /// What ends it.
    #[serde(skip)]
    pub end: End,
    /// The command that ends it, as it is to be typed.
    pub command: String,
}

/// What ends a cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Nobody uses the reservation.
    DeleteReservation,
    /// So many instances are in the reservation.
    ShrinkReservation(u32),
    /// A volume of an instance that this run launched.
    CleanUp(RunId),
    /// A volume of an instance that no run of this ledger launched.
    DeleteVolume,
}
