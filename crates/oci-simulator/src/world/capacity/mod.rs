//! Hosts and their free capacity. This module does not know what capacity is used for: whoever takes some keeps the [`Held`]
//! and returns it later.

mod events;
mod holdings;

use super::settings::{HostsIn, WorldSettings};
use super::shapes::FAMILIES;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

pub(super) use holdings::Holdings;

/// Fault domains in an availability domain.
pub(super) const FAULT_DOMAINS: u8 = 3;

/// The maximum number of hosts of one family in one fault domain.
const POOL_MAX: u32 = 1_000_000;

/// The requested part of a host: thousandths of OCPUs, thousandths of GB, and whole GPUs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Need {
    pub ocpus: u32,
    pub memory: u32,
    pub gpus: u32,
    /// Whether the host must be otherwise empty, for bare metal.
    pub whole: bool,
}

/// A part of a host that has been taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Held {
    pool: u16,
    host: u32,
    ocpus: u32,
    memory: u32,
    gpus: u32,
}

impl Held {
    /// The fault domain of the host: 0 to 2.
    pub fn fault_domain(&self) -> u8 {
        ((self.pool as usize / FAMILIES.len()) % usize::from(FAULT_DOMAINS)) as u8
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Host {
    ocpus: u32,
    memory: u32,
    gpus: u32,
    free_ocpus: u32,
    free_memory: u32,
    free_gpus: u32,
}

/// The hosts of one family in one fault domain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "SavedHostPool")]
struct HostPool {
    hosts: Vec<Host>,
    /// Hosts by free OCPUs, to find the tightest fit.
    by_free: BTreeSet<(u32, u32)>,
    free_ocpus: u64,
    /// OCPUs of all hosts in thousandths. A sum, kept because other tenants ask for it at every move.
    #[serde(skip)]
    ocpus: u64,
    /// How many hosts are alike, by their sizes and what is free of them: a capacity report asks each kind once, however many
    /// hosts have come back over weeks.
    #[serde(skip)]
    alike: BTreeMap<Host, u64>,
}

/// A pool as it is saved.
#[derive(Deserialize)]
struct SavedHostPool {
    hosts: Vec<Host>,
    by_free: BTreeSet<(u32, u32)>,
    free_ocpus: u64,
}

impl From<SavedHostPool> for HostPool {
    fn from(SavedHostPool { hosts, by_free, free_ocpus }: SavedHostPool) -> Self {
        let ocpus = hosts.iter().map(|host| u64::from(host.ocpus)).sum();
        let alike = count_alike(&hosts);
        Self { hosts, by_free, free_ocpus, ocpus, alike }
    }
}

/// What the hosts of one family have in one availability domain. OCPUs are in thousandths.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct HostTotals {
    pub hosts: u64,
    pub ocpus: u64,
    pub free_ocpus: u64,
    pub gpus: u64,
    pub free_gpus: u64,
}

/// All hosts of the region.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Capacity {
    pools: Vec<HostPool>,
    /// The availability domains that have an outage at present.
    out: [bool; 3],
}

fn pool_number(ad: u8, fd: u8, family: u8) -> usize {
    (usize::from(ad) * usize::from(FAULT_DOMAINS) + usize::from(fd)) * FAMILIES.len() + usize::from(family)
}

/// Hosts of a family in each fault domain of an availability domain.
pub(super) fn hosts_in(settings: &WorldSettings, ad: u8, family: &str) -> u32 {
    let hosts = &settings.hosts;
    let here = |place: &&HostsIn| place.availability_domain == ad + 1;
    let of_family = hosts.by_availability_domain.iter().filter(here).rev();
    let exact = of_family.clone().find(|place| place.family.as_deref() == Some(family));
    let general = || of_family.clone().find(|place| place.family.is_none());
    match exact.or_else(general) {
        Some(place) => place.per_fault_domain,
        None => hosts.by_family.get(family).copied().unwrap_or(hosts.per_fault_domain),
    }
}

