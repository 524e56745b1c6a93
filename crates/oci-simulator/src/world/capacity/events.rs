//! Capacity events that the tenancy does not cause: outages, capacity that returns a few hosts at a time, and other tenants
//! that take and release capacity.

use super::{FAULT_DOMAINS, Held, Need};
use crate::world::schedule::Task;
use crate::world::shapes::{FAMILIES, Family};
use crate::world::state::World;
use crate::world::time::seconds;

/// The approximate maximum number of pieces of capacity that other tenants hold at the start.
const HOLDINGS_MAX: u64 = 100_000;

impl World {
    /// Schedules the capacity events of the settings when the region starts.
    pub(in crate::world) fn plan_capacity_events(&mut self) {
        let now = self.now;
        for (setting, outage) in (0..).zip(&self.settings.outages) {
            let begin = now + seconds(outage.after_seconds);
            self.schedule.at(begin, Task::Outage { setting, begins: true });
            self.schedule.at(begin + seconds(outage.for_seconds), Task::Outage { setting, begins: false });
        }
        for (setting, returning) in (0..).zip(&self.settings.crumbs) {
            self.schedule
                .at(now + seconds(returning.every_seconds), Task::ReturnCapacity { setting, times: 1 });
        }
        if let Some(others) = self.settings.other_tenants.clone() {
            self.schedule.at(now + seconds(others.every_seconds), Task::OtherTenants);
            let all = self.capacity.ocpus();
            let wanted = (all as f64 * others.initial_share.clamp(0.0, 1.0)) as u64;
            // Pieces are larger if there would otherwise be too many small ones.
            let piece = others.ocpus.max(u32::try_from(wanted / 1000 / HOLDINGS_MAX).unwrap_or(u32::MAX));
            let (mut taken, mut misses) = (0, 0);
            while taken < wanted && misses < 1000 {
                match self.take_for_other_tenants(piece) {
                    Some(ocpus) => taken += u64::from(ocpus),
                    None => misses += 1,
                }
            }
        }
    }

    /// Begins or ends the n-th outage of the settings.
    pub(in crate::world) fn turn_outage(&mut self, setting: u32, begins: bool) {
        let Some(outage) = self.settings.outages.get(setting as usize) else { return };
        let ad = outage.availability_domain.saturating_sub(1);
        self.capacity.set_out(ad, begins);
        let what = if begins { "outage_begins" } else { "outage_ends" };
        self.log.push(self.now, what, None, Some(&self.identity.ad_name(ad)));
    }

    /// Adds the hosts of the n-th `crumbs` entry of the settings, for the given time, and schedules the next time.
    pub(in crate::world) fn return_capacity(&mut self, setting: u32, times: u32) {
        let Some(returning) = self.settings.crumbs.get(setting as usize).cloned() else { return };
        let ad = returning.availability_domain.saturating_sub(1);
        let families = match returning.family.as_deref() {
            Some(name) => Family::find(name).into_iter().collect(),
            None => (0..FAMILIES.len() as u8).collect::<Vec<u8>>(),
        };
        for (host, family) in
            (0..returning.hosts).flat_map(|host| families.iter().map(move |family| (host, *family)))
        {
            let fd = ((times + host) % u32::from(FAULT_DOMAINS)) as u8;
            self.capacity.add_hosts(ad, fd, family, 1, returning.ocpus_per_host);
        }
        self.log.push(self.now, "capacity_added", None, Some(&self.identity.ad_name(ad)));
        if returning.times.is_none_or(|most| times < most) {
            // Checked settings have a positive interval; this prevents an endless loop with unchecked ones.
            let every = returning.every_seconds.max(0.001);
            self.schedule.at(self.now + seconds(every), Task::ReturnCapacity { setting, times: times + 1 });
        }
    }

    /// Lets other tenants take or release a piece of capacity, and schedules their next move.
    pub(in crate::world) fn move_other_tenants(&mut self) {
        let Some(others) = self.settings.other_tenants.clone() else { return };
        let all = self.capacity.ocpus();
        let full = self.others.ocpus() as f64 >= all as f64 * others.share;
        if full || (self.others.len() > 0 && self.capacity_event_chance.happens(0.5)) {
            let at = self.capacity_event_chance.below(self.others.len() as u64) as usize;
            if let Some(held) = self.others.remove(at) {
                self.capacity.give_back(held);
            }
        } else {
            self.take_for_other_tenants(others.ocpus);
        }
        let every = others.every_seconds.max(0.001);
        self.schedule.at(self.now + seconds(every), Task::OtherTenants);
    }

    /// Takes capacity for another tenant in a random place. Returns how much, in thousandths of OCPUs; `None` if that place was
    /// full.
    fn take_for_other_tenants(&mut self, ocpus: u32) -> Option<u32> {
        let ad = self.capacity_event_chance.below(self.settings.domains().into()) as u8;
        let family = self.capacity_event_chance.below(FAMILIES.len() as u64) as u8;
        let model = &FAMILIES[usize::from(family)];
        let ocpus = ocpus.clamp(1, model.ocpus);
        let memory = model.memory * 1000 / model.ocpus * ocpus;
        let need = Need { ocpus: ocpus * 1000, memory, gpus: 0, whole: false };
        let Some(held) = self.capacity.take(ad, None, family, need) else {
            self.make_room(ad, None, family, need);
            return None;
        };
        self.others.add(held, need);
        Some(need.ocpus)
    }

    /// All capacity that other tenants hold.
    pub(in crate::world) fn held_by_others(&self) -> impl Iterator<Item = &Held> {
        self.others.held()
    }
}
