//! What the ledger promises, through its public interface.
#![expect(clippy::unwrap_used, reason = "tests")]

mod capacity;
mod damage;
mod events;
mod fold;
mod lost;
mod memory;
mod sqlite;
