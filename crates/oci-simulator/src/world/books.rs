//! What the world holds, for whoever wants to look at it from outside the API: tests, statistics, the server's start.

use super::World;
use super::ids::{Id, Kind};
use super::instances::State;
use super::limits::Usage;
use std::collections::BTreeMap;
use std::fmt::Debug;

/// OCIDs of what every region has from the start.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Defaults {
    pub tenancy: String,
    pub user: String,
    /// The first compartment below the root: the network is there.
    pub compartment: String,
    pub vcn: String,
    pub public_subnet: String,
    pub private_subnet: String,
    /// The newest Oracle Linux 9 image for shapes that are not Arm.
    pub image: String,
    /// The same for Arm shapes.
    pub arm_image: String,
    /// Names of the availability domains.
    pub availability_domains: Vec<String>,
}

/// An instance, as the books have it.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct InstanceEntry {
    pub id: String,
    pub name: String,
    pub tags: BTreeMap<String, String>,
    pub state: State,
    pub availability_domain: String,
    /// From 1.
    pub fault_domain: u8,
    pub shape: &'static str,
    pub ocpus: f64,
    pub memory_in_gbs: f64,
    pub reservation: Option<String>,
    /// OCID of its instance pool.
    pub pool: Option<String>,
    /// Whether the launch was accepted and failed later.
    pub failed: bool,
}

/// A capacity reservation, as the books have it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct ReservationEntry {
    pub id: String,
    pub name: String,
    pub state: &'static str,
    pub reserved: u32,
    pub used: u32,
}

/// A boot volume, as the books have it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct BootVolumeEntry {
    pub id: String,
    pub name: String,
    /// OCID of the instance that uses it.
    pub used_by: Option<String>,
}

impl World {
    /// OCIDs of what every region has from the start.
    pub fn defaults(&self) -> Defaults {
        let text = |kind, number| self.ids.text(Id(kind, number));
        let newest = |arm| {
            let fits = |image: &super::images::ImageRow| {
                image.os == "Oracle Linux" && image.os_version == "9" && image.arm == Some(arm) && !image.gpu
            };
            let number = self.images.iter().rposition(fits).unwrap_or_default();
            text(Kind::Image, number as u32)
        };
        Defaults {
            tenancy: text(Kind::Tenancy, 0),
            user: text(Kind::User, 0),
            compartment: text(Kind::Compartment, 1),
            vcn: text(Kind::Vcn, 0),
            public_subnet: text(Kind::Subnet, 0),
            private_subnet: text(Kind::Subnet, 1),
            image: newest(false),
            arm_image: newest(true),
            availability_domains: self.identity.ads.clone(),
        }
    }

