//! The state of the region and the rules by which it changes.
//!
//! Pure: no input or output, no clock, no threads. [`World::advance_to`] moves time, random numbers come from the seed, and
//! maps are ordered, so that the same seed and requests produce the same history. It must not know about HTTP, signatures or
//! throttling; those belong to the server.
//!
//! Dependencies point one way. The `mod.rs` of a resource's folder contains its rows and their own rules, and does not know the
//! [`World`]. `state` combines the rows of all resources. The other files of a folder are operations: they know the `World` and
//! the resources they touch. `dispatch` knows all operations, and `advance` everything that happens by itself.

mod absent;
mod advance;
pub mod api;
mod automatic_tags;
mod capacity;
pub mod chance;
mod clusters;
mod configurations;
mod consoles;
mod dispatch;
mod error;
pub mod events;
mod identity;
pub mod ids;
mod images;
mod inspect;
pub mod instances;
mod invariants;
mod limit_requests;
mod limits;
mod network;
mod others;
mod paging;
mod pairs;
mod permissions;
mod pools;
mod problems;
pub mod register;
mod request;
mod reservations;
mod saved;
mod schedule;
mod search;
pub mod settings;
mod shapes;
mod state;
mod tenancy;
mod time;
mod tokens;
mod volumes;
mod work_requests;

pub use api::{ApiAnswer, ApiError, ApiRequest, ApiResult, Caller};
pub(crate) use error::not_found as not_allowed;
pub use events::Event;
pub(crate) use identity::short_region;
pub use inspect::{BootVolumeEntry, Defaults, HostEntry, InstanceEntry, ReservationEntry};
pub use instances::State;
pub use register::{Known, ReservedConfig};
pub use saved::{FormatError, SavedWorld, Snapshot};
pub use settings::WorldSettings;
pub use state::World;
