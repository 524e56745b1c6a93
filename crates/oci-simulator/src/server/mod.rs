//! HTTP on top of the world: who asks, how many may, what goes wrong on the way.
//!
//! [`Region`] is the region as a handle, in this process or behind a socket; [`start`] runs one that stands by itself.
//! The server must not know what an instance is: what a request does is the world's business.

mod admin;
mod auth;
mod body;
mod clock;
mod cut;
mod exchange;
mod faults;
mod home;
mod odd;
mod parameters;
mod region;
mod reply;
mod route;
mod router;
mod save;
mod saver;
mod serve;
mod start;
mod stats;
mod throttle;

pub use auth::{Authorization, AuthorizationError, KeyError, PublicKey, Refusal};
pub use clock::{ScaledClock, SimClock};
pub use home::{Home, HomeError, Identity, known_of_config};
pub use region::{Dropped, Region};
pub use reply::ConnectionReset;
pub use save::{Forgettable, SaveError};
pub use serve::serve;
pub use start::{Options, Running, StartError, start};
pub use stats::{OperationStats, Stats};
