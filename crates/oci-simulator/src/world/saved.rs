//! The saved form of a region.

use super::limits::Usage;
use super::state::World;
use serde::{Deserialize, Serialize};

/// A world to save.
#[derive(Debug, Serialize)]
pub struct Snapshot<'a> {
    version: u32,
    world: &'a World,
}

/// A saved world that was read; see [`World::restore`].
#[derive(Debug, Deserialize)]
pub struct SavedWorld {
    version: u32,
    world: World,
}

/// Why a saved world cannot be used: another version of the program wrote it.
#[derive(Debug, thiserror::Error)]
#[error("the saved world has format {found}, but this program reads format {}", World::FORMAT)]
pub struct FormatError {
    found: u32,
}

impl World {
    /// The version of the saved form.
    pub const FORMAT: u32 = 1;

    /// The world in the format in which it is saved.
    pub fn snapshot(&self) -> Snapshot<'_> {
        Snapshot { version: Self::FORMAT, world: self }
    }

    /// Restores a world from its saved form.
    ///
    /// # Errors
    /// When the saved form has another version than [`World::FORMAT`].
    pub fn restore(saved: SavedWorld) -> Result<Self, FormatError> {
        if saved.version != Self::FORMAT {
            return Err(FormatError { found: saved.version });
        }
        let mut world = saved.world;
        world.instances.reindex();
        world.recount_drawn();
        Ok(world)
    }

    /// Recomputes what instances use from reservations, which the saved form omits.
    fn recount_drawn(&mut self) {
        for row in self.reservations.values() {
            for config in row.configs.values() {
                let Usage { cores, memory, gpus } = Usage::of(config.key.need);
                let used = i64::from(config.used);
                let usage = Usage { cores: cores * used, memory: memory * used, gpus: gpus * used };
                self.limits.count_drawn(row.ad, config.key.shape.get().family, usage, 1);
            }
        }
    }
}
