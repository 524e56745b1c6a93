//! The state of the region and the rules by which it changes.
//!
//! Pure: no input or output, no clock, no threads. Time moves when `advance_to` says so, chance comes from the seed, and
//! maps are ordered, so that the same seed and requests give the same history. It must not know HTTP, signatures or
//! throttling; those are the server's.

pub mod api;
pub mod chance;
pub mod events;
pub mod ids;
mod pairs;
pub mod register;
pub mod settings;

pub use api::{ApiAnswer, ApiError, ApiRequest, ApiResult, Caller};
pub use events::Event;
pub use register::{Known, ReservedConfig};
pub use settings::WorldSettings;

use events::EventLog;
use ids::Ids;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The simulated region.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct World {
    settings: WorldSettings,
    seed: u64,
    now: Timestamp,
    ids: Ids,
    log: EventLog,
}

/// A world as it is saved.
#[derive(Debug, Serialize)]
pub struct Snapshot<'a> {
    version: u32,
    world: &'a World,
}

/// A world as it is read back; see [`World::restore`].
#[derive(Debug, Deserialize)]
pub struct SavedWorld {
    version: u32,
    world: World,
}

/// Why a saved world cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the saved world has format {found}, this program reads format {}", World::FORMAT)]
pub struct FormatError {
    found: u32,
}

impl World {
    /// The version of the saved form.
    pub const FORMAT: u32 = 1;

    /// A region with these settings, whose time starts here.
    pub fn new(settings: WorldSettings, seed: u64, start: Timestamp) -> Self {
        let ids = Ids::new(seed, "oc1", "phx");
        let log = EventLog::new(settings.event_log);
        Self { settings, seed, now: start, ids, log }
    }

    /// The settings that it was made with.
    pub fn settings(&self) -> &WorldSettings {
        &self.settings
    }

    /// The world's time.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Moves time to `now`, and lets everything that is due until then happen in order. Time never moves back.
    pub fn advance_to(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
    }

    /// When something will happen next by itself.
    pub fn next_event_at(&self) -> Option<Timestamp> {
        None
    }

    /// Answers one request, at the world's present time.
    pub fn handle(&mut self, request: &ApiRequest) -> ApiResult {
        Err(ApiError::new(404, "NotAuthorizedOrNotFound", request.operation.name()))
    }

    /// Makes a resource exist under an OCID that someone else chose.
    pub fn register(&mut self, _known: &Known) -> Result<(), String> {
        Ok(())
    }

    /// The events from this number on, oldest first.
    pub fn events(&self, since: u64) -> impl Iterator<Item = Event> + '_ {
        self.log.since(since, &self.ids)
    }

    /// The world in the form to save it in.
    pub fn snapshot(&self) -> Snapshot<'_> {
        Snapshot { version: Self::FORMAT, world: self }
    }

    /// A world from its saved form.
    pub fn restore(saved: SavedWorld) -> Result<Self, FormatError> {
        if saved.version == Self::FORMAT { Ok(saved.world) } else { Err(FormatError { found: saved.version }) }
    }
}
