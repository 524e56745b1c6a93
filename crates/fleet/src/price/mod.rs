//! The price of a fleet: a dated price list, and arithmetic. An unknown price is unknown, never 0.
//!
//! Pure: it must not know about the service, files or how money is shown.

mod billing;
mod book;
mod budget;
mod cost;
mod list;
mod shapes;
mod still;
mod want;

pub use billing::bills_when_stopped;
pub use book::{Prices, Rates, ShapePrice, Size, can_be_preemptible, part_numbers, rates, shapes};
pub use budget::{Budget, BudgetError, UnknownPrice, spending_terms};
pub use cost::describe;
pub use cost::{
    Cost, Line, Per, of_fleet, of_kinds, of_placements, of_reservation, put_cheapest_first, rounded,
};
pub(crate) use cost::{of_instance_and_volumes, size_of};
pub use list::{LIST_CURRENCY, PartPrice, PriceChange, PriceList, PriceListError};
pub use shapes::UNUSED_RESERVATION;
pub(crate) use shapes::{BOOT_VOLUME_VPUS, PREEMPTIBLE};
pub use still::{End, StillCosts};
pub use want::at_most;

/// The hours in 30 days, for totals.
pub const HOURS_IN_30_DAYS: f64 = 720.0;
/// The hours of a month by which storage is charged, as Oracle's cost estimator counts them.
pub const HOURS_IN_A_STORAGE_MONTH: f64 = 744.0;

#[cfg(test)]
mod tests;
