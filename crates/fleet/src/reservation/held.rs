//! Existing reservations and what they hold.

use futures_util::{StreamExt as _, stream};
use oci_api::models::{
    ComputeCapacityReservation, ComputeCapacityReservationSummary, InstanceReservationConfig,
};
use oci_client::services::compute::InstanceFilter;
use oci_client::{Answered, Client, plain_text};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

use super::ReservationError;
use super::ask::{SIZE_TAG, Want, read_size_tag};
use crate::price::{Prices, Size, UNUSED_RESERVATION};

/// The maximum number of reservations read at once for details of a list.
const AT_ONCE: usize = 10;

/// One kind of instance in a reservation.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize)]
pub struct Config {
    /// The shape.
    pub shape: String,
    /// OCPUs, of a flexible shape.
    pub ocpus: Option<f64>,
    /// Memory in GB, of a flexible shape.
    pub memory_gb: Option<f64>,
    /// The fault domain, if it is bound to one.
    pub fault_domain: Option<String>,
    /// The cluster placement group, if it is in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_placement_group: Option<String>,
    /// The number held.
    pub reserved: u32,
    /// The number of them that instances use.
    pub used: u32,
}

impl Config {
    /// Its size.
    pub fn size(&self) -> Size {
        Size { ocpus: self.ocpus, memory_gb: self.memory_gb }
    }

    /// For people: `VM.Standard.E4.Flex, 1 OCPU, 6 GB`.
    pub fn describe(&self) -> String {
        self.want().describe()
    }

    /// The kind of launch that can use it, with a count of 0.
    pub(crate) fn want(&self) -> Want {
        Want {
            shape: self.shape.clone(),
            ocpus: self.ocpus,
            memory_gb: self.memory_gb,
            fault_domain: self.fault_domain.clone(),
            cluster_placement_group: self.cluster_placement_group.clone(),
            count: 0,
        }
    }

    /// The price of the unused ones per hour; `null` if unknown.
    pub fn unused_hour(&self, prices: &Prices) -> Option<f64> {
        unused_hour(&self.shape, self.size(), self.reserved.saturating_sub(self.used), prices)
    }
}

impl From<&InstanceReservationConfig> for Config {
    fn from(config: &InstanceReservationConfig) -> Self {
        let size = config.instance_shape_config.as_deref();
        Self {
            shape: config.instance_shape.clone(),
            ocpus: size.and_then(|size| size.ocpus),
            memory_gb: size.and_then(|size| size.memory_in_gbs),
            fault_domain: config.fault_domain.clone(),
            cluster_placement_group: config.cluster_placement_group_id.clone(),
            reserved: whole(Some(config.reserved_count)),
            used: whole(Some(config.used_count)),
        }
    }
}

fn unused_hour(shape: &str, size: Size, unused: u32, prices: &Prices) -> Option<f64> {
    if unused == 0 {
        return Some(0.0);
    }
    let hour = prices.instance_hour(shape, size, 1.0)? * UNUSED_RESERVATION * f64::from(unused);
    Some(crate::price::rounded(hour))
}

/// A count from the service; a missing or negative one is 0.
pub(super) fn whole(count: Option<i64>) -> u32 {
    count.and_then(|count| u32::try_from(count.max(0)).ok()).unwrap_or_default()
}

/// A reservation, read in full.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize)]
pub struct Held {
    /// Its OCID.
    pub ocid: String,
    /// Its display name.
    pub name: String,
    /// Its compartment.
    pub compartment: String,
    /// Its availability domain.
    pub availability_domain: String,
    /// Its state.
    pub state: String,
    /// Whether it is the default of its availability domain, which launches without a reservation use first.
    pub is_default: bool,
    /// What it holds.
    pub configs: Vec<Config>,
    /// Its freeform tags.
    pub freeform_tags: BTreeMap<String, String>,
    /// The value for `if-match`.
    #[serde(skip)]
    pub etag: Option<String>,
    /// The reservation as it was read.
    #[serde(skip)]
    pub(crate) wire: Box<ComputeCapacityReservation>,
}

impl Held {
    /// The number of instances that it reserves, summed over the configs because the service's totals may lag.
    pub fn reserved(&self) -> u32 {
        match self.configs.as_slice() {
            [] => whole(self.wire.reserved_instance_count),
            configs => configs.iter().map(|config| config.reserved).fold(0, u32::saturating_add),
        }
    }

    /// The number of instances in it, which lags behind launches.
    pub fn used(&self) -> u32 {
        match self.configs.as_slice() {
            [] => whole(self.wire.used_instance_count),
            configs => configs.iter().map(|config| config.used).fold(0, u32::saturating_add),
        }
    }

    /// The price of its unused part per hour; `None` if a price is unknown.
    pub fn unused_hour(&self, prices: &Prices) -> Option<f64> {
        let hours: Option<f64> = self.configs.iter().map(|config| config.unused_hour(prices)).sum();
        hours.map(crate::price::rounded)
    }
}

impl From<Answered<ComputeCapacityReservation>> for Held {
    fn from(answer: Answered<ComputeCapacityReservation>) -> Self {
        let value = answer.value;
        Self {
            ocid: value.id.clone(),
            name: plain_text(value.display_name.as_deref().unwrap_or_default(), 255),
            compartment: value.compartment_id.clone(),
            availability_domain: value.availability_domain.clone(),
            state: value.lifecycle_state.to_string(),
            is_default: value.is_default_reservation.unwrap_or_default(),
            configs: value.instance_reservation_configs.iter().flatten().map(Config::from).collect(),
            freeform_tags: value.freeform_tags.clone().unwrap_or_default(),
            etag: answer.etag,
            wire: Box::new(value),
        }
    }
}

