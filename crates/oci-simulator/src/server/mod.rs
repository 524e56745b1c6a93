//! HTTP on top of the world: authenticates and throttles requests, and injects faults.
//!
//! [`Region`] is a handle to the region, in this process or behind a socket; [`start`] runs a standalone region. The server
//! must not know what an instance is: only the world knows the effect of a request.

mod admin;
mod auth;
mod body;
mod clock;
mod cut;
mod error;
mod exchange;
mod faults;
mod home;
mod kept;
mod making;
mod metrics;
mod odd;
mod page;
mod parameters;
mod peer;
mod policies;
mod policy_book;
mod private_files;
mod region;
mod reply;
mod route;
mod router;
mod save;
mod saver;
mod serve;
mod served;
mod sign_in;
mod snapshots;
mod start;
mod stats;
mod threads;
mod throttle;
mod tls;

pub use auth::{Authorization, AuthorizationError, KeyError, PublicKey, Refusal};
pub use clock::{ScaledClock, SimClock};
pub use error::StartError;
pub use exchange::Dropped;
pub use home::{Home, HomeError, Identity, known_of_config};
pub use metrics::SIM_METRICS;
pub use region::Region;
pub use reply::ConnectionReset;
pub use save::{Forgettable, SaveError};
pub use serve::serve;
pub use start::{Options, Running, SPEED, start};
pub use stats::{OperationStats, Stats};
pub use tls::Environment;
