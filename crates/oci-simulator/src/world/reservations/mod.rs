//! Capacity reservations: what they hold, how they fill, and which launches may draw on them
//! (Oracle: "Capacity Reservations").

pub(super) mod api;
pub(super) mod lists;
pub(super) mod report;

use super::World;
use super::api::ApiError;
use super::capacity::{Held, Need};
use super::error;
use super::ids::{Id, Kind};
use super::limits::Usage;
use super::schedule::Task;
use super::shapes::ShapeId;
use super::time::seconds;
use super::work_requests::Status;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The states of a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum State {
    Creating,
    Active,
    Updating,
    Moving,
    Deleting,
    Deleted,
}

impl State {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "CREATING",
            Self::Active => "ACTIVE",
            Self::Updating => "UPDATING",
            Self::Moving => "MOVING",
            Self::Deleting => "DELETING",
            Self::Deleted => "DELETED",
        }
    }
}

/// What makes two configs the same: only the count of a config can change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ConfigKey {
    pub shape: ShapeId,
    pub need: Need,
    pub fd: Option<u8>,
}

/// A config as it was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Wanted {
    pub key: ConfigKey,
    pub count: u32,
    /// `clusterConfig`, kept as it came.
    pub cluster: Option<Value>,
}

/// A config as it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Config {
    pub key: ConfigKey,
    pub cluster: Option<Value>,
    /// Room that no instance uses.
    pub free: Vec<Held>,
    /// Instances that use it, running or stopped.
    pub used: u32,
}

impl Config {
    pub fn reserved(&self) -> u32 {
        self.used + self.free.len() as u32
    }
}

/// A reservation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Reservation {
    pub compartment: u32,
    pub ad: u8,
    pub name: String,
    pub tags: BTreeMap<String, String>,
    pub defined_tags: BTreeMap<String, BTreeMap<String, Value>>,
    pub is_default: bool,
    pub state: State,
    pub created: Timestamp,
    pub updated: Timestamp,
    pub version: u32,
    epoch: u32,
    work: u32,
    /// Configs by a number that stays theirs.
    #[serde(with = "super::pairs")]
    pub configs: BTreeMap<u32, Config>,
    next_config: u32,
    /// What it will hold when it is ACTIVE again.
    pending: Option<Vec<Wanted>>,
    pub members: BTreeSet<u32>,
}

/// What a launch needs of a reservation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish {
    pub ad: u8,
    pub fd: Option<u8>,
    pub shape: ShapeId,
    pub need: Need,
    /// Neither burstable nor preemptible, which reservations do not take.
    pub plain: bool,
}

impl Reservation {
    fn takes_launches(&self) -> bool {
        matches!(self.state, State::Active | State::Updating)
    }

    /// The config that a launch fits: same shape and size, same fault domain or none on both sides.
    fn config_for(&self, wish: &Wish) -> Option<(u32, &Config)> {
        let fits = |config: &&Config| {
            config.key.shape == wish.shape
                && (config.key.need.ocpus, config.key.need.memory) == (wish.need.ocpus, wish.need.memory)
                && config.key.fd == wish.fd
        };
        self.configs.iter().find(|(_, config)| fits(config)).map(|(number, config)| (*number, config))
    }

    /// Whether it still exists.
    pub fn exists(&self) -> bool {
        self.state != State::Deleted
    }
}

impl World {
    /// The reservation with this OCID, or 404; one that is DELETED is still found while it is listed.
    pub(super) fn reservation(&self, ocid: &str) -> Result<(u32, &Reservation), ApiError> {
        let number = self.ids.number(Kind::CapacityReservation, ocid);
        number.and_then(|number| Some((number, self.reservations.get(&number)?))).ok_or_else(error::not_found)
    }

