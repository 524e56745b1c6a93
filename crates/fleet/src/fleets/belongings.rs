//! The resources of a fleet other than its members that cost money: reservations, and the volumes of members. It is read-only.

use super::census::FleetMember;
use crate::action::volume_attachment;
use crate::cleanup;
use crate::plan::{FleetSpec, RUN_TAG};
use crate::price::{BOOT_VOLUME_VPUS, Prices, rounded};
use crate::reservation::Held;
use oci_api::models::BootVolumeAttachmentLifecycleState;
use oci_client::{Client, Failure};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The resources of a fleet other than its members.
#[derive(Clone, Debug, Default, PartialEq, JsonSchema, Serialize)]
pub struct Belongings {
    /// Reservations that the config names, that members use, or that a run of a member created.
    pub reservations: Vec<FleetReservation>,
    /// The boot volumes of members.
    pub boot_volumes: VolumeTotal,
    /// The data volumes attached to members.
    pub data_volumes: VolumeTotal,
    /// The price of each member's volumes per hour, by the OCID of the instance. A member without an entry has a volume of
    /// unknown price, or none.
    #[serde(skip)]
    pub volume_hours: BTreeMap<String, f64>,
}

impl Belongings {
    /// The price of everything per hour; `None` if a part is unknown.
    pub fn price_per_hour(&self) -> Option<f64> {
        let volumes = [&self.boot_volumes, &self.data_volumes].into_iter();
        let volumes = volumes.filter(|total| total.count > 0).map(|total| total.price_per_hour);
        let unused = self.reservations.iter().filter(|one| one.used < one.reserved);
        volumes.chain(unused.map(|one| one.unused_per_hour)).sum::<Option<f64>>().map(rounded)
    }

    fn add_volume(&mut self, instance: &str, volume: &Volume, prices: &Prices) {
        let vpus = volume.vpus.map_or(BOOT_VOLUME_VPUS, |vpus| vpus as f64);
        let hour = prices.boot_volume_gb_hour(vpus).map(|hour| hour * volume.gigabytes);
        let total = if volume.is_boot { &mut self.boot_volumes } else { &mut self.data_volumes };
        total.add(volume.gigabytes, hour);
        if let Some(hour) = hour {
            *self.volume_hours.entry(instance.to_owned()).or_default() += hour;
        }
    }
}

/// A volume of a member.
struct Volume {
    is_boot: bool,
    gigabytes: f64,
    vpus: Option<i64>,
}

/// A reservation of a fleet.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize)]
pub struct FleetReservation {
    /// Its display name.
    pub name: String,
    /// Its OCID.
    pub ocid: String,
    /// Its availability domain.
    pub availability_domain: String,
    /// The number of instances that it reserves.
    pub reserved: u32,
    /// The number of instances in it, which lags behind launches.
    pub used: u32,
    /// The price of the unused capacity per hour; absent if unknown.
    pub unused_per_hour: Option<f64>,
}

/// The number, size and price of volumes.
#[derive(Clone, Copy, Debug, Default, PartialEq, JsonSchema, Serialize)]
pub struct VolumeTotal {
    /// Their number.
    pub count: usize,
    /// Their total size.
    pub gigabytes: f64,
    /// Their price per hour; absent if unknown.
    pub price_per_hour: Option<f64>,
}

impl VolumeTotal {
    fn add(&mut self, gigabytes: f64, hour: Option<f64>) {
        let before = if self.count == 0 { Some(0.0) } else { self.price_per_hour };
        self.price_per_hour = before.zip(hour).map(|(sum, hour)| rounded(sum + hour));
        self.count += 1;
        self.gigabytes += gigabytes;
    }
}

/// Finds the other resources of a fleet with a few lists of its compartment, and one request for each of its reservations.
///
/// # Errors
/// When the resources cannot be listed.
pub async fn belongings(
    client: &Client,
    fleet: &FleetSpec,
    members: &[FleetMember],
    prices: &Prices,
) -> Result<Belongings, Failure> {
    let mut found = Belongings::default();
    let compartment = fleet.compartment.as_str();
    let named = fleet.placements.iter().filter_map(|placement| placement.capacity_reservation.as_deref());
    let drawn_on = members.iter().filter_map(|member| member.machine.capacity_reservation.as_deref());
    let of_fleet: BTreeSet<&str> = named.chain(drawn_on).collect();
    let runs: BTreeSet<&str> = members.iter().filter_map(|member| member.machine.tags.get(RUN_TAG)).collect();
    for row in client.list_capacity_reservations(compartment, None).await? {
        let run = row.freeform_tags.as_ref().and_then(|tags| tags.get(RUN_TAG));
        let is_ours =
            of_fleet.contains(row.id.as_str()) || run.is_some_and(|run| runs.contains(run.as_str()));
        let is_gone = row.lifecycle_state.as_deref().is_some_and(|state| state.starts_with("DELET"));
        if !is_ours || is_gone {
            continue;
        }
        let held = Held::from(client.get_capacity_reservation(&row.id).await?);
        found.reservations.push(FleetReservation {
            reserved: held.reserved(),
            used: held.used(),
            unused_per_hour: held.unused_hour(prices),
            name: held.name,
            ocid: held.ocid,
            availability_domain: held.availability_domain,
        });
    }
    let ours: BTreeSet<&str> = members.iter().map(|member| member.machine.ocid.as_str()).collect();
    let domains: BTreeSet<&str> = members.iter().map(|member| &*member.machine.availability_domain).collect();
    for domain in domains {
        let mut boots = BTreeMap::new();
        for row in client.list_boot_volume_attachments(compartment, domain, None).await? {
            let attached = row.lifecycle_state != BootVolumeAttachmentLifecycleState::Detached;
            if attached && ours.contains(row.instance_id.as_str()) {
                boots.insert(row.boot_volume_id, row.instance_id);
            }
        }
        for row in client.list_boot_volumes(compartment, domain).await? {
            if let Some(instance) = boots.get(&row.id) {
                let gigabytes = cleanup::gigabytes(row.size_in_gbs, row.size_in_mbs);
                let volume = Volume { is_boot: true, gigabytes, vpus: row.vpus_per_gb };
                found.add_volume(instance, &volume, prices);
            }
        }
        let attached = client.list_volume_attachments(compartment, Some(domain), None).await?;
        let attached = attached.iter().filter_map(volume_attachment);
        // A shareable volume may be attached to several members, but is charged once.
        let data: BTreeMap<String, String> = attached
            .filter(|row| row.state != "DETACHED" && ours.contains(row.instance.as_str()))
            .map(|row| (row.volume, row.instance))
            .collect();
        if data.is_empty() {
            continue;
        }
        for row in client.list_volumes(compartment, Some(domain)).await? {
            if let Some(instance) = data.get(&row.id) {
                let gigabytes = cleanup::gigabytes(row.size_in_gbs, row.size_in_mbs);
                let volume = Volume { is_boot: false, gigabytes, vpus: row.vpus_per_gb };
                found.add_volume(instance, &volume, prices);
            }
        }
    }
    Ok(found)
}
