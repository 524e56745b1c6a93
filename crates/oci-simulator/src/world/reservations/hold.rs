//! How reservations fill, change and empty, and which launches use them.

use super::{Reservation, ReservationConfig, ReservationState, Wanted, Wish};
use crate::world::api::ApiError;
use crate::world::capacity::Held;
use crate::world::error;
use crate::world::ids::{Id, Kind};
use crate::world::limits::Usage;
use crate::world::schedule::Task;
use crate::world::state::World;
use crate::world::time::seconds;
use crate::world::work_requests::Status;
use std::collections::{BTreeMap, BTreeSet};

impl World {
    /// The reservation with this OCID, or 404; a DELETED one is found while lists still show it.
    pub(in crate::world) fn reservation(&self, ocid: &str) -> Result<(u32, &Reservation), ApiError> {
        let number = self.ids.number(Kind::CapacityReservation, ocid);
        number.and_then(|number| Some((number, self.reservations.get(&number)?))).ok_or_else(error::not_found)
    }

    /// The reservation and config that a launch uses. `named` is the field of the launch: absent (the default reservation of
    /// the availability domain, if it has capacity), `""` (no reservation), or an OCID (that reservation, or an error).
    pub(in crate::world) fn matching_reservation(
        &self,
        named: Option<&str>,
        wish: &Wish<'_>,
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
        // The text is invented: there is no public example of a launch that fits no config.
        let (config, held) = row.config_for(wish).ok_or_else(|| {
            error::invalid(format!(
                "capacity reservation {ocid} has no configuration for shape {} with this size and fault domain",
                wish.shape.get().name
            ))
        })?;
        if held.free.is_empty() { Err(error::out_of_capacity()) } else { Ok(Some((number, config))) }
    }

    /// Takes the capacity of one instance from a config; `None` if the config has none left.
    pub(in crate::world) fn take_reserved(&mut self, reservation: u32, config: u32) -> Option<Held> {
        let row = self.reservations.get_mut(&reservation)?;
        let config = row.configs.get_mut(&config)?;
        let held = config.free.pop()?;
        config.used += 1;
        let family = config.key.shape.get().family;
        self.limits.count_drawn(row.ad, family, Usage::of(config.key.need), 1);
        Some(held)
    }

    /// Records that an instance uses a reservation.
    pub(in crate::world) fn join_reservation(&mut self, reservation: u32, instance: u32) {
        if let Some(row) = self.reservations.get_mut(&reservation) {
            row.members.insert(instance);
        }
    }

    /// Returns the capacity of an instance to its config.
    pub(in crate::world) fn return_reserved(
        &mut self,
        reservation: u32,
        config: u32,
        held: Held,
        instance: u32,
    ) {
        let Some(row) = self.reservations.get_mut(&reservation) else { return };
        row.members.remove(&instance);
        if let Some(config) = row.configs.get_mut(&config) {
            config.used -= 1;
            config.free.push(held);
            let family = config.key.shape.get().family;
            self.limits.count_drawn(row.ad, family, Usage::of(config.key.need), -1);
        }
    }

    /// Adds an empty reservation, ACTIVE.
    pub(in crate::world) fn add_reservation(&mut self, compartment: u32, ad: u8) -> u32 {
        let number = self.made_reservations;
        self.made_reservations += 1;
        let row = Reservation {
            compartment,
            ad,
            name: format!("capacity-reservation-{}", number + 1),
            tags: BTreeMap::new(),
            defined_tags: BTreeMap::new(),
            is_default: false,
            state: ReservationState::Active,
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

    /// Begins a change, which finishes after a delay.
    pub(super) fn begin_reservation(&mut self, number: u32, state: ReservationState, work: u32) {
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
    pub(super) fn reservation_delay(&self, number: u32) -> jiff::SignedDuration {
        let epoch = self.reservations.get(&number).map_or(0, |row| row.epoch);
        let mut chance = crate::world::chance::Chance::of(self.seed, "reservation", number ^ epoch << 20);
        crate::world::time::trim(self.settings.reservation_seconds.draw(&mut chance))
    }

    /// Finishes a change: fills the reservation as far as capacity allows, without an error, or releases everything.
    pub(in crate::world) fn finish_reservation(&mut self, number: u32, epoch: u32) {
        let Some(row) = self.reservations.get_mut(&number).filter(|row| row.epoch == epoch) else { return };
        let (work, deleting) = (row.work, row.state == ReservationState::Deleting);
        let pending = row.pending.take();
        if deleting {
            self.fill(number, &[]);
        } else if let Some(wanted) = pending {
            self.fill(number, &wanted);
        }
        let now = self.now;
        let Some(row) = self.reservations.get_mut(&number) else { return };
        row.state = if deleting { ReservationState::Deleted } else { ReservationState::Active };
        row.updated = now;
        row.version += 1;
        let detail = format!(
            "{}, reserved {}",
            row.state.as_str(),
            row.configs.values().map(ReservationConfig::reserved).sum::<u32>()
        );
        self.log.push(now, "reservation_state", Some(Id(Kind::CapacityReservation, number)), Some(&detail));
        self.close_work_request(work, Status::Succeeded, None);
        if deleting {
            let listed = seconds(self.settings.terminated_listed_hours * 3600.0);
            self.schedule.at(now + listed, Task::ForgetReservation { number });
        }
    }

    /// Adjusts a reservation to the requested configs: takes what fits and releases the surplus, but never capacity that
    /// instances use.
    pub(in crate::world) fn fill(&mut self, number: u32, wanted: &[Wanted]) {
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
            let config = row.configs.entry(at).or_insert_with(|| ReservationConfig {
                key: want.key.clone(),
                cluster: want.cluster.clone(),
                free: Vec::new(),
                used: 0,
            });
            while config.reserved() < want.count {
                let family = want.key.shape.get().family;
                let usage = Usage::of(want.key.need);
                // Other launches may have used up the limit since the request.
                if !self.limits.exceeded(ad, family, usage, true).is_empty() {
                    break;
                }
                let Some(held) = self.capacity.take(ad, want.key.fd, family, want.key.need) else { break };
                config.free.push(held);
                self.limits.count_reserved(ad, family, usage, 1);
            }
        }
    }

    /// All capacity that reservations hold but no instance uses.
    pub(in crate::world) fn held_by_reservations(&self) -> impl Iterator<Item = &Held> {
        self.reservations.values().flat_map(|row| row.configs.values()).flat_map(|config| &config.free)
    }
}
