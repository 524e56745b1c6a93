//! Limits on how many networks, addresses, volumes, backups, configurations and pools there are. What is used is counted when a limit is in force or
//! asked for, and not kept.

use crate::world::api::ApiError;
use crate::world::error;
use crate::world::ids::{Id, Kind};
use crate::world::limits::UNLIMITED;
use crate::world::state::World;
use crate::world::volumes::{NewVolume, VolumeRow};

/// What one of these limits counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::world) enum Thing {
    Vcns,
    ReservedPublicIps,
    Volumes,
    StorageInGbs,
    Backups,
    Configurations,
    Pools,
    ClusterNetworks,
}

/// One of these limits.
#[derive(Clone, Copy, Debug)]
pub(in crate::world) struct Counted {
    pub service: &'static str,
    pub name: &'static str,
    /// Whether each availability domain has its own.
    pub local: bool,
    /// Its value unless the settings have another.
    usual: i64,
    thing: Thing,
}

/// Where something is to be counted.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::world) struct Where {
    /// `None` for the whole region.
    pub ad: Option<u8>,
    /// `None` for the whole tenancy.
    pub compartment: Option<u32>,
}

/// All of them. Names and scopes: Oracle, "Networking Quotas", "Block Volume Quotas" and "Compute Quotas". Values: Oracle, "Service
/// Limits"; those of volumes differ between tenancies, and are therefore no limits unless a scenario sets them.
pub(in crate::world) const COUNTED: [Counted; 8] = [
    Counted::new("vcn", "vcn-count", false, 50, Thing::Vcns),
    Counted::new("vcn", "reserved-public-ip-count", false, 50, Thing::ReservedPublicIps),
    Counted::new("block-storage", "volume-count", true, UNLIMITED, Thing::Volumes),
    Counted::new("block-storage", "total-storage-gb", true, UNLIMITED, Thing::StorageInGbs),
    Counted::new("block-storage", "backup-count", false, UNLIMITED, Thing::Backups),
    Counted::new("compute-management", "cluster-network-count", false, 15, Thing::ClusterNetworks),
    Counted::new("compute-management", "config-count", false, 200, Thing::Configurations),
    Counted::new("compute-management", "pool-count", false, 50, Thing::Pools),
];

impl Counted {
    const fn new(service: &'static str, name: &'static str, local: bool, usual: i64, thing: Thing) -> Self {
        Self { service, name, local, usual, thing }
    }

    pub fn find(name: &str) -> Option<&'static Self> {
        COUNTED.iter().find(|limit| limit.name == name)
    }

    /// What its unit is called.
    pub fn unit(self) -> &'static str {
        match self.thing {
            Thing::StorageInGbs => "GB of storage",
            _ => "resources",
        }
    }
}

/// How many volumes, and how many GB, a launch makes: the `boot` volume, if it has this size and does not exist, and others.
pub(in crate::world) fn of_new_volumes(boot: Option<i64>, others: &[NewVolume]) -> [(Thing, i64); 2] {
    let others = others.iter().filter_map(|new| new.launch_create_volume_details.as_ref());
    let (count, size) = boot
        .into_iter()
        .chain(others.map(|new| new.size_in_gbs))
        .fold((0, 0), |(count, sum), size| (count + 1, sum + size));
    [(Thing::Volumes, count), (Thing::StorageInGbs, size)]
}

impl World {
    /// Refuses what would exceed one of these limits, or a compartment quota on one.
    pub(in crate::world) fn check_counted(
        &self,
        compartment: u32,
        ad: Option<u8>,
        more: &[(Thing, i64)],
    ) -> Result<(), ApiError> {
        let of =
            |limit: &Counted| more.iter().find(|(thing, _)| *thing == limit.thing).map(|(_, more)| *more);
        let wanted = COUNTED.iter().filter_map(|limit| Some((limit, of(limit).filter(|more| *more > 0)?)));
        let mut names = Vec::new();
        for (limit, more) in wanted {
            let (value, place) = (self.counted_value(limit, ad), Where { ad, compartment: None });
            if value < UNLIMITED && self.counted_used(limit, place) + more > value {
                names.push(limit.name.to_owned());
            }
        }
        if !names.is_empty() {
            return Err(error::limit_exceeded(&names));
        }
        for (quota, number) in self.settings.quotas.iter().zip(0..) {
            let Some(limit) = Counted::find(&quota.name) else { continue };
            let Some(more) = of(limit).filter(|more| *more > 0) else { continue };
            let wanted = quota.compartment.as_deref();
            let known = wanted.map(|ocid| self.identity.find_compartment(&self.ids, ocid));
            if known.is_some_and(|known| known != Some(compartment)) {
                continue;
            }
            let place = Where { ad, compartment: Some(compartment) };
            let over = self.counted_used(limit, place) + more - quota.value;
            if over > 0 {
                let ocid = self.ids.text(Id(Kind::Quota, number));
                return Err(error::quota_exceeded(&quota.name, &ocid, over));
            }
        }
        Ok(())
    }

