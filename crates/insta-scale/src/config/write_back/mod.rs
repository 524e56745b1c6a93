//! Writes reservations and other values into config.yaml without disturbing the rest: comments, order and line endings stay.
//!
//! The text is edited where the values are, because reading and writing the file with a YAML library would lose its comments. The
//! result is parsed and compared with the original, and an edit that changes anything else is refused.

mod edit;
mod file;
mod present;
mod spots;
mod values;

pub use edit::{EditError, snippet, with_reservations};
pub use file::{Judge, WriteError, check_write, replace_text, write_reservations};
pub use present::Present;
pub use values::{ChangedLines, Edited, KeyEdit, with_values};

/// A reservation and the full name of its availability domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reserved {
    /// The availability domain.
    pub availability_domain: String,
    /// The OCID.
    pub ocid: String,
}
