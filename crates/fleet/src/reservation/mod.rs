//! Capacity reservations: creating them, reading what they hold, changing and deleting them.
//!
//! The service fills a reservation as far as it can and reports success (Oracle: "Capacity Reservations"), so no response is
//! trusted: every change is followed to its end, and the counts are read again. It must not know about files, arguments or
//! terminals.

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

/// Stores the events of a run. An intent is stored before the request that it announces is sent.
pub trait Book: Send + Sync {
    /// Returns once the event is stored durably.
    fn keep(&self, event: Event) -> BoxFuture<'_, Result<(), LedgerError>>;
}

/// For commands without a run: a reservation that they create is identified only by the token in its tag.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoBook;

impl Book for NoBook {
    fn keep(&self, _: Event) -> BoxFuture<'_, Result<(), LedgerError>> {
        Box::pin(async { Ok(()) })
    }
}
