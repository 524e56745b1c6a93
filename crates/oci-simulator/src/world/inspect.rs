//! The contents of the world for observers outside the API: tests, statistics, the start of the server.

use super::ids::{Id, Kind};
use super::images::ImageRow;
use super::instances::State;
use super::reservations::ReservationConfig;
use super::shapes::{FAMILIES, Family, SHAPES};
use super::state::World;
use serde::Serialize;
use std::collections::BTreeMap;

/// OCIDs of the resources that every region has from the start.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Defaults {
    pub tenancy: String,
    pub user: String,
    /// The first compartment below the root, which holds the network.
    pub compartment: String,
    pub vcn: String,
    pub public_subnet: String,
    pub private_subnet: String,
    /// The newest Oracle Linux 9 image for shapes that are not Arm.
    pub image: String,
    /// The newest Oracle Linux 9 image for Arm shapes.
    pub arm_image: String,
    /// Names of the availability domains.
    pub availability_domains: Vec<String>,
}

/// An instance as the region stores it.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct InstanceEntry {
    pub id: String,
    pub name: String,
    pub tags: BTreeMap<String, String>,
    pub state: State,
    pub availability_domain: String,
    /// The number of its fault domain: 1 to 3.
    pub fault_domain: u8,
    pub shape: &'static str,
    pub ocpus: f64,
    pub memory_in_gbs: f64,
    pub reservation: Option<String>,
    /// OCID of its instance pool.
    pub pool: Option<String>,
    /// Whether the launch was accepted but failed later.
    pub failed: bool,
}

/// The hosts of one family in one availability domain.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct HostEntry {
    pub availability_domain: String,
    pub family: &'static str,
    /// The shapes that run on them.
    pub shapes: Vec<&'static str>,
    pub hosts: u64,
    pub ocpus: f64,
    pub free_ocpus: f64,
    pub gpus: u64,
    pub free_gpus: u64,
    /// Whether the availability domain has an outage.
    pub outage: bool,
}

/// A capacity reservation as the region stores it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct ReservationEntry {
    pub id: String,
    pub name: String,
    pub state: &'static str,
    pub reserved: u32,
    pub used: u32,
}

/// A boot volume as the region stores it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct BootVolumeEntry {
    pub id: String,
    pub name: String,
    /// OCID of the instance that uses it.
    pub used_by: Option<String>,
}

impl World {
    /// OCIDs of the resources that every region has from the start.
    pub fn defaults(&self) -> Defaults {
        let text = |kind, number| self.ids.text(Id(kind, number));
        let newest = |arm| {
            let fits = |image: &ImageRow| {
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

    /// All instances that exist or are still listed, oldest first.
    pub fn instances(&self) -> impl Iterator<Item = InstanceEntry> + '_ {
        self.instances.iter().map(|(number, row)| InstanceEntry {
            id: self.ids.text(Id(Kind::Instance, number)),
            name: row.name.to_string(),
            tags: row.tags.to_map(),
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

    /// The number of instances in each state; states without instances are omitted.
    pub fn instance_counts(&self) -> BTreeMap<State, usize> {
        self.instances.counts()
    }

    /// The hosts by availability domain and family, whether or not somebody uses them.
    pub fn hosts(&self) -> Vec<HostEntry> {
        let domains = (0..).zip(&self.identity.ads);
        let families = || (0..).zip(FAMILIES);
        let row = |(ad, name): (u8, &String), (number, family): (u8, &Family)| {
            let totals = self.capacity.totals(ad, number);
            let shapes = SHAPES.iter().filter(|shape| shape.family == number).map(|shape| shape.name);
            HostEntry {
                availability_domain: name.clone(),
                family: family.name,
                shapes: shapes.collect(),
                hosts: totals.hosts,
                ocpus: totals.ocpus as f64 / 1000.0,
                free_ocpus: totals.free_ocpus as f64 / 1000.0,
                gpus: totals.gpus,
                free_gpus: totals.free_gpus,
                outage: self.capacity.is_out(ad),
            }
        };
        domains.flat_map(|domain| families().map(move |family| row(domain, family))).collect()
    }

    /// All capacity reservations that are still listed.
    pub fn reservations(&self) -> impl Iterator<Item = ReservationEntry> + '_ {
        self.reservations.iter().map(|(number, row)| ReservationEntry {
            id: self.ids.text(Id(Kind::CapacityReservation, *number)),
            name: row.name.clone(),
            state: row.state.as_str(),
            reserved: row.configs.values().map(ReservationConfig::reserved).sum(),
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
}
