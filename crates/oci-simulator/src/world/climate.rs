//! What happens to capacity without the tenancy's doing: outages, capacity that comes back in crumbs, other tenants.

use super::World;
use super::capacity::{FAULT_DOMAINS, Held, Need};
use super::schedule::Task;
use super::shapes::{FAMILIES, Family};
use super::time::seconds;

/// How many pieces of capacity other tenants hold at the start, roughly and at most.
const HOLDINGS_MAX: u64 = 100_000;

impl World {
    /// Plans the weather, at the beginning of the world.
    pub(super) fn plan_climate(&mut self) {
        let now = self.now;
        for (setting, outage) in (0..).zip(&self.settings.outages) {
            let begin = now + seconds(outage.after_seconds);
            self.schedule.at(begin, Task::Outage { setting, begins: true });
            self.schedule.at(begin + seconds(outage.for_seconds), Task::Outage { setting, begins: false });
        }
        for (setting, crumbs) in (0..).zip(&self.settings.crumbs) {
            self.schedule.at(now + seconds(crumbs.every_seconds), Task::Crumb { setting, times: 1 });
        }
        if let Some(others) = self.settings.other_tenants.clone() {
            self.schedule.at(now + seconds(others.every_seconds), Task::OtherTenants);
            let (all, _) = self.capacity.ocpus();
            let wanted = (all as f64 * others.initial_share.clamp(0.0, 1.0)) as u64;
            // In larger pieces where small ones would be too many to hold.
            let piece = others.ocpus.max(u32::try_from(wanted / 1000 / HOLDINGS_MAX).unwrap_or(u32::MAX));
            let (mut taken, mut misses) = (0, 0);
            while taken < wanted && misses < 1000 {
                match self.others_take(piece) {
                    Some(ocpus) => taken += u64::from(ocpus),
                    None => misses += 1,
                }
            }
        }
    }

    pub(super) fn outage(&mut self, setting: u32, begins: bool) {
        let Some(outage) = self.settings.outages.get(setting as usize) else { return };
        let ad = outage.availability_domain.saturating_sub(1);
        self.capacity.set_out(ad, begins);
        let what = if begins { "outage_begins" } else { "outage_ends" };
        self.log.push(self.now, what, None, Some(&self.identity.ad_name(ad)));
    }

    pub(super) fn crumb(&mut self, setting: u32, times: u32) {
        let Some(crumbs) = self.settings.crumbs.get(setting as usize).cloned() else { return };
        let ad = crumbs.availability_domain.saturating_sub(1);
        let families = match crumbs.family.as_deref() {
            Some(name) => Family::find(name).into_iter().collect(),
            None => (0..FAMILIES.len() as u8).collect::<Vec<u8>>(),
        };
        for (host, family) in
            (0..crumbs.hosts).flat_map(|host| families.iter().map(move |family| (host, *family)))
        {
            let fd = ((times + host) % u32::from(FAULT_DOMAINS)) as u8;
            self.capacity.add_hosts(ad, fd, family, 1, crumbs.ocpus_per_host);
        }
        self.log.push(self.now, "capacity_added", None, Some(&self.identity.ad_name(ad)));
        if crumbs.times.is_none_or(|most| times < most) {
            // Settings are checked to have a positive interval; this keeps a bad one from looping for ever.
            let every = crumbs.every_seconds.max(0.001);
            self.schedule.at(self.now + seconds(every), Task::Crumb { setting, times: times + 1 });
        }
    }

    fn others_ocpus(&self) -> u64 {
        self.others.iter().map(|(_, need)| u64::from(need.ocpus)).sum()
    }

    pub(super) fn others_move(&mut self) {
        let Some(others) = self.settings.other_tenants.clone() else { return };
        let (all, _) = self.capacity.ocpus();
        let full = self.others_ocpus() as f64 >= all as f64 * others.share;
        if full || (!self.others.is_empty() && self.climate_chance.happens(0.5)) {
            let at = self.climate_chance.below(self.others.len() as u64) as usize;
            if at < self.others.len() {
                let (held, _) = self.others.swap_remove(at);
                self.capacity.give_back(held);
            }
        } else {
            self.others_take(others.ocpus);
        }
        let every = others.every_seconds.max(0.001);
        self.schedule.at(self.now + seconds(every), Task::OtherTenants);
    }

    /// Takes capacity somewhere and says how much, in thousandths of OCPUs; `None` if it was full there.
    fn others_take(&mut self, ocpus: u32) -> Option<u32> {
        let ad = self.climate_chance.below(self.settings.domains().into()) as u8;
        let family = self.climate_chance.below(FAMILIES.len() as u64) as u8;
        let model = &FAMILIES[usize::from(family)];
        let ocpus = ocpus.clamp(1, model.ocpus);
        let memory = model.memory * 1000 / model.ocpus * ocpus;
        let need = Need { ocpus: ocpus * 1000, memory, gpus: 0, whole: false };
        let Some(held) = self.capacity.take(ad, None, family, need) else {
            self.want_room(ad, None, family, need);
            return None;
        };
        self.others.push((held, need));
        Some(need.ocpus)
    }

    /// Everything that other tenants hold.
    pub(super) fn held_by_others(&self) -> impl Iterator<Item = &Held> {
        self.others.iter().map(|(held, _)| held)
    }
}