    /// All instances that are live or still listed, oldest first.
    pub fn instances(&self) -> impl Iterator<Item = InstanceEntry> + '_ {
        self.instances.iter().map(|(number, row)| InstanceEntry {
            id: self.ids.text(Id(Kind::Instance, number)),
            name: row.name.to_string(),
            tags: row.tags.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect(),
            state: row.state,
            availability_domain: self.identity.ad_name(row.ad),
            fault_domain: row.fd + 1,
            shape: row.shape.get().name,
            ocpus: f64::from(row.need.ocpus) / 1000.0,
            memory_in_gbs: f64::from(row.need.memory) / 1000.0,
            reservation: row.reservation.map(|number| self.ids.text(Id(Kind::CapacityReservation, number))),
            pool: row.pool.map(|number| self.ids.text(Id(Kind::InstancePool, number))),
            failed: row.failed,
        })
    }

    /// The instances that are neither TERMINATING nor TERMINATED, oldest first.
    pub fn live_instances(&self) -> impl Iterator<Item = InstanceEntry> + '_ {
        self.instances().filter(|entry| !matches!(entry.state, State::Terminating | State::Terminated))
    }

    /// How many instances are in each state; states without any are left out.
    pub fn instance_counts(&self) -> BTreeMap<State, usize> {
        self.instances.counts()
    }

    /// All capacity reservations that are still listed.
    pub fn reservations(&self) -> impl Iterator<Item = ReservationEntry> + '_ {
        self.reservations.iter().map(|(number, row)| ReservationEntry {
            id: self.ids.text(Id(Kind::CapacityReservation, *number)),
            name: row.name.clone(),
            state: row.state.as_str(),
            reserved: row.configs.values().map(super::reservations::Config::reserved).sum(),
            used: row.configs.values().map(|config| config.used).sum(),
        })
    }

    /// All boot volumes that exist.
    pub fn boot_volumes(&self) -> impl Iterator<Item = BootVolumeEntry> + '_ {
        let rows = self.volumes.boots.iter().zip(0..).filter(|(row, _)| row.available);
        rows.map(|(row, number)| BootVolumeEntry {
            id: self.ids.text(Id(Kind::BootVolume, number)),
            name: row.name.to_string(),
            used_by: row.used_by.map(|instance| self.ids.text(Id(Kind::Instance, instance))),
        })
    }

    /// Checks what must always hold: capacity is neither lost nor made, limits are kept and counted right, no address is
    /// given out twice, reservations hold what they say, volumes and instances know each other, pools and members know each
    /// other, and no retry token is remembered for ever.
    pub fn check_invariants(&self) -> Result<(), String> {
        let held = self.instances.iter().filter_map(|(_, row)| row.held.as_ref());
        self.capacity.check(held.chain(self.held_by_reservations()).chain(self.held_by_others()))?;
        self.limits.check()?;
        self.check_counts()?;
        self.check_addresses()?;
        self.check_reservations()?;
        self.check_boot_volumes()?;
        self.check_data_volumes()?;
        self.check_pools()?;
        self.tokens.check()?;
        self.check_preemptibles()
    }

    fn check_counts(&self) -> Result<(), String> {
        let (mut places, mut compartments) = (BTreeMap::new(), BTreeMap::new());
        for (_, row) in self.instances.iter().filter(|(_, row)| row.live) {
            let (usage, family) = (Usage::of(row.need), row.shape.get().family);
            places.entry((row.ad, family)).or_insert_with(Usage::default).add(usage, 1);
            compartments.entry((row.compartment, family)).or_insert_with(Usage::default).add(usage, 1);
        }
        same("availability domains", self.limits.counted(), &places)?;
        same("compartments", self.limits.counted_in_compartments(), &compartments)
    }

    fn check_boot_volumes(&self) -> Result<(), String> {
        for (volume, number) in self.volumes.boots.iter().zip(0_u32..) {
            let Some(instance) = volume.used_by else { continue };
            let user = self.instances.get(instance).filter(|row| row.live);
            if user.is_none_or(|row| row.boot_volume != Some(number)) {
                return Err(format!(
                    "boot volume {number} is used by instance {instance}, which does not know it"
                ));
            }
        }
        Ok(())
    }

    fn check_addresses(&self) -> Result<(), String> {
        let mut seen = BTreeMap::new();
        for (number, row) in self.instances.iter().filter(|(_, row)| row.live) {
            if let Some(other) = seen.insert((row.subnet, row.address), number) {
                return Err(format!("instances {other} and {number} have the same address"));
            }
            if !self.network.subnets[row.subnet as usize].members.contains(&number) {
                return Err(format!("instance {number} is not a member of its subnet"));
            }
        }
        for (number, subnet) in self.network.subnets.iter().enumerate() {
            let (free, used) = (subnet.free(), subnet.members.len() as u32);
            if free + used != subnet.usable() {
                return Err(format!("subnet {number}: {free} free, {used} used, {} in all", subnet.usable()));
            }
        }
        Ok(())
    }

    fn check_reservations(&self) -> Result<(), String> {
        for (number, row) in &self.reservations {
            let used: u32 = row.configs.values().map(|config| config.used).sum();
            let inside =
                self.instances.iter().filter(|(_, row)| row.live && row.reservation == Some(*number));
            let inside = inside.map(|(number, _)| number).collect::<std::collections::BTreeSet<u32>>();
            if used as usize != inside.len() || inside != row.members {
                return Err(format!("reservation {number} says {used} are used, {} are", inside.len()));
            }
        }
        let mut defaults = BTreeMap::new();
        for (number, row) in self.reservations.iter().filter(|(_, row)| row.is_default && row.exists()) {
            if let Some(other) = defaults.insert(row.ad, number) {
                return Err(format!("reservations {other} and {number} are both the default of one domain"));
            }
        }
        Ok(())
    }
}

/// Checks that what is counted is what instances add up to.
fn same<K: Ord + Debug>(
    what: &str,
    counted: &BTreeMap<K, Usage>,
    own: &BTreeMap<K, Usage>,
) -> Result<(), String> {
    let none = Usage::default();
    for key in counted.keys().chain(own.keys()) {
        let (counted, own) = (counted.get(key).unwrap_or(&none), own.get(key).unwrap_or(&none));
        if counted != own {
            return Err(format!("usage of {what} {key:?} is {counted:?}, instances add up to {own:?}"));
        }
    }
    Ok(())
}