/// A reservation as a list shows it.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize)]
pub struct Listed {
    /// Its display name.
    pub name: String,
    /// Its OCID.
    pub ocid: String,
    /// Its state.
    pub state: String,
    /// Its availability domain.
    pub availability_domain: String,
    /// The number of instances that it reserves.
    pub reserved: u32,
    /// The number of instances in it.
    pub used: u32,
    /// How many more fit.
    pub free: u32,
    /// The price of the unused part per hour; absent if the shape or the price is unknown.
    pub unused_per_hour: Option<f64>,
    /// Whether it is the default of its availability domain.
    pub is_default: bool,
}

impl Listed {
    fn new(row: &ComputeCapacityReservationSummary, prices: &Prices) -> Self {
        let (reserved, used) = (whole(row.reserved_instance_count), whole(row.used_instance_count));
        let free = reserved.saturating_sub(used);
        let size = row.freeform_tags.as_ref().and_then(|tags| read_size_tag(tags.get(SIZE_TAG)?));
        let unused_per_hour = match size {
            _ if free == 0 => Some(0.0),
            Some((shape, size)) => unused_hour(&shape, size, free, prices),
            None => None,
        };
        Self {
            name: plain_text(row.display_name.as_deref().unwrap_or_default(), 255),
            ocid: row.id.clone(),
            state: plain_text(row.lifecycle_state.as_deref().unwrap_or("unknown"), 40),
            availability_domain: row.availability_domain.clone(),
            reserved,
            used,
            free,
            unused_per_hour,
            is_default: row.is_default_reservation.unwrap_or_default(),
        }
    }
}

/// Which reservations to list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only in this availability domain.
    pub availability_domain: Option<String>,
    /// Whether to include deleted ones.
    pub deleted: bool,
    /// Whether to read each one whose unused part has no price yet, with one request each.
    pub with_cost: bool,
}

/// The reservations of a compartment: one list request, unless the cost of each is wanted.
pub async fn list(
    client: &Client,
    compartment: &str,
    filter: &Filter,
    prices: &Prices,
) -> Result<Vec<Listed>, ReservationError> {
    let rows = client.list_capacity_reservations(compartment, filter.availability_domain.as_deref()).await?;
    let mut listed: Vec<Listed> = rows
        .iter()
        .filter(|row| {
            filter.deleted
                || !row.lifecycle_state.as_deref().is_some_and(|s| s.eq_ignore_ascii_case("DELETED"))
        })
        .map(|row| Listed::new(row, prices))
        .collect();
    if filter.with_cost {
        let mut costs: BTreeMap<String, Option<f64>> = stream::iter(
            listed
                .iter()
                .filter(|row| row.unused_per_hour.is_none())
                .map(|row| row.ocid.clone())
                .collect::<Vec<_>>(),
        )
        .map(|ocid| async move {
            let held = client.get_capacity_reservation(&ocid).await.map(Held::from);
            (ocid, held.ok().and_then(|held| held.unused_hour(prices)))
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
        for row in &mut listed {
            if let Some(cost) = costs.remove(&row.ocid) {
                row.unused_per_hour = cost;
            }
        }
    }
    Ok(listed)
}

/// Reads one reservation in full.
pub async fn show(client: &Client, ocid: &str) -> Result<Held, ReservationError> {
    Ok(client.get_capacity_reservation(ocid).await?.into())
}

/// An instance in a reservation.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize)]
pub struct Member {
    /// Its OCID.
    pub ocid: String,
    /// Its display name, if it could be read.
    pub name: Option<String>,
    /// Its shape.
    pub shape: String,
    /// Its fault domain.
    pub fault_domain: Option<String>,
}

impl Member {
    /// For people: `web-1 (ocid1.instance…)`.
    pub fn describe(&self) -> String {
        match &self.name {
            Some(name) => format!("{name} ({})", self.ocid),
            None => self.ocid.clone(),
        }
    }
}

/// The instances in a reservation, with their names. The service's list of members has no names, so each compartment with
/// members is listed once.
pub async fn members(client: &Client, ocid: &str) -> Result<Vec<Member>, ReservationError> {
    let rows = client.list_capacity_reservation_instances(ocid, None).await?;
    let compartments: BTreeSet<&str> = rows.iter().map(|row| row.compartment_id.as_str()).collect();
    let mut names = BTreeMap::new();
    for compartment in compartments {
        let filter = InstanceFilter {
            capacity_reservation_id: Some(ocid.to_owned()),
            ..InstanceFilter::in_compartment(compartment)
        };
        // Names are optional: a user who may not list instances sees OCIDs.
        for instance in client.list_instances(&filter).await.unwrap_or_default() {
            names.insert(instance.id, plain_text(&instance.display_name.unwrap_or_default(), 255));
        }
    }
    Ok(rows
        .into_iter()
        .map(|row| Member {
            name: names.remove(&row.id).filter(|name| !name.is_empty()),
            ocid: row.id,
            shape: row.shape,
            fault_domain: row.fault_domain,
        })
        .collect())
}