    /// The value of a limit, in an availability domain if it is of one.
    pub(in crate::world) fn counted_value(&self, limit: &Counted, ad: Option<u8>) -> i64 {
        let here =
            |number: Option<u8>| !limit.local || number.is_none_or(|number| ad == number.checked_sub(1));
        let named = self.settings.limits.named.iter().rev();
        let mut named = named.filter(|named| named.name == limit.name && here(named.availability_domain));
        named.next().map_or(limit.usual, |named| named.value)
    }

    /// How much of a limit is used there.
    pub(in crate::world) fn counted_used(&self, limit: &Counted, place: Where) -> i64 {
        let is_of = |compartment: u32| place.compartment.is_none_or(|own| own == compartment);
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        match limit.thing {
            Thing::Vcns => {
                let living = self.network.vcns.iter().filter(|row| row.phase(self.now).is_some());
                count(living.filter(|row| is_of(row.compartment)).count())
            }
            Thing::ReservedPublicIps => {
                count(self.network.addresses.compartments_of_reserved().filter(|own| is_of(*own)).count())
            }
            Thing::Backups => {
                let living = self.volumes.backups.iter().filter(|row| row.common.lives());
                count(living.filter(|row| is_of(row.compartment)).count())
            }
            Thing::Configurations => {
                count(self.configurations.values().filter(|row| is_of(row.compartment)).count())
            }
            Thing::Pools => {
                count(self.pools.values().filter(|row| row.exists() && is_of(row.compartment)).count())
            }
            Thing::ClusterNetworks => {
                count(self.living_networks().filter(|(_, row)| is_of(row.compartment)).count())
            }
            Thing::Volumes => self.volumes_in(place, |_| 1),
            Thing::StorageInGbs => self.volumes_in(place, |size| size),
        }
    }

    /// The sum over all volumes there of what `value` makes of their size, including those that launches will make.
    fn volumes_in(&self, place: Where, value: impl Fn(i64) -> i64) -> i64 {
        let is_in = |compartment: u32, ad: u8| {
            place.compartment.is_none_or(|own| own == compartment) && place.ad.is_none_or(|own| own == ad)
        };
        let is_there = |row: &&VolumeRow| row.available && is_in(row.compartment, row.ad);
        let rows = self.volumes.boots.iter().chain(&self.volumes.data).filter(is_there);
        let launching = self.instances.iter().filter(|(_, row)| {
            row.live && !row.placed && row.boot_volume.is_none() && is_in(row.compartment, row.ad)
        });
        let boots = launching.map(|(_, row)| {
            let source = self.instances.extras.get(row.extras).source_details.as_ref();
            source.and_then(|source| source.boot_volume_size_in_gbs).unwrap_or(USUAL_BOOT_SIZE_GBS)
        });
        let planned = self.volumes.planned().filter_map(|(instance, new)| {
            let (row, details) = (self.instances.get(instance)?, new.launch_create_volume_details.as_ref()?);
            let other = details.compartment_id.as_ref().and_then(|ocid| self.compartment(ocid).ok());
            is_in(other.unwrap_or(row.compartment), row.ad).then_some(details.size_in_gbs)
        });
        rows.map(|row| row.size_in_gbs).chain(boots).chain(planned).map(value).sum()
    }
}

/// The size of a boot volume without one, in GB (invented; Oracle's platform images have 47 to 50).
pub(in crate::world) const USUAL_BOOT_SIZE_GBS: i64 = 50;