fn count_alike(hosts: &[Host]) -> BTreeMap<Host, u64> {
    let mut alike = BTreeMap::new();
    for host in hosts {
        *alike.entry(*host).or_default() += 1;
    }
    alike
}

impl Capacity {
    pub fn new(settings: &WorldSettings) -> Self {
        let mut capacity = Self { pools: Vec::new(), out: [false; 3] };
        for ad in 0..settings.domains() {
            for fd in 0..FAULT_DOMAINS {
                for (number, family) in FAMILIES.iter().enumerate() {
                    capacity.pools.push(HostPool::default());
                    let count = hosts_in(settings, ad, family.name);
                    capacity.add_hosts(ad, fd, number as u8, count, None);
                }
            }
        }
        capacity
    }

    /// Adds hosts with this many OCPUs, and memory and GPUs in proportion; `None` adds hosts of the family's own size.
    pub fn add_hosts(&mut self, ad: u8, fd: u8, family: u8, count: u32, ocpus: Option<u32>) {
        let Some(pool) = self.pools.get_mut(pool_number(ad, fd, family)) else { return };
        let model = &FAMILIES[usize::from(family)];
        // However often capacity returns, memory must not fill up with hosts.
        let count = count.min(POOL_MAX.saturating_sub(pool.hosts.len() as u32));
        let ocpus = ocpus.unwrap_or(model.ocpus).min(model.ocpus).max(1);
        let memory = model.memory * 1000 / model.ocpus * ocpus;
        let (gpus, ocpus) = (model.gpus * ocpus / model.ocpus, ocpus * 1000);
        for _ in 0..count {
            let host = Host { ocpus, memory, gpus, free_ocpus: ocpus, free_memory: memory, free_gpus: gpus };
            pool.by_free.insert((ocpus, pool.hosts.len() as u32));
            pool.hosts.push(host);
            *pool.alike.entry(host).or_default() += 1;
            pool.free_ocpus += u64::from(ocpus);
            pool.ocpus += u64::from(ocpus);
        }
    }

    /// Begins or ends an outage of an availability domain.
    pub fn set_out(&mut self, ad: u8, out: bool) {
        if let Some(mark) = self.out.get_mut(usize::from(ad)) {
            *mark = out;
        }
    }

    pub fn is_out(&self, ad: u8) -> bool {
        self.out.get(usize::from(ad)).copied().unwrap_or(true)
    }

    /// Takes capacity in the given fault domain, or in the one with the most free capacity, on the host with the tightest fit.
    pub fn take(&mut self, ad: u8, fd: Option<u8>, family: u8, need: Need) -> Option<Held> {
        if self.is_out(ad) {
            return None;
        }
        let mut domains: Vec<u8> = fd.map_or_else(|| (0..FAULT_DOMAINS).collect(), |fd| vec![fd]);
        let room = |fd: &u8| self.pools.get(pool_number(ad, *fd, family)).map_or(0, |pool| pool.free_ocpus);
        domains.sort_by_key(|fd| std::cmp::Reverse(room(fd)));
        domains.into_iter().find_map(|fd| {
            let number = pool_number(ad, fd, family);
            self.pools.get_mut(number).and_then(|pool| pool.take(number as u16, need))
        })
    }

    /// Frees capacity that was taken.
    pub fn give_back(&mut self, held: Held) {
        if let Some(pool) = self.pools.get_mut(usize::from(held.pool)) {
            pool.change(held, false);
        }
    }

    /// How many times this need would still fit.
    pub fn fits(&self, ad: u8, fd: Option<u8>, family: u8, need: Need) -> u64 {
        if self.is_out(ad) {
            return 0;
        }
        let domains = fd.map_or(0..FAULT_DOMAINS, |fd| fd..fd + 1);
        let pools = domains.filter_map(|fd| self.pools.get(pool_number(ad, fd, family)));
        pools.flat_map(|pool| &pool.alike).map(|(host, count)| host.fits(need) * count).sum()
    }

    /// OCPUs of all hosts in thousandths.
    pub fn ocpus(&self) -> u64 {
        self.pools.iter().map(|pool| pool.ocpus).sum()
    }

