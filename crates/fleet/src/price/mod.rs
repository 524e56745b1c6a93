//! The price of a fleet: a dated price list, and arithmetic. An unknown price is unknown, never 0.
//!
//! Pure: it must not know about the service, files or how money is shown.

mod billing;
mod book;
mod budget;
mod cost;
mod still;
mod table;

pub use billing::bills_when_stopped;
pub use book::{Prices, ShapePrice, Size, part_numbers};
pub use budget::{Budget, BudgetError, UnknownPrice};
pub use cost::describe;
pub(crate) use cost::size_of;
pub use cost::{
    Cost, Line, Per, at_most, of_fleet, of_kinds, of_placements, of_reservation, put_cheapest_first, rounded,
};
pub use still::{End, StillCosts};
pub use table::{AS_OF, SOURCE, UNUSED_RESERVATION};
pub(crate) use table::{BOOT_VOLUME_VPUS, PREEMPTIBLE};

#[cfg(test)]
mod tests;
