//! Two machines that share a ledger in a real PostgreSQL server, in histories drawn from seeds: links are cut, machines stand still
//! for longer than a lease lasts, processes and the server are killed, and the other machine takes over.
//!
//! The fleet and the region live in virtual time, which stands still while the database is asked. The server is a real one, so that
//! a seed determines what befalls whom, but not every interleaving.

mod audit;
mod history;
mod link;
mod machine;
mod promises;
mod setup;
mod station;
