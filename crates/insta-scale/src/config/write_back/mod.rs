//! Puts reservations into config.yaml without disturbing the rest: comments, order and line endings stay.
//!
//! Lines are edited, not values: a file that was read and written again by a YAML library has lost its comments. What
//! comes out is read again and compared with what went in, and an edit that changed anything else is refused.

mod edit;
mod file;

pub use edit::{EditError, snippet, with_reservations};
pub use file::{Judge, WriteError, check_write, write_reservations};

/// A reservation and the availability domain that it belongs to, by its full name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reserved {
    /// The availability domain.
    pub availability_domain: String,
    /// The OCID.
    pub ocid: String,
}
