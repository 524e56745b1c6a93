//! A resource that continues to cost money, and the command that deletes it. Pure.

use ledger::RunId;
use schemars::JsonSchema;
use serde::Serialize;

/// A resource that continues to cost money.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize)]
pub struct StillCosts {
    /// Its kind: `reservation`, `boot volume`, `volume`.
    pub kind: &'static str,
    /// Its display name.
    pub name: String,
    /// Its OCID.
    pub ocid: String,
    /// Its price per hour; absent if unknown.
    pub price_per_hour: Option<f64>,
    /// How to end the cost.
    #[serde(skip)]
    pub end: End,
    /// The command that ends it, ready to type.
    pub command: String,
}

/// How a cost can be ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Delete the reservation, which is unused.
    DeleteReservation,
    /// Shrink the reservation to this number of instances, which use it.
    ShrinkReservation(u32),
    /// Clean up after this run: it is a volume of an instance that the run launched.
    CleanUp(RunId),
    /// Delete the volume of an instance that no run of this ledger launched.
    DeleteVolume,
}
