//! The state of the region and the rules by which it changes.
//!
//! Pure: no input or output, no clock, no threads. Time moves when `advance_to` says so, chance comes from the seed, and
//! maps are ordered, so that the same seed and requests give the same history. It must not know HTTP, signatures or
//! throttling; those are the server's.

pub mod api;
mod books;
mod capacity;
pub mod chance;
mod climate;
mod configurations;
mod dispatch;
mod error;
pub mod events;
mod identity;
pub mod ids;
mod images;
pub mod instances;
mod limits;
mod limits_api;
mod network;
mod paging;
mod pairs;
mod pools;
mod preemption;
mod problems;
pub mod register;
mod request;
mod reservations;
mod schedule;
pub mod settings;
mod shapes;
mod time;
mod tokens;
mod vnics;
mod volumes;
mod volumes_api;
mod work_requests;

pub use api::{ApiAnswer, ApiError, ApiRequest, ApiResult, Caller};
pub use books::{BootVolumeEntry, Defaults, InstanceEntry, ReservationEntry};
pub use events::Event;
pub use instances::State;
pub use register::{Known, ReservedConfig};
pub use settings::WorldSettings;

use capacity::{Capacity, Held, Need};
use chance::Chance;
use configurations::ConfigurationRow;
use events::EventLog;
use identity::Identity;
use ids::{Id, Ids};
use images::ImageRow;
use instances::Instances;
use jiff::Timestamp;
use limits::Limits;
use network::Network;
use pools::Pool;
use preemption::Preemptibles;
use reservations::Reservation;
use schedule::{Schedule, Task};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use tokens::Tokens;
use volumes::Volumes;
use work_requests::WorkRequestRow;

/// What the service says, at once or in a work request, when no host has room.
const OUT_OF_CAPACITY: &str = "Out of host capacity.";

/// The latest time that a world can have, well within what a timestamp holds: the year 5138.
const END_OF_TIME: i64 = 100_000_000_000;

/// The simulated region.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct World {
    settings: WorldSettings,
    seed: u64,
    now: Timestamp,
    ids: Ids,
    log: EventLog,
    schedule: Schedule,
    list_chance: Chance,
    capacity_chance: Chance,
    report_chance: Chance,
    climate_chance: Chance,
    identity: Identity,
    network: Network,
    images: Vec<ImageRow>,
    capacity: Capacity,
    /// What other tenants hold.
    others: Vec<(Held, Need)>,
    #[serde(default)]
    preemptibles: Preemptibles,
    limits: Limits,
    instances: Instances,
    volumes: Volumes,
    work_requests: Vec<WorkRequestRow>,
    #[serde(with = "pairs")]
    works_of: BTreeMap<Id, Vec<u32>>,
    #[serde(with = "pairs")]
    reservations: BTreeMap<u32, Reservation>,
    made_reservations: u32,
    #[serde(with = "pairs")]
    configurations: BTreeMap<u32, ConfigurationRow>,
    made_configurations: u32,
    #[serde(with = "pairs")]
    pools: BTreeMap<u32, Pool>,
    made_pools: u32,
    tokens: Tokens,
    /// OCIDs of what is known by them only: network security groups, keys and the like.
    #[serde(default)]
    others_known: BTreeSet<String>,
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

    /// A region with these settings, whose time starts here. Settings out of bounds are brought within them; what is
    /// wrong with them is for [`WorldSettings::problems`] to say beforehand.
    pub fn new(mut settings: WorldSettings, seed: u64, start: Timestamp) -> Self {
        settings.availability_domains = Some(settings.domains().clamp(1, 3));
        let realm = oci_api::Region::find(&settings.region).map_or("oc1", |region| region.realm);
        let now = time::whole(start).min(end_of_time());
        let ads = settings.domains();
        let mut world = Self {
            seed,
            now,
            ids: Ids::new(seed, realm, identity::short_region(&settings.region)),
            log: EventLog::new(settings.event_log),
            schedule: Schedule::default(),
            list_chance: Chance::new(seed, "lists"),
            capacity_chance: Chance::new(seed, "capacity"),
            report_chance: Chance::new(seed, "reports"),
            climate_chance: Chance::new(seed, "climate"),
            identity: Identity::new(&settings.region, &settings.availability_domain_prefix, ads, now),
            network: Network::new(settings.subnet_prefix_length, now),
            images: images::platform_images(now),
            capacity: Capacity::new(&settings),
            others: Vec::new(),
            preemptibles: Preemptibles::default(),
            limits: Limits::new(&settings),
            instances: Instances::default(),
            volumes: Volumes::default(),
            work_requests: Vec::new(),
            works_of: BTreeMap::new(),
            reservations: BTreeMap::new(),
            made_reservations: 0,
            configurations: BTreeMap::new(),
            made_configurations: 0,
            pools: BTreeMap::new(),
            made_pools: 0,
            tokens: Tokens::default(),
            others_known: BTreeSet::new(),
            settings,
        };
        world.plan_climate();
        world.plan_reclaims();
        world
    }

    /// The settings that it was made with.
    pub fn settings(&self) -> &WorldSettings {
        &self.settings
    }

    /// The world's time, in whole milliseconds.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Moves time to `now`, and lets everything that is due until then happen in order. Time never moves back.
    pub fn advance_to(&mut self, now: Timestamp) {
        let now = time::whole(now).min(end_of_time()).max(self.now);
        while let Some((when, task)) = self.schedule.pop_due(now) {
            self.now = self.now.max(when);
            self.run(task);
        }
        self.now = now;
    }

    fn run(&mut self, task: Task) {
        match task {
            Task::Instance { number, epoch, step } => self.instance_step(number, epoch, step),
            Task::Reservation { number, epoch } => self.finish_reservation(number, epoch),
            Task::ForgetReservation { number } => {
                self.reservations.remove(&number);
            }
            Task::Pool { number, epoch } => self.look_at_pool(number, epoch),
            Task::ForgetToken => self.forget_oldest_token(),
            Task::Crumb { setting, times } => self.crumb(setting, times),
            Task::OtherTenants => self.others_move(),
            Task::Outage { setting, begins } => self.outage(setting, begins),
            Task::Reclaim { setting } => self.reclaim(setting),
        }
    }

    /// When something will happen next by itself.
    pub fn next_event_at(&self) -> Option<Timestamp> {
        self.schedule.next_at()
    }

    /// The events from this number on, oldest first.
    pub fn events(&self, since: u64) -> impl Iterator<Item = Event> + '_ {
        self.log.since(since, &self.ids)
    }

    /// How many events there have been.
    pub fn event_count(&self) -> u64 {
        self.log.count()
    }

    /// The world in the form to save it in.
    pub fn snapshot(&self) -> Snapshot<'_> {
        Snapshot { version: Self::FORMAT, world: self }
    }

    /// A world from its saved form.
    pub fn restore(saved: SavedWorld) -> Result<Self, FormatError> {
        if saved.version != Self::FORMAT {
            return Err(FormatError { found: saved.version });
        }
        let mut world = saved.world;
        world.instances.reindex();
        world.recount_drawn();
        Ok(world)
    }
}

fn end_of_time() -> Timestamp {
    Timestamp::from_second(END_OF_TIME).unwrap_or(Timestamp::MAX)
}
