//! Makes the regions that a start serves: new ones, or those that were saved.

use super::clock::{ScaledClock, SimClock, system_time};
use super::error::StartError;
use super::region::{Region, further_seed};
use super::save::{self, Hold};
use super::served::Listening;
use super::threads::in_a_thread;
use crate::scenario::Scenario;
use crate::world::World;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A further region before it is served.
pub(super) struct Further {
    pub region: Region,
    pub listening: Listening,
    pub save: Option<(PathBuf, Hold)>,
}

/// Reads or creates the further regions, which share the clock and are saved beside the home region. The notes are for whoever started them.
pub(super) async fn further_regions(
    save: Option<&Path>,
    seed: u64,
    elsewhere: Vec<(Scenario, Listening)>,
    clock: &Arc<dyn SimClock>,
) -> Result<(Vec<Further>, Vec<String>), StartError> {
    let (mut further, mut notes) = (Vec::new(), Vec::new());
    for (at, (scenario, listening)) in (1..).zip(elsewhere) {
        let path = save.map(|path| save::beside(path, &scenario.world.region));
        let hold = path.as_deref().map(save::hold).transpose()?;
        let made = make(path.clone(), scenario, further_seed(seed, at), Time::Of(Arc::clone(clock)));
        let Made { region, notes: more, .. } = in_a_thread(made).await??;
        notes.extend(more);
        further.push(Further { region, listening, save: path.zip(hold) });
    }
    Ok((further, notes))
}

/// A new region.
pub(super) struct Made {
    pub region: Region,
    pub clock: Arc<dyn SimClock>,
    pub restored: bool,
    pub notes: Vec<String>,
}

/// The clock of a region.
pub(super) enum Time {
    /// A new one of this speed, which continues where the saved world ended.
    From(f64),
    /// That of its home region.
    Of(Arc<dyn SimClock>),
}

/// Reads the saved world or creates one. A large world takes some time.
pub(super) fn make(
    save: Option<PathBuf>,
    scenario: Scenario,
    seed: u64,
    time: Time,
) -> impl FnOnce() -> Result<Made, StartError> + Send + 'static {
    move || {
        let saved = match &save {
            Some(path) => save::load(path)?,
            None => None,
        };
        let clock: Arc<dyn SimClock> = match time {
            Time::From(speed) => {
                let begins = saved.as_ref().map_or_else(system_time, World::now);
                Arc::new(ScaledClock::real(begins, speed))
            }
            Time::Of(clock) => clock,
        };
        let (Some(world), Some(path)) = (saved, save) else {
            let region = Region::new(&scenario, seed, Arc::clone(&clock));
            return Ok(Made { region, clock, restored: false, notes: Vec::new() });
        };
        let shown = path.display();
        let mut notes = vec![format!("restored {shown}: its world, including the seed, is as it was saved")];
        let differing = world.settings().differing(&scenario.world);
        if !differing.is_empty() {
            notes.push(format!(
                "warning: settings under `world:` of the scenario are ignored where the saved world differs: {}. To \
                     start again, remove {shown} or name another file with --save",
                differing.join(", ")
            ));
        }
        let region = Region::with_world(world, &scenario, seed, Arc::clone(&clock));
        Ok(Made { region, clock, restored: true, notes })
    }
}