    /// What the hosts of a family have in an availability domain.
    pub fn totals(&self, ad: u8, family: u8) -> HostTotals {
        let pools = (0..FAULT_DOMAINS).filter_map(|fd| self.pools.get(pool_number(ad, fd, family)));
        let mut totals = HostTotals::default();
        for pool in pools {
            totals.hosts += pool.hosts.len() as u64;
            totals.ocpus += pool.ocpus;
            totals.free_ocpus += pool.free_ocpus;
            totals.gpus += pool.hosts.iter().map(|host| u64::from(host.gpus)).sum::<u64>();
            totals.free_gpus += pool.hosts.iter().map(|host| u64::from(host.free_gpus)).sum::<u64>();
        }
        totals
    }

    /// Checks that free and held capacity add up to the whole on every host.
    pub fn check<'a>(&self, held: impl Iterator<Item = &'a Held>) -> Result<(), String> {
        let mut pools: Vec<Vec<Host>> = self.pools.iter().map(|pool| pool.hosts.clone()).collect();
        for held in held {
            let hosts = pools.get_mut(usize::from(held.pool));
            let host = hosts.and_then(|hosts| hosts.get_mut(held.host as usize));
            host.ok_or("something holds a host that is not there")?.give_back(*held);
        }
        if let Some(number) = pools.iter().position(|hosts| !hosts.iter().all(Host::is_whole)) {
            return Err(format!("capacity is not conserved on the hosts of pool {number}"));
        }
        match self.pools.iter().position(|pool| pool.alike != count_alike(&pool.hosts)) {
            Some(number) => Err(format!("the kinds of hosts of pool {number} are miscounted")),
            None => Ok(()),
        }
    }
}

impl Host {
    fn fits(&self, need: Need) -> u64 {
        if need.whole {
            let empty = self.free_ocpus == self.ocpus && self.free_memory == self.memory;
            return u64::from(empty && self.ocpus >= need.ocpus);
        }
        let part = |free: u32, need: u32| free.checked_div(need).unwrap_or(u32::MAX);
        let parts = [
            part(self.free_ocpus, need.ocpus),
            part(self.free_memory, need.memory),
            part(self.free_gpus, need.gpus),
        ];
        u64::from(parts.into_iter().min().unwrap_or(0))
    }

    fn give_back(&mut self, held: Held) {
        self.free_ocpus += held.ocpus;
        self.free_memory += held.memory;
        self.free_gpus += held.gpus;
    }

    fn is_whole(&self) -> bool {
        (self.free_ocpus, self.free_memory, self.free_gpus) == (self.ocpus, self.memory, self.gpus)
    }
}

impl HostPool {
    fn take(&mut self, number: u16, need: Need) -> Option<Held> {
        let fitting = |(_, host): &&(u32, u32)| self.hosts[*host as usize].fits(need) > 0;
        let (_, host) = *self.by_free.range((need.ocpus, 0)..).find(fitting)?;
        let own = self.hosts.get(host as usize)?;
        // Bare metal takes all that its host has, whose memory may be rounded.
        let (ocpus, memory, gpus) =
            if need.whole { (own.ocpus, own.memory, own.gpus) } else { (need.ocpus, need.memory, need.gpus) };
        let held = Held { pool: number, host, ocpus, memory, gpus };
        self.change(held, true);
        Some(held)
    }

    fn change(&mut self, held: Held, take: bool) {
        let Some(host) = self.hosts.get_mut(held.host as usize) else { return };
        self.by_free.remove(&(host.free_ocpus, held.host));
        if let Some(count) = self.alike.get_mut(host) {
            *count -= 1;
            if *count == 0 {
                self.alike.remove(host);
            }
        }
        if take {
            host.free_ocpus -= held.ocpus;
            host.free_memory -= held.memory;
            host.free_gpus -= held.gpus;
            self.free_ocpus -= u64::from(held.ocpus);
        } else {
            host.give_back(held);
            self.free_ocpus += u64::from(held.ocpus);
        }
        self.by_free.insert((host.free_ocpus, held.host));
        *self.alike.entry(*host).or_default() += 1;
    }
}
