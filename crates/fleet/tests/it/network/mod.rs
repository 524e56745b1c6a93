//! The network of a fleet, and its compute cluster: made exactly once whatever happens, found again, and ended only if nothing else lives in it.

mod clusters;
mod ending;
mod making;
mod world;
