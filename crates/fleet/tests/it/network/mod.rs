//! The network of a fleet: made exactly once whatever happens, found again, and ended only if nothing else lives in it.

mod ending;
mod making;
mod world;
