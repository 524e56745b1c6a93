//! Capacity reservations: asking for them, reading back what they hold, changing and giving them back.
//!
//! The service fills a reservation as far as it can and calls that a success (Oracle: "Capacity Reservations"), so
//! nothing here believes an answer: every change is followed to its end and the counts are read again. Must not know
//! of files, arguments or terminals.

mod ask;
mod change;
pub(crate) mod create;
mod error;
mod exhausted;
pub(crate) mod follow;
mod held;
mod release;
mod share;
mod until_held;

pub use ask::{MAX_CONFIGS, SIZE_TAG, TOKEN_TAG, Want, check, name_in, spread, unreservable};
pub use change::{Change, NewCount, preview, resize};
pub use create::{Created, Order, create_all, is_flexible, reservable};
pub use error::ReservationError;
pub(crate) use exhausted::exhausted;
pub use follow::{Patience, until_active};
pub use held::{Config, Filter, Held, Listed, Member, list, members, show};
pub use release::{delete, give_back};
pub use share::{Share, shares};
pub use until_held::{Gain, resize_until_held};

use futures_util::future::BoxFuture;
use ledger::{Event, LedgerError};

/// Keeps the events of a run. An intent is kept before the request that it announces leaves.
pub trait Book: Send + Sync {
    /// Returns once the event cannot be lost any more.
    fn keep(&self, event: Event) -> BoxFuture<'_, Result<(), LedgerError>>;
}

/// For commands that belong to no run: a reservation made by them carries its token as a tag, and that is all.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoBook;

impl Book for NoBook {
    fn keep(&self, _: Event) -> BoxFuture<'_, Result<(), LedgerError>> {
        Box::pin(async { Ok(()) })
    }
}