    /// The reservation and config that a launch draws on. `named` is what the launch says: nothing (the default
    /// reservation of the availability domain, if it has room), `""` (none), or an OCID (that one or none at all).
    pub(super) fn matching_reservation(
        &self,
        named: Option<&str>,
        wish: &Wish,
    ) -> Result<Option<(u32, u32)>, ApiError> {
        let Some(ocid) = named else {
            let default = self
                .reservations
                .iter()
                .find(|(_, row)| row.is_default && row.ad == wish.ad && wish.plain && row.takes_launches());
            return Ok(default.and_then(|(number, row)| {
                let (config, _) = row.config_for(wish).filter(|(_, config)| !config.free.is_empty())?;
                Some((*number, config))
            }));
        };
        if ocid.is_empty() {
            return Ok(None);
        }
        let (number, row) = self.reservation(ocid)?;
        if !row.exists() {
            return Err(error::not_found());
        }
        if row.ad != wish.ad {
            return Err(error::invalid(format!(
                "capacityReservationId {ocid} is in availability domain {}",
                self.identity.ad_name(row.ad)
            )));
        }
        if !wish.plain {
            return Err(error::invalid(
                "capacityReservationId cannot be used by burstable or preemptible instances",
            ));
        }
        if !row.takes_launches() {
            let state = row.state.as_str();
            return Err(error::incorrect_state(format!("capacity reservation {ocid} is in state {state}")));
        }
        // Invented: no public example of a launch that fits no config.
        let (config, held) = row.config_for(wish).ok_or_else(|| {
            error::invalid(format!(
                "capacity reservation {ocid} has no configuration for shape {} with this size and fault domain",
                wish.shape.get().name
            ))
        })?;
        if held.free.is_empty() { Err(error::out_of_capacity()) } else { Ok(Some((number, config))) }
    }

    /// Takes the room of one instance from a config.
    pub(super) fn take_reserved(&mut self, reservation: u32, config: u32) -> Option<Held> {
        let row = self.reservations.get_mut(&reservation)?;
        let config = row.configs.get_mut(&config)?;
        let held = config.free.pop()?;
        config.used += 1;
        let family = config.key.shape.get().family;
        self.limits.count_drawn(row.ad, family, Usage::of(config.key.need), 1);
        Some(held)
    }

    /// Notes that an instance uses a reservation.
    pub(super) fn join_reservation(&mut self, reservation: u32, instance: u32) {
        if let Some(row) = self.reservations.get_mut(&reservation) {
            row.members.insert(instance);
        }
    }

    /// Gives the room of an instance back to its config.
    pub(super) fn return_reserved(&mut self, reservation: u32, config: u32, held: Held, instance: u32) {
        let Some(row) = self.reservations.get_mut(&reservation) else { return };
        row.members.remove(&instance);
        if let Some(config) = row.configs.get_mut(&config) {
            config.used -= 1;
            config.free.push(held);
            let family = config.key.shape.get().family;
            self.limits.count_drawn(row.ad, family, Usage::of(config.key.need), -1);
        }
    }

    /// Counts what instances draw on, after the reservations were read from a save.
    pub(super) fn recount_drawn(&mut self) {
        for row in self.reservations.values() {
            for config in row.configs.values() {
                let Usage { cores, memory, gpus } = Usage::of(config.key.need);
                let used = i64::from(config.used);
                let usage = Usage { cores: cores * used, memory: memory * used, gpus: gpus * used };
                self.limits.count_drawn(row.ad, config.key.shape.get().family, usage, 1);
            }
        }
    }

    /// Adds an empty reservation, ACTIVE.
    pub(super) fn add_reservation(&mut self, compartment: u32, ad: u8) -> u32 {
        let number = self.made_reservations;
        self.made_reservations += 1;
        let row = Reservation {
            compartment,
            ad,
            name: format!("capacity-reservation-{}", number + 1),
            tags: BTreeMap::new(),
            defined_tags: BTreeMap::new(),
            is_default: false,
            state: State::Active,
            created: self.now,
            updated: self.now,
            version: 0,
            epoch: 0,
            work: 0,
            configs: BTreeMap::new(),
            next_config: 0,
            pending: None,
            members: BTreeSet::new(),
        };
        self.reservations.insert(number, row);
        number
    }

