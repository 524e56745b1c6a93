//! How a shared ledger is used.

use std::time::Duration;

/// How a ledger is used.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// After this time without a sign of life, another process may take over what this one holds.
    pub takeover_after: Duration,
    /// How long a run waits for a database that is away.
    pub patience: Duration,
    /// Shows a line to the person.
    pub tell: fn(&str),
}