    /// Begins a change that will be done in a while.
    fn begin_reservation(&mut self, number: u32, state: State, work: u32) {
        let delay = self.reservation_delay(number);
        let (now, id) = (self.now, Id(Kind::CapacityReservation, number));
        let Some(row) = self.reservations.get_mut(&number) else { return };
        row.state = state;
        row.work = work;
        row.updated = now;
        row.version += 1;
        row.epoch += 1;
        let task = Task::Reservation { number, epoch: row.epoch };
        self.schedule.at(now + delay, task);
        self.log.push(now, "reservation_state", Some(id), Some(state.as_str()));
    }

    /// How long the next change of a reservation takes.
    fn reservation_delay(&self, number: u32) -> jiff::SignedDuration {
        let epoch = self.reservations.get(&number).map_or(0, |row| row.epoch);
        let mut chance = super::chance::Chance::of(self.seed, "reservation", number ^ epoch << 20);
        super::time::trim(self.settings.reservation_seconds.draw(&mut chance))
    }

    /// Ends a change: fills it as far as capacity goes, silently, or lets everything go.
    pub(super) fn finish_reservation(&mut self, number: u32, epoch: u32) {
        let Some(row) = self.reservations.get_mut(&number).filter(|row| row.epoch == epoch) else { return };
        let (work, deleting) = (row.work, row.state == State::Deleting);
        let pending = row.pending.take();
        if deleting {
            self.fill(number, &[]);
        } else if let Some(wanted) = pending {
            self.fill(number, &wanted);
        }
        let now = self.now;
        let Some(row) = self.reservations.get_mut(&number) else { return };
        row.state = if deleting { State::Deleted } else { State::Active };
        row.updated = now;
        row.version += 1;
        let detail = format!(
            "{}, reserved {}",
            row.state.as_str(),
            row.configs.values().map(Config::reserved).sum::<u32>()
        );
        self.log.push(now, "reservation_state", Some(Id(Kind::CapacityReservation, number)), Some(&detail));
        self.close_work_request(work, Status::Succeeded, None);
        if deleting {
            let listed = seconds(self.settings.terminated_listed_hours * 3600.0);
            self.schedule.at(now + listed, Task::ForgetReservation { number });
        }
    }

    /// Makes a reservation hold what is wanted: takes what fits, gives back what is too much, never what is used.
    pub(super) fn fill(&mut self, number: u32, wanted: &[Wanted]) {
        let Some(row) = self.reservations.get_mut(&number) else { return };
        let ad = row.ad;
        let mut returned = Vec::new();
        row.configs.retain(|_, config| {
            let count =
                wanted.iter().find(|wanted| wanted.key == config.key).map_or(0, |wanted| wanted.count);
            let keep = count.saturating_sub(config.used) as usize;
            let split = keep.min(config.free.len());
            returned.extend(config.free.drain(split..).map(|held| (held, config.key.clone())));
            config.used > 0 || wanted.iter().any(|wanted| wanted.key == config.key)
        });
        for (held, key) in returned {
            self.capacity.give_back(held);
            self.limits.count_reserved(ad, key.shape.get().family, Usage::of(key.need), -1);
        }
        for want in wanted {
            let Some(row) = self.reservations.get_mut(&number) else { return };
            let known = row.configs.iter().find(|(_, config)| config.key == want.key).map(|(at, _)| *at);
            let at = known.unwrap_or(row.next_config);
            row.next_config = row.next_config.max(at + 1);
            let config = row.configs.entry(at).or_insert_with(|| Config {
                key: want.key.clone(),
                cluster: want.cluster.clone(),
                free: Vec::new(),
                used: 0,
            });
            while config.reserved() < want.count {
                let family = want.key.shape.get().family;
                let usage = Usage::of(want.key.need);
                // Other launches may have used up the limit since this was asked for.
                if !self.limits.exceeded(ad, family, usage, true).is_empty() {
                    break;
                }
                let Some(held) = self.capacity.take(ad, want.key.fd, family, want.key.need) else { break };
                config.free.push(held);
                self.limits.count_reserved(ad, family, usage, 1);
            }
        }
    }

    /// Everything that reservations hold and no instance uses.
    pub(super) fn held_by_reservations(&self) -> impl Iterator<Item = &Held> {
        self.reservations.values().flat_map(|row| row.configs.values()).flat_map(|config| &config.free)
    }
}
